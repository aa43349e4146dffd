"""A host as a real server behind a director (DR or tunnel): it has the VIP and tells nobody.

Rules of this file: settings come before addresses and go after them, so that the host at no instant answers
ARP for a VIP. What was found is written down before it is changed (kernel_settings.py). What others put
there is left alone. IPv6 needs no setting: Linux answers neighbour solicitations for addresses of the asked
interface alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from vipkeeper.kernel.kernel_settings import KernelSettings, read_setting
from vipkeeper.kernel.loopback_addresses import (
    LOOPBACK,
    add_to_loopback,
    read_loopback,
    remove_from_loopback,
)
from vipkeeper.kernel.macvlan_messages import read_devices
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.model.errors import MissingPrivilege, Refused

_NETLINK_ROUTE = 0
_HOLDER = "realserver"

# Setting -> what will do; the first is what we set. arp_ignore: 1 answers for addresses of the asked
# interface alone, 2 is stricter, 8 answers never. 3 would answer for addresses on lo. Interface and `all`:
# the greater counts.
_ARP_IGNORE = ("1", "2", "8")
_ARP_ANNOUNCE = ("2",)
ENOUGH = {
    f"ipv4/conf/{scope}/{name}": values
    for scope in ("all", LOOPBACK)
    for name, values in (("arp_ignore", _ARP_IGNORE), ("arp_announce", _ARP_ANNOUNCE))
}


class VipState(msgspec.Struct, frozen=True):
    """One VIP on this host. `missing` says what keeps it from being up; empty: it is up."""

    address: str
    missing: str = ""


class RealServer:
    """The namespace in which it is made. `directory`, below /run, keeps what was found.

    One process at a time: another one waits. Raises MissingPrivilege.
    """

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._lock = os.open(directory / "realserver.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except PermissionError as refused:
            raise MissingPrivilege(
                f"{directory} cannot be written ({refused.strerror}): run this as root, or name a --run-dir"
            ) from refused
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._netlink = NetlinkSocket(_NETLINK_ROUTE)
        self._settings = KernelSettings(directory / "realserver-settings")

    def close(self) -> None:
        """What is up stays up."""
        self._netlink.close()
        os.close(self._lock)

    def up(self, addresses: Iterable[str]) -> list[str]:
        """Put these on lo; those that were not there before.

        Raises Refused, KernelRefused, MissingPrivilege.
        """
        wanted = list(dict.fromkeys(addresses))
        present = read_loopback(self._netlink)
        for address in wanted:
            if present.get(address) is False:
                raise Refused(
                    f"{address} is on {LOOPBACK} already and was not put there by this command: leave it to "
                    f"who did, or take it away first (ip address del {address} dev {LOOPBACK})"
                )
        if not read_devices(self._netlink)[LOOPBACK].up:
            raise Refused(f"{LOOPBACK} is down, so no address on it is served: ip link set {LOOPBACK} up")
        if any(":" not in address for address in wanted):
            self._settings.hold(_HOLDER, self._settings_to_change())
        new = [address for address in wanted if address not in present]
        for address in new:
            add_to_loopback(self._netlink, address)
        return new

    def down(self, addresses: Iterable[str] | None) -> list[str]:
        """Take these away, or all; with the last IPv4 one, the settings go back. Those that were there.

        Raises Refused, KernelRefused, MissingPrivilege.
        """
        present = read_loopback(self._netlink)
        ours = [address for address, is_ours in present.items() if is_ours]
        wanted = ours if addresses is None else list(dict.fromkeys(addresses))
        for address in wanted:
            if present.get(address) is False:
                raise Refused(
                    f"{address} is on {LOOPBACK} and was not put there by this command: who put it there has "
                    f"to take it away, or you do (ip address del {address} dev {LOOPBACK})"
                )
        gone = [address for address in wanted if address in present]
        for address in gone:
            remove_from_loopback(self._netlink, address)
        if not any(":" not in address for address in ours if address not in gone):
            self._settings.let_go(_HOLDER)
        return gone

    def status(self, addresses: Iterable[str] | None) -> list[VipState]:
        """These, or all that are ours. Raises KernelRefused or MissingPrivilege."""
        present = read_loopback(self._netlink)
        asked = (
            [address for address, is_ours in present.items() if is_ours] if addresses is None else addresses
        )
        wrong = "; ".join(self._wrong_settings())
        return [
            VipState(address, _missing(address, present.get(address), wrong))
            for address in dict.fromkeys(asked)
        ]

    def _settings_to_change(self) -> dict[str, str]:
        return {
            setting: values[0] for setting, values in ENOUGH.items() if read_setting(setting) not in values
        }

    @staticmethod
    def _wrong_settings() -> Iterator[str]:
        for setting, values in ENOUGH.items():
            found = read_setting(setting)
            if found not in values:
                yield f"net/{setting} is {found} and has to be {values[0]}"


def _missing(address: str, ours: bool | None, wrong_settings: str) -> str:
    if ours is None:
        return f"it is not on {LOOPBACK}"
    if not ours:
        return f"it is on {LOOPBACK} and was not put there by this command"
    return "" if ":" in address else wrong_settings


@contextlib.contextmanager
def real_server(directory: Path) -> Iterator[RealServer]:
    """For the length of one command. Raises MissingPrivilege."""
    made = RealServer(directory)
    try:
        yield made
    finally:
        made.close()
