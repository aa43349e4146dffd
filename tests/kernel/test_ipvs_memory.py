"""What was wanted of IPVS outlives the process, and means nothing in another boot or network namespace."""

from __future__ import annotations

from pathlib import Path

import pytest

from vipkeeper.kernel.ipvs_memory import IpvsMemory
from vipkeeper.lab.namespaces import make_namespace, new_lab_name
from vipkeeper.model.ipvs import (
    AddressKey,
    IpvsTable,
    MarkKey,
    OwnIpvs,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    Transport,
    VirtualServer,
)

WEB = AddressKey(Transport.TCP, "192.0.2.1", 80)
MARK = MarkKey(7, 6)
BOTH = OwnIpvs(frozenset({WEB, MARK}), frozenset({SyncRole.MASTER}))


def table(*keys: ServiceKey) -> IpvsTable:
    return IpvsTable(dict.fromkeys(keys, VirtualServer(Service())))


WITH_DAEMON = IpvsTable(table(WEB, MARK).servers, None, {SyncRole.MASTER: SyncDaemon("eth0")})


def test_what_is_about_to_be_made_is_known_to_the_next_process(tmp_path: Path) -> None:
    IpvsMemory(tmp_path / "ipvs").before_changes(WITH_DAEMON)
    assert IpvsMemory(tmp_path / "ipvs").own == BOTH


def test_what_was_wanted_before_stays_ours_until_it_is_gone(tmp_path: Path) -> None:
    IpvsMemory(tmp_path / "ipvs").before_changes(WITH_DAEMON)
    memory = IpvsMemory(tmp_path / "ipvs")
    memory.before_changes(table(WEB))
    assert memory.own == BOTH
    memory.after_changes(table(WEB), table(WEB, MARK))  # the kernel did not give it up
    assert memory.own.services == {WEB, MARK}
    memory.after_changes(table(WEB), table(WEB))
    assert IpvsMemory(tmp_path / "ipvs").own == OwnIpvs(frozenset({WEB}))


def test_nothing_is_left_when_nothing_is_ours(tmp_path: Path) -> None:
    memory = IpvsMemory(tmp_path / "ipvs")
    memory.before_changes(table(WEB))
    memory.after_changes(table(), table())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", '{"place": 3}'])
def test_a_file_that_is_no_memory_means_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "ipvs").write_text(text)
    assert IpvsMemory(tmp_path / "ipvs").own == OwnIpvs()


def test_another_boots_memory_means_nothing(tmp_path: Path) -> None:
    IpvsMemory(tmp_path / "ipvs").before_changes(table(WEB))
    text = (tmp_path / "ipvs").read_text()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (tmp_path / "ipvs").write_text(text.replace(boot, "0" * len(boot)))
    assert IpvsMemory(tmp_path / "ipvs").own == OwnIpvs()


@pytest.mark.root
def test_another_namespaces_memory_means_nothing(tmp_path: Path) -> None:
    IpvsMemory(tmp_path / "ipvs").before_changes(table(WEB))
    with make_namespace(new_lab_name(), "other") as other:
        assert other.call(lambda: IpvsMemory(tmp_path / "ipvs").own) == OwnIpvs()
