"""Settings of the checks that say whether a real server is well.

Rules of this file: as in `schema.py`; names are keepalived's.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vipkeeper.config.described import about as _about
from vipkeeper.config.program_owner import ProgramGroup, ProgramUser

LONGEST_DELAY_S = 86400.0
LONGEST_CONNECT_S = 4294.0

PACING_KEYS = {
    "delay_loop_s": "delay_loop",
    "connect_timeout_s": "connect_timeout",
    "delay_before_retry_s": "delay_before_retry",
    "warmup_s": "warmup",
}


class Pacing(msgspec.Struct, frozen=True, kw_only=True, rename=PACING_KEYS):
    """When a check runs. What is not set is that of the real server, then that of the virtual server."""

    delay_loop_s: (
        Annotated[
            float,
            _about(
                "How long after a check that ended the next one begins. The default is 60 s.",
                2.0,
                unit="seconds",
                gt=0,
                le=LONGEST_DELAY_S,
            ),
        ]
        | None
    ) = None
    connect_timeout_s: (
        Annotated[
            float,
            _about(
                "How long a check may take to connect, and then to get its answer. The default is 5 s.",
                3.0,
                unit="seconds",
                gt=0,
                le=LONGEST_CONNECT_S,
            ),
        ]
        | None
    ) = None
    retry: (
        Annotated[
            int,
            _about(
                "How many more failures in a row are needed, after the first one, to take the server out. "
                "The default is 1; of a DNS check 3; of a program 0.",
                3,
                ge=0,
                le=1_000_000,
            ),
        ]
        | None
    ) = None
    delay_before_retry_s: (
        Annotated[
            float,
            _about(
                "How long after a failure it is tried again. The default is 1 s; of HTTP 3 s; of DNS "
                "`delay_loop`.",
                1.0,
                unit="seconds",
                ge=0,
                le=LONGEST_DELAY_S,
            ),
        ]
        | None
    ) = None
    warmup_s: (
        Annotated[
            float,
            _about(
                "The first check comes at a moment within this time after the start, so that not all come at "
                "once. The default is `delay_loop`.",
                5.0,
                unit="seconds",
                ge=0,
                le=LONGEST_DELAY_S,
            ),
        ]
        | None
    ) = None
    alpha: (
        Annotated[
            bool,
            _about(
                "Whether the server is out until its first check succeeds. Without it, it is in from the "
                "start, and the first failure of a first check takes it out whatever `retry` says.",
                True,
            ),
        ]
        | None
    ) = None


class Check(Pacing, frozen=True, kw_only=True):
    """What all checks have."""

    log_all_failures: (
        Annotated[
            bool,
            _about(
                "Whether each failure is logged, and not only the one that takes the server out. The default "
                "is `ipvs.log_all_failures`.",
                True,
            ),
        ]
        | None
    ) = None


class Connecting(Check, frozen=True, kw_only=True):
    """What all checks have that send something to the real server."""

    connect_ip: (
        Annotated[str, _about("The address that is checked instead of the real server's.", "10.0.0.11")]
        | None
    ) = None
    connect_port: (
        Annotated[int, _about("The port that is checked instead of the real server's.", 8080, ge=1, le=65535)]
        | None
    ) = None
    bindto: Annotated[str, _about("The source address.", "10.0.0.1", min_length=1)] | None = None
    bind_port: Annotated[int, _about("The source port.", 2000, ge=1, le=65535)] | None = None
    bind_if: Annotated[str, _about("The interface that it goes out by.", "eth1", min_length=1)] | None = None
    fwmark: Annotated[int, _about("The firewall mark of its packets.", 7, ge=1, le=4_294_967_295)] | None = (
        None
    )


class TcpCheck(Connecting, frozen=True, kw_only=True):
    """The server is well when a connection can be made: keepalived's `TCP_CHECK`."""


class Url(msgspec.Struct, frozen=True):
    """One page and what it must be like. Without `status_code`, `digest` and `regex`: any 2xx is well."""

    path: Annotated[str, _about("What is asked for.", "/health", min_length=1)] = "/"
    status_code: (
        Annotated[
            str,
            _about(
                "Status codes and ranges of them, with blanks between. The default is 200-299, unless there "
                "is a digest or a regular expression.",
                "200 301-304",
                min_length=1,
            ),
        ]
        | None
    ) = None
    digest: (
        Annotated[
            str,
            _about(
                "The MD5 of the page's body, in hexadecimal; `vipkeeper genhash` tells it.",
                "9b3a0c85a887a256d6939da88aabd8cd",
                min_length=1,
            ),
        ]
        | None
    ) = None
    virtualhost: (
        Annotated[
            str,
            _about(
                "The name in the Host header. The default is that of the check, of the real server, then of "
                "the virtual server.",
                "www.example.com",
                min_length=1,
            ),
        ]
        | None
    ) = None
    regex: (
        Annotated[
            str, _about("What the body must match somewhere (PCRE's usual syntax).", "[Oo]k", min_length=1)
        ]
        | None
    ) = None
    regex_no_match: Annotated[bool, _about("Whether the body must not match.", True)] = False
    regex_options: (
        Annotated[
            tuple[str, ...],
            _about(
                "As keepalived names them: caseless, multiline, dotall, extended, anchored and so on.",
                ["caseless"],
                min_length=1,
            ),
        ]
        | None
    ) = None
    regex_min_offset: Annotated[
        int, _about("A match must not begin before this byte of the body.", 10, ge=0)
    ] = 0
    regex_max_offset: (
        Annotated[int, _about("A match must begin before this byte of the body.", 1000, ge=1)] | None
    ) = None
    tls_compliant: Annotated[
        bool,
        _about("Whether a TLS connection that ends without close_notify is a failure.", True),
    ] = False


class HttpGet(Connecting, frozen=True, kw_only=True):
    """The server is well when it gives the right pages: keepalived's `HTTP_GET`. One page at each turn."""

    url: dict[str, Url] = {}
    virtualhost: (
        Annotated[str, _about("The name in the Host header.", "www.example.com", min_length=1)] | None
    ) = None
    http_protocol: Annotated[
        Literal["1.0", "1.0C", "1.1"],
        _about("The version that is spoken; `1.0C` is 1.0 with `Connection: close`.", "1.1"),
    ] = "1.0"
    fast_recovery: Annotated[
        bool,
        _about("Whether, of a server that is out, all pages are asked for at one turn.", True),
    ] = False


class SslGet(HttpGet, frozen=True, kw_only=True):
    """The same over TLS: keepalived's `SSL_GET`. The server's certificate is judged only with `ssl.ca`."""

    enable_sni: Annotated[bool, _about("Whether the virtual host is named in the TLS handshake.", True)] = (
        False
    )
    sni_name: (
        Annotated[str, _about("The name in the TLS handshake.", "www.example.com", min_length=1)] | None
    ) = None
    tls_compliant: Annotated[
        bool,
        _about("Whether a TLS connection that ends without close_notify is a failure.", True),
    ] = False


class SmtpCheck(Connecting, frozen=True, kw_only=True):
    """The server is well when it greets and takes a HELO: keepalived's `SMTP_CHECK`."""

    helo_name: Annotated[str, _about("What the check calls itself.", "lb1.example.com", min_length=1)] = (
        "smtpchecker.keepalived.org"
    )


class DnsCheck(Connecting, frozen=True, kw_only=True):
    """The server is well when it answers a question over UDP: keepalived's `DNS_CHECK`."""

    type: Annotated[
        Literal["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA"], _about("The type asked for.", "A")
    ] = "SOA"
    name: Annotated[str, _about("The name asked for.", "example.com", min_length=1)] = "."


class UdpCheck(Connecting, frozen=True, kw_only=True):
    """The server is well when no ICMP error comes back, or the right answer does: `UDP_CHECK`."""

    payload: (
        Annotated[
            str, _about("What is sent, in hexadecimal. Without it, a few bytes.", "0a0b0c", min_length=1)
        ]
        | None
    ) = None
    require_reply: Annotated[bool, _about("Whether an answer must come.", True)] = False
    reply: (
        Annotated[
            str,
            _about(
                "What the answer must begin with, in hexadecimal; `x` stands for any digit. It implies "
                "`require_reply`.",
                "0axx0c",
                min_length=1,
            ),
        ]
        | None
    ) = None
    min_reply_length: Annotated[int, _about("A shorter answer is a failure.", 4, ge=0, le=65535)] = 0
    max_reply_length: Annotated[int, _about("A longer answer is a failure.", 64, ge=0, le=65535)] = 255


class PingCheck(Connecting, frozen=True, kw_only=True):
    """The server is well when it answers an ICMP echo request: keepalived's `PING_CHECK`."""


class MiscCheck(Check, frozen=True, kw_only=True, rename={"misc_timeout_s": "misc_timeout"}):
    """A program says by its exit code whether the server is well: keepalived's `MISC_CHECK`."""

    misc_path: Annotated[
        str,
        _about(
            "Program and arguments; quotes hold words together. No shell reads it. Exit code 0: well.",
            "/usr/local/bin/check-web 10.0.0.11",
            min_length=1,
        ),
    ]
    misc_timeout_s: (
        Annotated[
            float,
            _about(
                "A run that takes longer is ended (SIGTERM, after 2 s SIGKILL) and counts as failed. The "
                "default is `delay_loop`.",
                5.0,
                unit="seconds",
                gt=0,
                le=LONGEST_DELAY_S,
            ),
        ]
        | None
    ) = None
    misc_dynamic: Annotated[
        bool,
        _about("Whether exit codes from 2 to 255 mean well, and a weight that is two less.", True),
    ] = False
    user: ProgramUser = None
    group: ProgramGroup = None


class FileCheck(Check, frozen=True, kw_only=True):
    """The number in a tracked file says what weight the server has: keepalived's `FILE_CHECK`."""

    track_file: Annotated[str, _about("The name of a `track_file`.", "drain-web1", min_length=1)]
    weight: Annotated[
        int,
        _about(
            "What the number is multiplied by before it is added to the server's weight. 0: a number other "
            "than 0 takes the server out.",
            1,
            ge=-65535,
            le=65535,
        ),
    ] = 1
    reverse: Annotated[bool, _about("Whether the number's sign is turned round.", True)] = False
