"""Files over the whole vocabulary of VRRP, drawn from the table: most of a file is right, some of it is not.

Rules of this file: a seed always makes the same file. Nothing in it depends on the host: interfaces are those
of the judge, programs are there, users are root.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.keepalived_keywords.real_keepalived import INTERFACES
from vrrp_compat.keepalived_conf.keywords.parameters import (
    Address,
    Bool,
    Choice,
    Missing,
    Parameter,
    Program,
    Rest,
    Seconds,
    Text,
    Whole,
    WholeOr,
)
from vrrp_compat.keepalived_conf.keywords.rows import Layout, Listing, Row
from vrrp_compat.keepalived_conf.keywords.top_level import TABLE

# These look at the host or change what the judge is: namespaces, files, memory.
_OF_THE_HOST = frozenset(
    {
        "net_namespace", "net_namespace_ipvs", "instance", "use_pid_dir", "config_save_dir", "umask",
        "tmp_config_directory", "reload_time_file", "notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo",
        "vrrp_cpu_affinity", "checker_cpu_affinity", "bfd_cpu_affinity", "script_user", "user", "vrf",
        "use_vmac", "use_ipvlan", "lvs_sync_daemon", "lvs_timeouts", "include_check", "random_seed",
        "data_use_instance", "namespace_with_ipsets", "snmp_socket", "smtp_server",
    }
)  # fmt: skip
# What the generator writes itself, at the head of each block.
_OF_THE_FRAME = frozenset({"interface", "virtual_router_id", "script", "file", "process", "neighbor_ip"})
# These are right only beside others, which a file may not have.
_CONTRADICTING = frozenset(
    {
        "unicast_src_ip", "check_unicast_src", "old_unicast_checksum", "unicast_ttl", "unicast_peer",
        "mcast_dst_ip", "mcast_src_ip", "vmac_xmit_base", "native_ipv6", "down_timer_adverts",
        "preempt_delay", "nopreempt", "quorum_max", "vrrp_strict", "strict_mode", "authentication",
        "vrrp_version", "version",
    }
)  # fmt: skip
_EXTRA = 0.08  # how many of a block's keywords a file has
_BROKEN = 0.6  # how many files have something that is wrong


class Corpus:
    """One file."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._broken = self._random.random() < _BROKEN
        self._names = [f"VI_{number}" for number in range(1, self._random.randint(2, 4))]

    def text(self) -> str:
        """The file."""
        blocks = [
            self._block("global_defs", "", self._guard()),
            self._block("vrrp_script", "chk", "script /bin/true\n"),
            self._block("track_file", "down", "file /run/down\n"),
            self._block("vrrp_track_process", "web", "process nginx\n"),
        ]
        blocks += [self._instance(number, name) for number, name in enumerate(self._names)]
        if len(self._names) > 1 and self._random.random() < 0.4:
            blocks.append(self._group())
        if self._random.random() < 0.2:
            blocks.append(self._static())
        if self._broken and self._random.random() < 0.3:
            self._shuffle_or_repeat(blocks)
        text = "".join(blocks)
        return self._with_a_typing_error(text) if self._broken and self._random.random() < 0.3 else text

    def _guard(self) -> str:
        return "enable_script_security\nscript_user root\n" if self._random.random() < 0.8 else ""

    def _instance(self, number: int, name: str) -> str:
        family = self._random.choice(("192.0.2.", "192.0.2.", "fe80::"))
        interface = self._random.choice(INTERFACES) if self._broken else INTERFACES[0]
        frame = f"interface {interface}\nvirtual_router_id {number + 11}\n"
        frame += f"virtual_ipaddress {{\n{family}{number + 1}\n}}\n"
        return self._block("vrrp_instance", name, self._less(frame))

    def _group(self) -> str:
        members = self._less("".join(f"{name}\n" for name in self._names))
        return self._block("vrrp_sync_group", "VG", f"group {{\n{members}}}\n")

    def _static(self) -> str:
        keyword, listing = self._random.choice(
            [
                ("static_ipaddress", Listing.ADDRESSES),
                ("static_routes", Listing.ROUTES),
                ("static_rules", Listing.RULES),
            ]
        )
        return f"{keyword} {{\n{self._entry(listing)}\n}}\n"

    def _less(self, frame: str) -> str:
        """The frame of a block, sometimes without a line that it needs."""
        lines = frame.splitlines(keepends=True)
        if self._broken and "{" not in frame.partition("\n")[0] and self._random.random() < 0.1:
            del lines[0]
        return "".join(lines)

    def _block(self, keyword: str, name: str, frame: str) -> str:
        row = TABLE.find(keyword)
        assert row is not None
        assert row.layout is not None
        body = frame + "".join(self._lines(row.layout))
        return f"{keyword} {name} {{\n{body}}}\n"

    def _lines(self, layout: Layout) -> Iterator[str]:
        for row in layout.rows:
            if row.keyword in _OF_THE_HOST | _OF_THE_FRAME or row.since or row.gone:
                continue
            if self._random.random() > _EXTRA:
                continue
            if not self._broken and (row.keyword in _CONTRADICTING or row.reported):
                continue
            if row.layout is None:
                yield f"{self._name(row)} {' '.join(self._words(row))}\n"
            elif row.layout.listing is not None:
                if row.layout.listing is not Listing.BFDS and row.keyword not in {
                    "group",
                    "virtual_ipaddress",
                }:
                    yield f"{row.keyword} {{\n{self._entry(row.layout.listing)}\n}}\n"
            else:
                yield f"{row.keyword} {{\n{''.join(self._lines(row.layout))}}}\n"

    def _name(self, row: Row) -> str:
        """The keyword, or an old name of it where something may be odd."""
        return self._random.choice(row.names) if self._broken else row.keyword

    def _words(self, row: Row) -> Iterator[str]:
        for parameter in row.takes:
            if parameter.missing is Missing.FINE and self._random.random() < 0.5:
                return
            if self._broken and self._random.random() < 0.03:
                return
            yield (
                self._wrong_word() if self._broken and self._random.random() < 0.05 else self._word(parameter)
            )

    def _wrong_word(self) -> str:
        return self._random.choice(("0", "-1", "x", "on", "1.5", "99999999999", "256", "1.1234567", "lb01"))

    def _word(self, parameter: Parameter) -> str:
        """A word that is right."""
        for kind, draw in self._draws().items():
            if type(parameter) is kind:
                return draw(parameter)
        return "word"

    def _draws(self) -> dict[type[Parameter], Callable[[Parameter], str]]:
        return {
            Whole: self._whole,
            WholeOr: lambda parameter: "3",
            Seconds: self._seconds,
            Bool: lambda parameter: self._random.choice(("on", "off", "true", "no")),
            Choice: self._choice,
            Address: self._address,
            Program: lambda parameter: self._random.choice(("/bin/true", '"/bin/true a b"')),
            Rest: lambda parameter: "1",
            Text: self._text,
        }

    def _whole(self, parameter: Parameter) -> str:
        assert isinstance(parameter, Whole)
        least = max(parameter.least, 1 if parameter.zero_means is not None else parameter.least)
        return str(self._random.choice((least, min(parameter.most, least + 4), min(parameter.most, 1000))))

    def _seconds(self, parameter: Parameter) -> str:
        assert isinstance(parameter, Seconds)
        return self._random.choice(("1", "2", "1.0", "3.5" if self._broken else "5"))

    def _choice(self, parameter: Parameter) -> str:
        assert isinstance(parameter, Choice)
        return self._random.choice(parameter.words)

    def _address(self, parameter: Parameter) -> str:
        assert isinstance(parameter, Address)
        if parameter.multicast:
            return "ff02::99" if parameter.version == 6 else "224.0.0.99"
        return self._random.choice(("192.0.2.99", "192.0.2.98/24", "fe80::99"))

    def _text(self, parameter: Parameter) -> str:
        assert isinstance(parameter, Text)
        if "user" in parameter.called or "group" in parameter.called:
            return "root"
        if parameter.called == "interface":
            return self._random.choice(INTERFACES)
        if parameter.called == "password":
            return self._random.choice(("1111", "secret12", "longer-than-eight"))
        return "word"

    def _entry(self, listing: Listing) -> str:
        right, odd = _ENTRIES[listing]
        return self._random.choice(odd if self._broken and self._random.random() < 0.3 else right)

    def _shuffle_or_repeat(self, blocks: list[str]) -> None:
        if self._random.random() < 0.5:
            self._random.shuffle(blocks)
        else:
            blocks.append(self._random.choice(blocks))

    def _with_a_typing_error(self, text: str) -> str:
        lines = text.splitlines(keepends=True)
        position = self._random.randrange(len(lines))
        word, blank, rest = lines[position].partition(" ")
        if len(word) > 4 and "{" not in word:
            lines[position] = word[:2] + word[3:] + blank + rest
        return "".join(lines)


_WEIGHTS = ("{}", "{} weight 5", "{} weight -5", "{} weight 253 reverse")
_ODD_WEIGHTS = ("{} weight", "{} weight 300", "{} weight x", "{} -5", "{} weight 5 back", "unknown", "{}\n{}")


def _tracks(name: str) -> tuple[list[str], list[str]]:
    return (
        [text.format(name) for text in _WEIGHTS],
        [text.format(name, name) for text in (*_ODD_WEIGHTS, "{} weight 254")],
    )


# Entries that keepalived takes, and those that it has something to say about.
_ENTRIES: dict[Listing, tuple[list[str], list[str]]] = {
    Listing.ADDRESSES: (
        [
            "192.0.2.70",
            "192.0.2.71/24 dev eth1",
            "192.0.2.72/24 brd 192.0.2.255 label eth0:1",
            "192.0.2.73 scope link no_track",
            "192.0.2.74 peer 192.0.2.75",
            "2001:db8::7/64 -nodad",
        ],
        [
            "lb01",
            "192.0.2.70/33",
            "192.0.2.70 up",
            "192.0.2.70 dev",
            "192.0.2.70 scope x",
            "2001:db8::7 label a",
        ],
    ),
    Listing.ROUTES: (
        [
            "198.51.100.0/24 via 192.0.2.9 dev eth0",
            "default via 192.0.2.9 no_track",
            "src 192.0.2.1 to 198.51.100.0/24 via 192.0.2.9 dev eth0 scope link table 200 metric 5",
            "blackhole 198.51.100.0/24 no_track",
        ],
        [
            "198.51.100.0/24 gw 192.0.2.9 dev eth0",
            "lb01 dev eth0",
            "default dev eth0 up",
            "default via 192.0.2.9",
        ],
    ),
    Listing.RULES: (
        ["from 192.0.2.1 table 100 preference 77", "from 192.0.2.1/32 lookup 100 priority 50"],
        [
            "from 192.0.2.1 table 100",
            "from 192.0.2.1",
            "from lb01 table 1 preference 3",
            "fwmark 3 table 100 up",
        ],
    ),
    Listing.SCRIPTS: _tracks("chk"),
    Listing.FILES: _tracks("down"),
    Listing.PROCESSES: _tracks("web"),
    Listing.INTERFACES: _tracks("eth1"),
    Listing.NAMES: (["ops@example.com", "a@example.com\nb@example.com"], [""]),
    Listing.PEERS: (
        ["192.0.2.201", "192.0.2.201\n192.0.2.202", "192.0.2.201 min_ttl 200 max_ttl 255"],
        ["lb01", "192.0.2.201 192.0.2.202", "192.0.2.201 min_ttl 9 max_ttl 8", "", "fe80::201"],
    ),
    Listing.WORDS: (["eth0"], ["eth0"]),
}
