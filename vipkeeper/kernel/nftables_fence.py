"""The second fence: nftables elements that time out, on every interface that could answer.

Rules of this file: an address in a `fenced` set is dropped unless it is in an `open` set, whose elements time
out. A timeout is relative, so a process that was held up after it read the clock would open an address for
too long. Hence the guard: an element with a short timeout of its own, made before the clock is read and
deleted by the very transaction that opens addresses. If it is gone by then, the kernel refuses all of it.
A timeout is shorter by the guard's time, so what passes in between is covered.

The kernel counts jiffies here. They do not run while a machine is suspended; the tc program's clock does.
"""

from __future__ import annotations

import errno
import itertools
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from vipkeeper.kernel import nftables_messages as nft
from vipkeeper.kernel.netlink_socket import Answer, NetlinkSocket
from vipkeeper.kernel.netlink_wire import Message
from vipkeeper.kernel.refusals import explain
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.host import CLOSED_S, Link

_NETLINK_NETFILTER = 12

_FENCED = {4: nft.AddressSet("fenced4", 7, 4, False), 6: nft.AddressSet("fenced6", 8, 16, False)}
_OPEN = {4: nft.AddressSet("open4", 7, 4, True), 6: nft.AddressSet("open6", 8, 16, True)}
_GUARD = nft.AddressSet("guard", 4, 8, True)

_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_IPV6_NEXT_HEADER, _ICMPV6, _ICMPV6_TYPE, _NEIGHBOUR_TARGET = 6, b"\x3a", 40, 48
_SOLICITATION, _ADVERTISEMENT = b"\x87", b"\x88"
# Where the address of a frame lies in ARP, IPv4 and IPv6, and the neighbour message whose target counts.
_PLACES = {nft.INGRESS_HOOK: (24, 16, 24, _SOLICITATION), nft.EGRESS_HOOK: (14, 12, 8, _ADVERTISEMENT)}
_RULES_PER_CHAIN = 4

# Two jiffies at HZ=100, and less than what the owner stays away from the end of its lease with this fence
# (config/timing_rules.py: 25 ms), so that a fence that is early by this never cuts a holder off.
_GUARD_S = 0.020
# A machine too busy for 20 ms of undisturbed work is tried again; then the addresses are closed.
_ATTEMPTS = 6
# A killed owner may still be on its way out when its successor starts.
_OWNER_EXIT_WAITS = 25
_OWNER_EXIT_WAIT_S = 0.02
_NONE = Answer(0, "")
# No such table; no nf_tables in this kernel.
_ABSENT = frozenset({errno.ENOENT, errno.EOPNOTSUPP, errno.EINVAL})
# One message of elements, and little enough for the clock to be fresh: 500 take about 2 ms.
_ADDRESSES_AT_ONCE = 500
# What is read back differs from what was written by the guard's time and by rounding to jiffies.
_ROUNDING_S = 0.1


class NftablesFence:
    """Implements `Fence`. Making one raises KernelRefused when this kernel cannot do it.

    `clock` is CLOCK_BOOTTIME in seconds. `standing`: our addresses that are in the kernel already; one
    that the table of an earlier process does not guard is closed.
    """

    def __init__(self, clock: Callable[[], float], standing: Iterable[str]) -> None:
        self.note = ""
        self._clock = clock
        self._netlink = NetlinkSocket(_NETLINK_NETFILTER)
        self._flags = nft.OWNED_AND_PERSISTENT
        self._written: dict[str, float] = {}
        self._open: set[str] = set()
        try:
            self._netlink.enlarge()
            self._make_table()
            self._try_hooks()
            self._open = set(self._read_open())
            self.set_deadlines(dict.fromkeys(set(standing) - self._read_fenced(), CLOSED_S))
        except BaseException:
            self.close()
            raise

    def _make_table(self) -> None:
        """Table and sets, or those that stand."""
        sets = (*_FENCED.values(), *_OPEN.values(), _GUARD)
        layout = [nft.new_set(wanted, number) for number, wanted in enumerate(sets, 1)]
        refused = self._transact([nft.new_table(self._flags), *layout])
        waits = _OWNER_EXIT_WAITS
        while waits and refused.get(0, _NONE).number == errno.EPERM:
            time.sleep(_OWNER_EXIT_WAIT_S)
            waits -= 1
            refused = self._transact([nft.new_table(self._flags), *layout])
        if refused and refused.keys() == {0} and self._flags:
            # Older than 6.9, or a table that was made there.
            self._flags = 0
            refused = self._transact([nft.new_table(0), *layout])
        if refused:
            raise _refusal(refused, "the fence's table")

    def _try_hooks(self) -> None:
        """Both hooks and all rules, on the loopback and gone within one transaction."""
        name = "trial"
        for hook in (nft.INGRESS_HOOK, nft.EGRESS_HOOK):
            steps = [nft.new_chain(name, hook, "lo"), *_rules(name, hook), nft.delete_chain(name)]
            refused = self._transact(steps)
            if refused:
                raise _refusal(refused, "netdev hooks with set lookups")

    def attach(self, link: Link) -> None:
        """Fence one interface. Raises KernelRefused."""
        self._make_table()
        stale = {
            chain.name
            for chain in self._chains()
            if chain.device == link.name or chain.name in _chain_names(link)
        }
        steps = [nft.delete_chain(name) for name in stale]
        for hook in (nft.INGRESS_HOOK, nft.EGRESS_HOOK):
            name = nft.chain_name(hook, link.index)
            steps += [nft.new_chain(name, hook, link.name), *_rules(name, hook)]
        refused = self._transact(steps)
        if refused:
            raise _refusal(refused, f"the fence on {link.name}")

    def is_attached(self, link: Link) -> bool:
        """Whether the kernel has both chains of an interface, with all their rules."""
        hooks = {
            chain.hook
            for chain in self._chains()
            if chain.device == link.name and chain.rules == _RULES_PER_CHAIN
        }
        return hooks == {nft.INGRESS_HOOK, nft.EGRESS_HOOK}

    def detach(self, link: Link) -> None:
        """Take the fence off one interface, and the table away with the last one."""
        chains = self._chains()
        leaving = {chain.name for chain in chains if chain.device == link.name}
        steps = [nft.delete_chain(name) for name in leaving]
        # Since Linux 6.16 a chain outlives its interface.
        existing = {name for _, name in socket.if_nameindex()}
        if leaving and not any(chain.device in existing for chain in chains if chain.name not in leaving):
            steps = [nft.delete_table()]
            self._open.clear()
            self._written.clear()
        refused = self._transact(steps)
        if refused and any(answer.number != errno.ENOENT for answer in refused.values()):
            raise _refusal(refused, f"removal of the fence from {link.name}")

    def set_deadlines(self, deadlines: Mapping[str, float]) -> None:
        """Write deadlines (CLOCK_BOOTTIME, seconds), in order. Raises KernelRefused.

        One that has passed closes its address.
        """
        waiting = iter(deadlines.items())
        while several := dict(itertools.islice(waiting, _ADDRESSES_AT_ONCE)):
            self._set_some(several)

    def _set_some(self, deadlines: Mapping[str, float]) -> None:
        for _ in range(_ATTEMPTS):
            if self._try_to_set(deadlines):
                return
        self._try_to_set(dict.fromkeys(deadlines, CLOSED_S))
        raise KernelRefused(
            f"this machine did not let the agent work undisturbed for {_GUARD_S * 1000:.0f} ms in "
            f"{_ATTEMPTS} attempts, so these addresses are closed: relieve it, or allow the bpf fence"
        )

    def _try_to_set(self, deadlines: Mapping[str, float]) -> bool:
        """Whether it is done, and was done in time."""
        guard = self._make_guard()
        now_s = self._clock()
        steps, opened = self._steps(deadlines, now_s)
        if opened:
            # First, so that the kernel looks at it before everything else.
            steps.insert(0, nft.delete_elements(_GUARD, [guard]))
        refused = self._transact(steps)
        if not refused:
            self._open.difference_update(deadlines)
            self._open.update(opened)
            self._written.update(deadlines)
            return not opened or self._clock() - now_s <= _GUARD_S
        if not _mistaken(refused):
            raise _refusal(refused, "a deadline")
        self._open = set(self._read_open())
        return False

    def _steps(self, deadlines: Mapping[str, float], now_s: float) -> tuple[list[Message], set[str]]:
        """What to send, and which addresses are open then."""
        steps: list[Message] = []
        opened: set[str] = set()
        for version in (4, 6):
            keys = {text: _key(text) for text in deadlines if _version(text) == version}
            if not keys:
                continue
            steps.append(nft.add_elements(_FENCED[version], map(nft.element, keys.values()), exclusive=False))
            leaving = [nft.element(key) for text, key in keys.items() if text in self._open]
            if leaving:
                steps.append(nft.delete_elements(_OPEN[version], leaving))
            coming: list[bytes] = []
            for text, key in keys.items():
                left_ms = int((deadlines[text] - now_s - _GUARD_S) * 1000)
                if left_ms > 0:
                    coming.append(nft.element(key, left_ms))
                    opened.add(text)
            if coming:
                steps.append(nft.add_elements(_OPEN[version], coming, exclusive=True))
        return steps, opened

    def _make_guard(self) -> bytes:
        """An element that proves, when it is deleted, that no more than the guard's time has passed.

        Its key is random, so that a process that was frozen cannot use another one's.
        """
        key = secrets.token_bytes(_GUARD.key_bytes)
        message = nft.add_elements(_GUARD, [nft.element(key, int(_GUARD_S * 1000))], exclusive=True)
        refused = self._transact([message])
        if refused and _mistaken(refused):
            # Somebody deleted the table. `attach` brings its chains back.
            self._make_table()
            self._open.clear()
            refused = self._transact([message])
        if refused:
            raise _refusal(refused, "a deadline")
        return nft.element(key)

    def forget(self, addresses: Iterable[str]) -> None:
        """Stop fencing these addresses. Raises KernelRefused."""
        standing = self._read_fenced() & frozenset(addresses)
        if not standing:
            return
        self._set_some(dict.fromkeys(standing, CLOSED_S))
        steps = [
            nft.delete_elements(_FENCED[version], leaving)
            for version in (4, 6)
            if (leaving := [nft.element(_key(text)) for text in standing if _version(text) == version])
        ]
        refused = self._transact(steps)
        if refused and not _mistaken(refused):
            raise _refusal(refused, "the removal of addresses from the fence")
        for text in standing:
            self._written.pop(text, None)

    def deadlines(self, now_s: float) -> dict[str, float]:
        """Every entry, read from the kernel; CLOSED_S for one that has ended."""
        # An element is read after `now_s`, so a deadline worked out from it is early, if anything.
        fenced = self._read_fenced()
        running = self._read_open()
        self._open = set(running)
        return {text: self._deadline(text, running.get(text, 0.0), now_s) for text in fenced}

    def _deadline(self, text: str, left_s: float, now_s: float) -> float:
        if left_s <= 0:
            return CLOSED_S
        written_s = self._written.get(text)
        # The kernel's own figure differs at each reading; an unchanged deadline must look unchanged.
        if written_s is not None and abs(written_s - now_s - left_s) <= _ROUNDING_S:
            return written_s
        return now_s + left_s

    def _read_fenced(self) -> set[str]:
        return {_text(key) for of in _FENCED.values() for key, _ in self._read_elements(of)}

    def _read_open(self) -> dict[str, float]:
        """Open addresses with the seconds that they are open for."""
        return {
            _text(key): left_ms / 1000 for of in _OPEN.values() for key, left_ms in self._read_elements(of)
        }

    def _read_elements(self, of: nft.AddressSet) -> list[tuple[bytes, int]]:
        records = self._dump(nft.list_elements(of))
        return [element for body in records for element in nft.parse_elements(body)]

    def _chains(self) -> list[nft.Chain]:
        parsed = map(nft.parse_chain, self._dump(nft.list_chains()))
        return [chain for chain in parsed if chain is not None]

    def _dump(self, request: tuple[int, bytes]) -> list[bytes]:
        try:
            return [body for _, body in self._netlink.dump(*request)]
        except KernelRefused as refused:
            if refused.errno == errno.ENOENT:
                return []  # somebody deleted the table
            raise

    def _transact(self, steps: Sequence[Message]) -> dict[int, Answer]:
        return self._netlink.transaction(nft.begin(), steps, nft.end()) if steps else {}

    def close(self) -> None:
        """Let go of it. Where it is attached it stays in force."""
        self._netlink.close()


def remove_table() -> None:
    """Remove what an earlier process left, if there is anything. Raises KernelRefused."""
    try:
        netlink = NetlinkSocket(_NETLINK_NETFILTER)
    except OSError:
        return  # a kernel without netfilter has no table
    try:
        refused = netlink.transaction(nft.begin(), [nft.delete_table()], nft.end())
    finally:
        netlink.close()
    if refused and not _ABSENT.issuperset(answer.number for answer in refused.values()):
        raise _refusal(refused, "removal of the fence's table")


def _chain_names(link: Link) -> set[str]:
    return {nft.chain_name(hook, link.index) for hook in (nft.INGRESS_HOOK, nft.EGRESS_HOOK)}


def _rules(chain: str, hook: int) -> list[Message]:
    arp, ipv4, ipv6, neighbour_message = _PLACES[hook]
    neighbour = (nft.Test(_IPV6_NEXT_HEADER, _ICMPV6), nft.Test(_ICMPV6_TYPE, neighbour_message))
    return [
        nft.drop_rule(chain, nft.Frames(_ARP, arp), _FENCED[4], _OPEN[4]),
        nft.drop_rule(chain, nft.Frames(_IPV4, ipv4), _FENCED[4], _OPEN[4]),
        nft.drop_rule(chain, nft.Frames(_IPV6, ipv6), _FENCED[6], _OPEN[6]),
        nft.drop_rule(chain, nft.Frames(_IPV6, _NEIGHBOUR_TARGET, neighbour), _FENCED[6], _OPEN[6]),
    ]


def _version(text: str) -> int:
    return 6 if ":" in text else 4


def _key(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if _version(text) == 6 else socket.AF_INET, text)


def _text(key: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6 if len(key) == 16 else socket.AF_INET, key)


def _mistaken(refused: Mapping[int, Answer]) -> bool:
    """Whether the refusals say only that something timed out, or is there already."""
    return all(answer.number in (errno.ENOENT, errno.EEXIST) for answer in refused.values())


def _refusal(refused: Mapping[int, Answer], what: str) -> KernelRefused:
    answer = next(iter(refused.values()))
    if answer.number == errno.EPERM:
        # `enlarge` has shown that the capability is there.
        return KernelRefused(
            f"table netdev {nft.TABLE} belongs to another process: is another agent running here?",
            errno.EPERM,
        )
    return KernelRefused(
        f"nftables refused {what}: {explain(answer.number, answer.text)} "
        "(netdev egress needs Linux 5.16 with nf_tables)",
        answer.number,
    )
