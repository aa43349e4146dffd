"""A real keepalived and this translation come to the same values from the same file.

Differences that are meant are left out of the comparison here, and in docs/keepalived-conf.md.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.keepalived.dumping_keepalived import Dump, a_host, dump_of
from tests.config.keepalived.kept_files import parsed
from tests.config.keepalived.written_files import file_of
from vipkeeper.config.schema import Config
from vipkeeper.config.tracking import TrackKind, unit_tracks
from vipkeeper.config.vip_schema import Vip
from vipkeeper.lab.namespaces import Namespace

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(shutil.which("keepalived") is None, reason="needs keepalived (Debian package)"),
]

FILES = int(os.environ.get("VIPKEEPER_KEEPALIVED_DUMPS", "8"))
INSTANCES = 8
_KINDS = {"scripts": TrackKind.SCRIPT, "files": TrackKind.FILE, "processes": TrackKind.PROCESS}


@pytest.fixture(scope="module")
def host() -> Iterator[Namespace]:
    with a_host() as made:
        yield made


@pytest.mark.parametrize("number", range(FILES))
def test_values_agree(number: int, host: Namespace, tmp_path: Path) -> None:
    text = file_of(number, instances=INSTANCES)
    differences = compared(parsed(text).config, dump_of(text, host, tmp_path / "kept"))
    assert differences == []


def test_a_difference_is_seen(host: Namespace, tmp_path: Path) -> None:
    """The control: keepalived reads another file than we do."""
    text = file_of(0, instances=1).replace("virtual_router_id 1", "virtual_router_id 2")
    differences = compared(parsed(file_of(0, instances=1)).config, dump_of(text, host, tmp_path / "kept"))
    assert differences == ["VI_1 vrid: 1 here, 2 in keepalived"]


def compared(config: Config, dump: Dump) -> list[str]:
    """One line for each value that is another one."""
    assert config.vip.keys() == dump.data.keys()
    found = []
    for name, vip in config.vip.items():
        ours = ours_of(config, name, vip)
        theirs = theirs_of(dump, name, ours.keys())
        found += [
            f"{name} {key}: {value!r} here, {theirs[key]!r} in keepalived"
            for key, value in ours.items()
            if value != theirs[key]
        ]
    return found


def ours_of(config: Config, name: str, vip: Vip) -> dict[str, object]:
    """What is compared of one VIP. What the file does not say of announcements is vipkeeper's own way."""
    garp, general = vip.garp, config.garp
    values: dict[str, object] = {
        "vrid": vip.vrrp.vrid,
        "base_priority": vip.priority,
        "version": vip.vrrp.version,
        "adver_int": vip.vrrp.advert_interval_s,
        "nopreempt": not vip.preempt,
        "preempt_delay": int(vip.preempt_delay_s),  # the dump has whole seconds
        "dont_track_primary": vip.dont_track_primary,
        "promote_secondaries": vip.promote_secondaries,
        "lower_prio_no_advert": vip.vrrp.lower_prio_no_advert,
        "auth_type": {"none": 0, "pass": 1, "ah": 2}[vip.vrrp.auth_type],
        "smtp_alert": config.mail.smtp_alert if vip.notify.smtp_alert is None else vip.notify.smtp_alert,
        "vips": [address_of(text) for text in vip.addresses],
        "evips": [address_of(text) for text in vip.excluded_addresses or ()],
        "tracked": tracks_of(config, name),
    }
    said = {
        "garp_delay": general.master_delay_s if garp.master_delay_s is None else garp.master_delay_s,
        "garp_rep": general.master_repeat if garp.master_repeat is None else garp.master_repeat,
        "garp_refresh": garp.master_refresh_s,
        "garp_lower_prio_rep": garp.lower_prio_repeat,
    }
    return values | {key: value for key, value in said.items() if value is not None}


def theirs_of(dump: Dump, name: str, keys: object) -> dict[str, object]:
    data = dump.data[name]
    tracked = {
        (_KINDS[listing], thing): said.removeprefix("weight ")
        for key, said in dump.tracked[name].items()
        for listing, _, thing in [key.partition(" ")]
        if listing in _KINDS
    }
    return {
        **data,
        "dont_track_primary": bool(data["dont_track_primary"]),
        "lower_prio_no_advert": bool(data["lower_prio_no_advert"]),
        "vips": [address_of(text) for text in data.get("vips", ())],
        "evips": [address_of(text) for text in data.get("evips", ())],
        "tracked": tracked,
    }


def address_of(text: str) -> str:
    """The address with its length where that is not the whole of it."""
    address = text.split(maxsplit=1)[0]
    return address.removesuffix("/32").removesuffix("/128")


def tracks_of(config: Config, name: str) -> dict[tuple[TrackKind, str], str]:
    """As keepalived prints it. Weights that count for nothing are no tracks to it."""
    owner = config.vip[name].priority == 255
    return {
        (track.kind, track.name): f"{track.weight}{' reverse' if track.reverse else ''}"
        for track in unit_tracks(config)[name]
        if track.kind is not TrackKind.INTERFACE and not (owner and track.weight)
    }
