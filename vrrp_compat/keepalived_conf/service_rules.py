"""What keepalived says to a virtual server when it has read all of it, and what it makes of it.

Rules of this file: as in `instance_rules.py`. Afterwards each virtual server says all that counts: scheduler,
method, protocol, persistence, quorum, and the port that each real server has in the kernel's table.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

import msgspec

from vrrp_compat.keepalived_conf.check_rules import judge_checks, with_port
from vrrp_compat.keepalived_conf.digits import number_within
from vrrp_compat.keepalived_conf.forwarding_words import Forwarding, read_forwarding
from vrrp_compat.keepalived_conf.keyword_reading import mistake
from vrrp_compat.keepalived_conf.service_groups import ServiceGroup, read_groups, unfit_group
from vrrp_compat.keepalived_conf.service_settings import FAMILIES, IPV4, IPV6, OpenService, family_of, port_of
from vrrp_compat.keepalived_conf.statements import Remark
from vrrp_compat.keepalived_conf.understood import Block, Setting

_USUAL_SCHEDULER = "wlc"
_PERSISTENT_S = 360
_SCHEDULED_BY = {"sh-port": "sh", "sh-fallback": "sh", "mh-port": "mh", "mh-fallback": "mh"}
_LONGEST_PREFIX = 128


class JudgedServices(msgspec.Struct, frozen=True):
    """All blocks of a file, with the virtual servers that count."""

    blocks: tuple[Block, ...]
    remarks: tuple[Remark, ...]


def judge_services(blocks: Iterable[Block]) -> JudgedServices:
    """Every virtual server of a file."""
    blocks = tuple(blocks)
    remarks: list[Remark] = []
    groups = read_groups(blocks, remarks)
    files: set[str] = set()
    kept = []
    for block in blocks:
        if block.keyword == "track_file":
            files.add(block.name)
        judged = _Service(block, groups, remarks).judge(files) if block.keyword == "virtual_server" else block
        if judged is not None:
            kept.append(judged)
    return JudgedServices(tuple(kept), tuple(remarks))


class _Service:
    """One virtual server, rule after rule."""

    def __init__(self, block: Block, groups: dict[str, ServiceGroup], remarks: list[Remark]) -> None:
        self._remarks = remarks
        self._here = OpenService(block, remarks)
        self._groups = groups
        self._kind = str(block.values[0])
        self._marked = self._kind == "fwmark"
        self._group: ServiceGroup | None = None
        self._family = None if self._kind in {"fwmark", "group"} else family_of(self._kind)
        self._method = Forwarding()

    def judge(self, files: set[str]) -> Block | None:
        """What counts of it; None if nothing does."""
        self._judge_lines()
        self._judge_servers(files)
        if self._kind == "group":
            if unfit_group(self._here.block, self._family, self._groups, self._remarks):
                return None
            self._group = self._groups[str(self._here.block.values[1])]
        if not self._servers:
            self._here.say("it is left out, because it has no real_server", "add one, or remove it")
            return None
        self._judge_protocol()
        self._judge_scheduler()
        self._judge_method()
        self._judge_duplicates()
        self._judge_sorry_server()
        self._judge_quorum()
        self._judge_ports()
        return self._here.block

    @property
    def _servers(self) -> tuple[Block, ...]:
        return self._here.block.inner("real_server")

    @property
    def _by_address(self) -> bool:
        return bool(self._group.addresses) if self._group is not None else not self._marked

    @property
    def _has_marks(self) -> bool:
        return bool(self._group.marks) if self._group is not None else self._marked

    def _judge_lines(self) -> None:
        """Words whose meaning depends on the lines above them."""
        scheduler, sorry, sorry_method = "", False, Forwarding()
        for setting in self._here.block.settings:
            if setting.keyword == "lvs_sched":
                scheduler = str(setting.values[0])
            elif setting.keyword in {*_SCHEDULED_BY, "hashed"}:
                self._judge_flag(setting, scheduler)
            elif setting.keyword == "lvs_method":
                self._method = self._read_method(setting, self._method)
            elif setting.keyword == "sorry_server":
                sorry, sorry_method = True, self._method
            elif setting.keyword in {"sorry_server_inhibit", "sorry_server_lvs_method"} and not sorry:
                self._here.say("it is left out: no sorry_server is above it", "move it", setting.statement)
                self._here.drop(setting)
            elif setting.keyword == "sorry_server_lvs_method":
                sorry_method = self._read_method(setting, sorry_method)
                self._here.set("sorry_server_lvs_method", *sorry_method.values)
            elif setting.keyword == "ip_family":
                self._judge_family(setting)
            elif setting.keyword == "persistence_granularity":
                self._judge_granularity(setting)

    def _judge_flag(self, setting: Setting, scheduler: str) -> None:
        if scheduler not in {"sh", "mh"}:
            wanted = _SCHEDULED_BY.get(setting.keyword, "sh")
            wrong = f"it is left out: no lvs_sched {wanted} is above it"
            self._here.say(wrong, f"write lvs_sched {wanted} above it, or remove it", setting.statement)
            self._here.drop(setting)
        elif _SCHEDULED_BY.get(setting.keyword, scheduler) != scheduler:
            self._here.drop(setting)  # without a word

    def _read_method(self, setting: Setting, before: Forwarding) -> Forwarding:
        method, remarks = read_forwarding(setting, before)
        self._remarks += remarks
        return method

    def _judge_family(self, setting: Setting) -> None:
        family = FAMILIES[str(setting.values[0])]
        if self._family not in {None, family}:
            wrong = f"it is left out: the virtual server is one of IPv{self._family}"
            self._here.say(wrong, "remove it", setting.statement)
            self._here.drop(setting)
        self._family = self._family or family

    def _judge_granularity(self, setting: Setting) -> None:
        """keepalived takes anything with a dot for IPv4 where it does not know better."""
        text = str(setting.values[0])
        family = self._family or (IPV4 if "." in text else IPV6)
        if not (_is_mask(text) if family == IPV4 else _is_prefix(text)):
            kind = "a mask such as 255.255.255.0" if family == IPV4 else "a prefix length up to 128"
            self._here.say(f"it is left out: {text!r} is not {kind}", "correct it", setting.statement)
            self._here.drop(setting)
            return
        self._family = family
        if not self._here.has("persistence_timeout"):
            self._here.set("persistence_timeout", _PERSISTENT_S)

    def _judge_servers(self, files: set[str]) -> None:
        """Real servers of another IP version are left out, unless packets to them are wrapped."""
        kept = []
        for block in self._here.block.blocks:
            if block.keyword != "real_server":
                kept.append(block)
                continue
            server = OpenService(block, self._remarks)
            method = self._method
            for setting in block.settings:
                if setting.keyword == "lvs_method":
                    method = self._read_method(setting, method)
            if server.has("lvs_method"):
                server.set("lvs_method", *method.values)
            server.put_blocks(judge_checks(server.block, files, self._remarks))
            family = family_of(block.values[0])
            if method.method != "TUN":
                self._family = self._family or family
                if self._family != family:
                    wrong = f"it is left out: the virtual server is one of IPv{self._family}"
                    server.say(wrong, "remove it, or write lvs_method TUN")
                    continue
            kept.append(server.block)
        self._here.put_blocks(kept)
        if self._marked and self._family is None:
            self._here.set("ip_family", self._family_of_tunnels())

    def _family_of_tunnels(self) -> str:
        """What a firewall mark is of if all its packets are wrapped."""
        families = {family_of(server.values[0]) for server in self._servers}
        return "inet6" if families == {IPV6} else "inet"

    def _judge_protocol(self) -> None:
        protocol = self._here.value("protocol")
        if self._by_address:
            if self._here.has("ha_suspend") and self._has_marks:
                self._suspend_nothing()
            if protocol is None:
                self._here.say(
                    "it has no protocol, so keepalived takes UDP", "add protocol TCP, if that is meant"
                )
                protocol = "UDP"
                self._here.set("protocol", protocol)
            if self._here.has("ops") and protocol != "UDP":
                self._here.say_of("ops", "it is left out: it is for UDP alone", "remove it")
                self._here.remove("ops")
            self._judge_persistence()
            return
        if self._here.has("ha_suspend"):
            self._suspend_nothing()
        if protocol is not None:
            self._here.say_of("protocol", "it is left out: a firewall mark has no protocol", "remove it")
            self._here.remove("protocol")

    def _suspend_nothing(self) -> None:
        self._here.say_of("ha_suspend", "it is left out: a firewall mark has no address", "remove it")
        self._here.remove("ha_suspend")

    def _judge_persistence(self) -> None:
        ports = self._group.ports if self._group is not None else (port_of(self._here.block),)
        if 0 in ports and not self._here.has("persistence_timeout"):
            wrong = f"without a port it must be persistent; persistence_timeout {_PERSISTENT_S} counts"
            self._here.say(wrong, "write a port, or persistence_timeout")
            self._here.set("persistence_timeout", _PERSISTENT_S)

    def _judge_scheduler(self) -> None:
        if not self._here.has("lvs_sched"):
            self._here.say(
                f"it has no lvs_sched that counts, so it is {_USUAL_SCHEDULER}",
                f"add lvs_sched {_USUAL_SCHEDULER}",
            )
            self._here.set("lvs_sched", _USUAL_SCHEDULER)

    def _judge_method(self) -> None:
        needed = any(server.find("lvs_method") is None for server in self._servers)
        needed |= self._here.has("sorry_server") and not self._here.has("sorry_server_lvs_method")
        if needed and not self._here.has("lvs_method"):
            self._here.say("it has no lvs_method that counts, so it is NAT", "add lvs_method NAT")
        written = self._here.block.find("lvs_method")
        if written is None or written.values != self._method.values:
            self._here.set("lvs_method", *self._method.values)

    def _judge_duplicates(self) -> None:
        seen: dict[tuple[object, ...], Block] = {}
        kept = []
        for block in self._here.block.blocks:
            key = (block.values[0], port_of(block))
            if block.keyword == "real_server" and seen.setdefault(key, block) is not block:
                wrong = f"it is left out: {block.name} is there already ({seen[key].place})"
                self._remarks.append(mistake(block.statement, wrong, "remove one"))
            else:
                kept.append(block)
        self._here.put_blocks(kept)

    def _judge_sorry_server(self) -> None:
        sorry = self._here.block.find("sorry_server")
        if sorry is None:
            return
        family = family_of(sorry.values[0])
        if self._sorry_method != "TUN" and self._family not in {None, family}:
            wrong = f"it is left out: the virtual server is one of IPv{self._family}"
            self._here.say(wrong, "write an address of that IP version", sorry.statement)
            for keyword in ("sorry_server", "sorry_server_inhibit", "sorry_server_lvs_method"):
                self._here.remove(keyword)
            return
        twin = next((one for one in self._servers if _is_at(one, sorry)), None)
        if twin is not None:
            inhibited = self._inhibits(twin)
            if inhibited != self._here.has("sorry_server_inhibit"):
                wrong = f"it is a real server too ({twin.place}), and treated as that one when it fails"
                self._here.say(
                    wrong, "write sorry_server_inhibit if that has inhibit_on_failure", sorry.statement
                )
                self._here.remove("sorry_server_inhibit")
                if inhibited:
                    self._here.set("sorry_server_inhibit")

    @property
    def _sorry_method(self) -> str:
        return str(self._here.value("sorry_server_lvs_method") or self._method.method)

    def _inhibits(self, server: Block) -> bool:
        own = server.find("inhibit_on_failure")
        return own.values != (False,) if own is not None else self._here.has("inhibit_on_failure")

    def _judge_quorum(self) -> None:
        usual = self._here.number("weight", 1)
        total = sum(OpenService(server, []).number("weight", usual) for server in self._servers)
        quorum = self._here.number("quorum", 1)
        if quorum > total:
            wrong = f"a quorum of {quorum} is more than all weights together, {total}, and lowered to that"
            self._here.say_of("quorum", wrong, "write a lower one")
            quorum = max(total, 1)
            self._here.set("quorum", quorum)
        hysteresis = self._here.number("hysteresis", 0)
        if hysteresis >= quorum:
            wrong = f"a hysteresis of {hysteresis} is not below the quorum, and lowered to {quorum - 1}"
            self._here.say_of("hysteresis", wrong, "write a lower one")
            self._here.set("hysteresis", quorum - 1)

    def _judge_ports(self) -> None:
        """Only NAT can change a port; checks go to the one that is written."""
        blocks = [
            self._with_fitting_port(block) if block.keyword == "real_server" else block
            for block in self._here.block.blocks
        ]
        self._here.put_blocks(blocks)
        sorry = self._here.block.find("sorry_server")
        if sorry is not None and self._sorry_method != "NAT":
            address, port = (*sorry.values, 0)[:2]
            if port and self._differs(int(str(port)), sorry=True):
                wrong = f"port {port} counts for nothing: without NAT it is the one that packets come to"
                self._here.say(wrong, "remove the port", sorry.statement)
            self._here.set("sorry_server", address)

    def _with_fitting_port(self, server: Block) -> Block:
        method = server.find("lvs_method")
        port = port_of(server)
        if not port or (method.values[0] if method is not None else self._method.method) == "NAT":
            return server
        if self._differs(port):
            wrong = f"port {port} is checked alone: without NAT packets go on to the port that they came to"
            self._remarks.append(mistake(server.statement, wrong, "remove the port, or write lvs_method NAT"))
        if self._group is None and not self._differs(port):
            return server
        return msgspec.structs.replace(
            server, values=server.values[:1], blocks=with_port(server.blocks, port)
        )

    def _differs(self, port: int, *, sorry: bool = False) -> bool:
        """Whether keepalived reports the port."""
        if self._group is not None:
            return self._has_marks or any(port != other for other in self._group.ports)
        return self._marked or port != port_of(self._here.block)


def _is_at(server: Block, sorry: Setting) -> bool:
    return server.values[0] == sorry.values[0] and port_of(server) == (*sorry.values, 0)[1]


def _is_mask(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_prefix(text: str) -> bool:
    return number_within(text, 1, _LONGEST_PREFIX) is not None
