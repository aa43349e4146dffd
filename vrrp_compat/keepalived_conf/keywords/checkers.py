"""Keywords of the checks in a `real_server`.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.parameters import (
    LARGEST_SIGNED,
    Address,
    Bool,
    Choice,
    Missing,
    Program,
    Rest,
    Seconds,
    Text,
    Whole,
)
from vrrp_compat.keepalived_conf.keywords.rows import (
    NEWER,
    Layout,
    OldName,
    Reply,
    Row,
    coming,
)
from vrrp_compat.keepalived_conf.keywords.tracks import weight

_SHORTEST_S = 0.000001
LONGEST_TIMEOUT_S = 4294.967295

_PORT = Whole(least=1, most=65535)

# What every check has, and what those have besides that open a connection.
_TRYING = (
    coming("retry", Whole()),
    coming("delay_before_retry", Seconds()),
    coming("warmup", Seconds()),
    coming("delay_loop", Seconds(least=_SHORTEST_S)),
    coming("alpha", Bool()),
    coming("log_all_failures", Bool()),
)
_CONNECTING = (
    coming("connect_ip", Address()),
    coming("connect_port", _PORT),
    coming("bindto", Address()),
    coming("bind_if", Text(called="interface")),
    coming("bind_port", _PORT),
    coming("fwmark", Whole()),
    coming("connect_timeout", Seconds(least=_SHORTEST_S, most=LONGEST_TIMEOUT_S)),
    *_TRYING,
)

_URL = Layout(
    (
        coming("path", Text(called="path")),
        coming("digest", Text(called="MD5 in hexadecimal")),
        coming("status_code", Rest(called="codes and ranges, 100 to 599")),
        coming("virtualhost", Text(called="host", missing=Missing.LEFT_OUT)),
        coming("regex", Rest(called="expression")),
        coming("regex_no_match", Rest(called="expression")),
        coming("regex_options", Rest(called="options")),
        coming("regex_stack", Rest(called="start [most]")),
        coming("regex_min_offset", Rest(called="bytes")),
        coming("regex_max_offset", Rest(called="bytes")),
        coming("tls_compliant", Bool(), since=NEWER),
    )
)

# In other checks than these, `nb_get_retry` is a word that nobody knows.
_HTTP_RETRY = coming("retry", Whole(), old_names=(OldName("nb_get_retry", Reply.DEPRECATED),))
_HTTP = (
    *(row if row.keyword != "retry" else _HTTP_RETRY for row in _CONNECTING),
    coming("url", layout=_URL),
    coming("virtualhost", Text(called="host", missing=Missing.LEFT_OUT)),
    coming("http_protocol", Choice(words=("1.0", "1.0C", "1.0c", "1.1"), missing=Missing.LEFT_OUT)),
    coming("fast_recovery", Bool()),
    coming("enable_sni", Bool(), says="For SSL_GET alone."),
)
_SSL = (
    *_HTTP,
    coming("sni_name", Text(called="name"), since=NEWER),
    coming("tls_compliant", Bool(), since=NEWER),
)
_SMTP_HOST = Layout(_CONNECTING)
_SMTP = (
    *_CONNECTING,
    coming("helo_name", Text(called="name", missing=Missing.LEFT_OUT)),
    coming("host", layout=_SMTP_HOST),
)
_DNS = (
    *_CONNECTING,
    coming("type", Choice(words=("A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA"), any_case=True)),
    coming("name", Text(called="name")),
)
_MISC = (
    *_TRYING,
    coming("misc_path", Program(missing=Missing.LEFT_OUT)),
    coming("misc_timeout", Whole()),
    coming("misc_dynamic"),
    coming(
        "user",
        Text(called="user", missing=Missing.LEFT_OUT),
        Text(called="[group]", missing=Missing.FINE),
    ),
)
_UDP = (
    *_CONNECTING,
    coming("payload", Text(called="hexadecimal bytes", missing=Missing.LEFT_OUT)),
    coming("require_reply", Rest(called="[hexadecimal bytes, x for any]")),
    coming("min_reply_length", Whole(most=65535)),
    coming("max_reply_length", Whole(most=65535)),
)
_FILE = (
    coming("track_file", Text(called="name")),
    coming("weight", *weight(LARGEST_SIGNED, Missing.LEFT_OUT)),
)
_BFD = (
    coming("name", Text(called="name", missing=Missing.LEFT_OUT)),
    coming("alpha", Bool()),
)

CHECKERS: tuple[Row, ...] = (
    coming("TCP_CHECK", layout=Layout(_CONNECTING)),
    coming("HTTP_GET", layout=Layout(_HTTP)),
    coming("SSL_GET", layout=Layout(_SSL)),
    coming("SMTP_CHECK", layout=Layout(_SMTP)),
    coming("DNS_CHECK", layout=Layout(_DNS)),
    coming("MISC_CHECK", layout=Layout(_MISC)),
    coming("UDP_CHECK", layout=Layout(_UDP)),
    coming("PING_CHECK", layout=Layout(_CONNECTING)),
    coming("FILE_CHECK", layout=Layout(_FILE)),
    coming("BFD_CHECK", layout=Layout(_BFD)),
)
