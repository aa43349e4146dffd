"""Keywords of the checks in a `real_server`.

Rules of this file: as in `instance.py`. Each kind has rows of its own, because our keys carry its name.
"""

from __future__ import annotations

from collections.abc import Iterator

from vrrp_compat.keepalived_conf.keywords.check_parameters import Bytes, Digest, DnsName, StatusCodes
from vrrp_compat.keepalived_conf.keywords.parameters import (
    LARGEST_SIGNED,
    Address,
    Bool,
    Choice,
    Missing,
    Program,
    Quoted,
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
    carried_out,
    no_meaning,
    refused,
)
from vrrp_compat.keepalived_conf.keywords.tracks import weight

_SHORTEST_S = 0.000001
LONGEST_TIMEOUT_S = 4294.967295

_REAL_SERVER = "virtual_server.NAME.real_server.NAME"
_PORT = Whole(least=1, most=65535)
_HOST = Text(called="host", missing=Missing.LEFT_OUT)
_NO_BFD = "BFD is not spoken here: check the service itself, for example by TCP_CHECK."


def _trying(above: str) -> Iterator[Row]:
    """What every check has."""
    yield carried_out("retry", Whole(), ours=f"{above}.retry")
    yield carried_out("delay_before_retry", Seconds(), ours=f"{above}.delay_before_retry")
    yield carried_out("warmup", Seconds(), ours=f"{above}.warmup")
    yield carried_out("delay_loop", Seconds(least=_SHORTEST_S), ours=f"{above}.delay_loop")
    yield carried_out("alpha", Bool(), ours=f"{above}.alpha")
    yield carried_out("log_all_failures", Bool(), ours=f"{above}.log_all_failures")


def _connecting(above: str) -> Iterator[Row]:
    """What those have besides that send something."""
    yield carried_out("connect_ip", Address(), ours=f"{above}.connect_ip")
    yield carried_out("connect_port", _PORT, ours=f"{above}.connect_port")
    yield carried_out("bindto", Address(), ours=f"{above}.bindto")
    yield carried_out("bind_if", Text(called="interface"), ours=f"{above}.bind_if")
    yield carried_out("bind_port", _PORT, ours=f"{above}.bind_port")
    yield carried_out("fwmark", Whole(), ours=f"{above}.fwmark")
    yield carried_out(
        "connect_timeout",
        Seconds(least=_SHORTEST_S, most=LONGEST_TIMEOUT_S),
        ours=f"{above}.connect_timeout",
    )
    yield from _trying(above)


def _url(above: str) -> Layout:
    """What is said of one page."""
    return Layout(
        (
            carried_out("path", Text(called="path"), ours=f"{above}.path"),
            carried_out("digest", Digest(), ours=f"{above}.digest", first_counts=True),
            carried_out("status_code", StatusCodes(), ours=f"{above}.status_code"),
            carried_out("virtualhost", _HOST, ours=f"{above}.virtualhost"),
            carried_out("regex", Quoted(called="expression"), ours=f"{above}.regex"),
            carried_out("regex_no_match", Rest(called="[words]"), ours=f"{above}.regex_no_match"),
            carried_out("regex_options", Rest(called="options"), ours=f"{above}.regex_options"),
            no_meaning(
                "regex_stack", Rest(called="start [most]"), why="Expressions need no stack to be set here."
            ),
            carried_out("regex_min_offset", Rest(called="bytes"), ours=f"{above}.regex_min_offset"),
            carried_out("regex_max_offset", Rest(called="bytes"), ours=f"{above}.regex_max_offset"),
            carried_out("tls_compliant", Bool(), ours=f"{above}.tls_compliant", since=NEWER),
        )
    )


def _http(above: str) -> Iterator[Row]:
    """HTTP_GET, and SSL_GET as far as it is the same. Other checks do not know `nb_get_retry`."""
    for row in _connecting(above):
        if row.keyword == "retry":
            old = OldName("nb_get_retry", Reply.DEPRECATED)
            yield carried_out("retry", Whole(), ours=f"{above}.retry", old_names=(old,))
        else:
            yield row
    yield carried_out("url", ours=f"{above}.url.NAME", layout=_url(f"{above}.url.NAME"))
    yield carried_out("virtualhost", _HOST, ours=f"{above}.virtualhost")
    yield carried_out(
        "http_protocol",
        Choice(words=("1.0", "1.0C", "1.0c", "1.1"), missing=Missing.LEFT_OUT),
        ours=f"{above}.http_protocol",
    )
    yield carried_out("fast_recovery", Bool(), ours=f"{above}.fast_recovery")


_HTTP_GET = f"{_REAL_SERVER}.http_get.NAME"
_SSL_GET = f"{_REAL_SERVER}.ssl_get.NAME"
_SMTP = f"{_REAL_SERVER}.smtp_check.NAME"
_DNS = f"{_REAL_SERVER}.dns_check.NAME"
_MISC = f"{_REAL_SERVER}.misc_check.NAME"
_UDP = f"{_REAL_SERVER}.udp_check.NAME"
_FILE = f"{_REAL_SERVER}.file_check.NAME"

_HTTP_ROWS = (
    *_http(_HTTP_GET),
    no_meaning("enable_sni", Bool(), why="It is for SSL_GET alone."),
)
_SSL_ROWS = (
    *_http(_SSL_GET),
    carried_out("enable_sni", Bool(), ours=f"{_SSL_GET}.enable_sni"),
    carried_out("sni_name", Text(called="name"), ours=f"{_SSL_GET}.sni_name", since=NEWER),
    carried_out("tls_compliant", Bool(), ours=f"{_SSL_GET}.tls_compliant", since=NEWER),
)
_SMTP_ROWS = (
    *_connecting(_SMTP),
    carried_out("helo_name", Text(called="name", missing=Missing.LEFT_OUT), ours=f"{_SMTP}.helo_name"),
    carried_out(
        "host", ours=_SMTP, says="Each is a check of its own.", layout=Layout(tuple(_connecting(_SMTP)))
    ),
)
_DNS_ROWS = (
    *_connecting(_DNS),
    carried_out(
        "type",
        Choice(words=("A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA"), any_case=True),
        ours=f"{_DNS}.type",
    ),
    carried_out("name", DnsName(), ours=f"{_DNS}.name", first_counts=True),
)
_MISC_ROWS = (
    *_trying(_MISC),
    carried_out("misc_path", Program(missing=Missing.LEFT_OUT), ours=f"{_MISC}.misc_path"),
    carried_out("misc_timeout", Whole(), ours=f"{_MISC}.misc_timeout", says="0 is as good as nothing."),
    carried_out("misc_dynamic", ours=f"{_MISC}.misc_dynamic"),
    carried_out(
        "user",
        Text(called="user", missing=Missing.LEFT_OUT),
        Text(called="[group]", missing=Missing.FINE),
        ours=(f"{_MISC}.user", f"{_MISC}.group"),
    ),
)
_UDP_ROWS = (
    *_connecting(_UDP),
    carried_out("payload", Bytes(missing=Missing.LEFT_OUT), ours=f"{_UDP}.payload"),
    carried_out(
        "require_reply",
        Bytes(wildcards=True, missing=Missing.FINE, instead=""),
        ours=(f"{_UDP}.require_reply", f"{_UDP}.reply"),
    ),
    carried_out("min_reply_length", Whole(most=65535), ours=f"{_UDP}.min_reply_length"),
    carried_out("max_reply_length", Whole(most=65535), ours=f"{_UDP}.max_reply_length"),
)
_FILE_ROWS = (
    carried_out("track_file", Text(called="name"), ours=f"{_FILE}.track_file"),
    carried_out(
        "weight",
        *weight(LARGEST_SIGNED, Missing.LEFT_OUT),
        ours=(f"{_FILE}.weight", f"{_FILE}.reverse"),
    ),
)
_BFD_ROWS = (
    refused("name", Text(called="name", missing=Missing.LEFT_OUT), why=_NO_BFD),
    refused("alpha", Bool(), why=_NO_BFD),
)


def _kind(keyword: str, *rows: Row) -> Row:
    table = f"{_REAL_SERVER}.{keyword.lower()}.NAME"
    return carried_out(keyword, ours=table, layout=Layout(rows or tuple(_connecting(table))))


CHECKERS: tuple[Row, ...] = (
    _kind("TCP_CHECK"),
    _kind("HTTP_GET", *_HTTP_ROWS),
    _kind("SSL_GET", *_SSL_ROWS),
    _kind("SMTP_CHECK", *_SMTP_ROWS),
    _kind("DNS_CHECK", *_DNS_ROWS),
    _kind("MISC_CHECK", *_MISC_ROWS),
    _kind("UDP_CHECK", *_UDP_ROWS),
    _kind("PING_CHECK"),
    _kind("FILE_CHECK", *_FILE_ROWS),
    refused("BFD_CHECK", why=_NO_BFD, layout=Layout(_BFD_ROWS)),
)
