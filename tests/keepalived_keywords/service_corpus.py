"""Files over the whole vocabulary of virtual servers, drawn from the table.

Rules of this file: as in `corpus.py`. Real servers, groups and contradictions are drawn more often than by
chance, because what keepalived says of a virtual server depends on how its lines fit together.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.keepalived_keywords.corpus import Corpus
from vrrp_compat.keepalived_conf.keywords.check_parameters import (
    Bytes,
    Digest,
    DnsName,
    Port,
    StatusCodes,
)
from vrrp_compat.keepalived_conf.keywords.parameters import Parameter, Quoted
from vrrp_compat.keepalived_conf.keywords.rows import Layout, Row
from vrrp_compat.keepalived_conf.keywords.virtual_server import REAL_SERVER, VIRTUAL_SERVER

_GLOBALS = """\
global_defs {
enable_script_security
script_user root
notification_email {
ops@example.com
}
smtp_server 127.0.0.1
}
"""
_FRAME = frozenset({"real_server", "protocol", "lvs_sched", "lvs_method"})
# In 2.2.7 these read memory that is not theirs, or ask the host.
_NOT_DRAWN = frozenset({"host", "BFD_CHECK", "user", "snmp_name", "regex"})
_VIRTUAL = Layout(tuple(row for row in VIRTUAL_SERVER if row.keyword not in _FRAME | _NOT_DRAWN))
_CHECKS = tuple(row for row in REAL_SERVER if row.layout is not None and row.keyword not in _NOT_DRAWN)
_REAL = Layout(
    tuple(row for row in REAL_SERVER if row.layout is None and row.keyword not in {"lvs_method", *_NOT_DRAWN})
)
_NEEDED = {
    "MISC_CHECK": "misc_path /bin/true\n",
    "FILE_CHECK": "track_file down\n",
    "HTTP_GET": "url {\npath /\n}\n",
    "SSL_GET": "url {\npath /\nstatus_code 200 301-304\n}\n",
}
_METHODS = ("NAT", "NAT", "DR", "TUN", "TUN type gue port 5555", "TUN type gre csum")
_ODD_METHODS = (
    "dr",
    "TUN type gue",
    "TUN csum",
    "NAT type gue port 3 up",
    "TUN type gre remcsum",
    "DR port 7",
)
_GROUP_LINES = (
    "192.0.2.80 80", "192.0.2.81-85 80", "192.0.2.90-192.0.2.99 443", "198.51.100.8/29 80", "192.0.2.70",
    "fwmark 7", "fwmark 8 inet",
)  # fmt: skip
_ODD_GROUP_LINES = (
    "lb01 80", "192.0.2.85-81 80", "198.51.100.9/29 80", "192.0.2.80/33 80", "fwmark x", "fwmark 3 ipv4",
    "192.0.2.81-300 80", "2001:db8::80 80", "192.0.2.80 70000", "192.0.2.80-82 80",
)  # fmt: skip


class ServiceCorpus(Corpus):
    """One file of virtual servers."""

    def text(self) -> str:
        chance = self._random
        blocks = self.blocks(chance.randint(1, 3))
        if self._broken and chance.random() < 0.2:
            chance.shuffle(blocks)
        text = "".join(blocks)
        return self._with_a_typing_error(text) if self._broken and chance.random() < 0.2 else text

    def blocks(self, services: int) -> list[str]:
        """So many virtual servers, and what they need around them."""
        blocks = [_GLOBALS, "track_file down {\nfile /run/down\nweight 3\n}\n"]
        if self._random.random() < 0.5:
            blocks.append(self._group_of_services())
        return blocks + [self._service(number) for number in range(services)]

    def _pick(self, right: tuple[str, ...], odd: tuple[str, ...], share: float = 0.2) -> str:
        return self._random.choice(odd if self._broken and self._random.random() < share else right)

    def _group_of_services(self) -> str:
        lines = [self._pick(_GROUP_LINES, _ODD_GROUP_LINES) for _ in range(self._random.randint(1, 3))]
        return f"virtual_server_group web {{\n{chr(10).join(lines)}\n}}\n"

    def _service(self, number: int) -> str:
        chance = self._random
        which = self._pick(
            (f"192.0.2.{number + 1} 80", f"192.0.2.{number + 1} 80", f"fwmark {number + 3}", "group web"),
            (f"192.0.2.{number + 1}", "group other", "192.0.2.9 70000", "192.0.2.9 0", "fwmark x", "lb01 80"),
        )
        lines = []
        if not (self._broken and chance.random() < 0.15) and not which.startswith("fwmark"):
            lines.append(f"protocol {self._pick(('TCP', 'udp', 'SCTP'), ('ICMP',))}\n")
        if not (self._broken and chance.random() < 0.15):
            lines.append(
                f"{chance.choice(('lb_algo', 'lvs_sched'))} {chance.choice(('rr', 'wlc', 'sh', 'mh'))}\n"
            )
        if not (self._broken and chance.random() < 0.15):
            lines.append(f"{chance.choice(('lb_kind', 'lvs_method'))} {self._pick(_METHODS, _ODD_METHODS)}\n")
        if self._broken:
            chance.shuffle(lines)
        lines += [line for line in self._lines(_VIRTUAL) if self._broken or not _is_delicate(line)]
        servers = 0 if self._broken and chance.random() < 0.1 else chance.randint(1, 3)
        by_address = which[0].isdigit()
        lines += [self._real_server(place + 1, may_lack_port=by_address) for place in range(servers)]
        return f"virtual_server {which} {{\n{''.join(lines)}}}\n"

    def _real_server(self, place: int, *, may_lack_port: bool) -> str:
        chance = self._random
        which = self._pick(
            (f"10.0.0.{place} 80", f"10.0.0.{place} 80", f"10.0.0.{place}" + " 80" * (not may_lack_port)),
            ("10.0.0.1 80", f"10.0.0.{place} 8080", "2001:db8::1 80", "lb02 80", "10.0.0.7 70000"),
        )
        lines = list(self._lines(_REAL))
        if chance.random() < 0.2:
            lines.append(f"lvs_method {self._pick(_METHODS, _ODD_METHODS)}\n")
        lines += [self._check(chance.choice(_CHECKS)) for _ in range(chance.randint(0, 2))]
        return f"real_server {which} {{\n{''.join(lines)}}}\n"

    def _check(self, row: Row) -> str:
        assert row.layout is not None
        body = "" if self._broken and self._random.random() < 0.15 else _NEEDED.get(row.keyword, "")
        kept = tuple(inner for inner in row.layout.rows if inner.keyword not in _NOT_DRAWN)
        drawn = "".join(
            line for line in self._lines(Layout(kept)) if self._broken or not line.startswith("bindto")
        )
        return f"{row.keyword} {{\n{body}{drawn}}}\n"

    def _draws(self) -> dict[type[Parameter], Callable[[Parameter], str]]:
        return super()._draws() | {
            Port: lambda parameter: self._random.choice(("80", "0", "443")),
            StatusCodes: lambda parameter: self._random.choice(("200", "200-299 301")),
            Digest: lambda parameter: "9b3a0c85a887a256d6939da88aabd8cd",
            Bytes: lambda parameter: self._random.choice(("0a0b", "0a 0b c")),
            DnsName: lambda parameter: self._random.choice(("example.com", ".")),
            Quoted: lambda parameter: '"a b"',
        }


def _is_delicate(line: str) -> bool:
    """What is right only beside other lines."""
    words = (
        "sh-", "mh-", "hashed", "ops", "sorry_", "ip_family", "persistence_gran", "persistence_engine",
        "quorum ", "hysteresis", "ha_suspend",
    )  # fmt: skip
    return line.startswith(words)
