"""Command-line flags as settings: the same document as the file, with the flag's name for each value.

Rules of this file: pure; a flag becomes the value the file would have, so that one checker judges both; text
that is not a number stays text and is refused by that checker with the flag's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from vipkeeper.config.mistakes import Mistake
from vipkeeper.config.toml_positions import Path


class Flags(msgspec.Struct, frozen=True):
    """What was given on the command line, as text; None and () mean not given."""

    backend: str | None = None
    endpoints: str | None = None
    cluster: str | None = None
    node: str | None = None
    vips: tuple[str, ...] = ()
    vrid: str | None = None
    vrrp_version: str | None = None
    advert_interval: str | None = None
    unicast_peers: tuple[str, ...] = ()
    priority: str | None = None
    lease: str | None = None
    lease_max: str | None = None
    run_dir: str | None = None
    log_format: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    user: str | None = None
    password_file: str | None = None


class FlagSettings(msgspec.Struct, frozen=True):
    """`values` at their paths, and the flag that each path came from."""

    values: Mapping[Path, object]
    names: Mapping[Path, str]
    mistakes: tuple[Mistake, ...] = ()


# Flag, where it goes in the document, and how its text is understood. "" stands for the store's table.
_PLAIN: tuple[tuple[str, str, Path], ...] = (
    ("backend", "--backend", ("backend",)),
    ("cluster", "--cluster", ("cluster",)),
    ("node", "--node", ("node",)),
    ("run_dir", "--run-dir", ("run_dir",)),
    ("log_format", "--log-format", ("log", "format")),
    ("ca_file", "--cacert", ("", "ca_file")),
    ("cert_file", "--cert", ("", "cert_file")),
    ("key_file", "--key", ("", "key_file")),
    ("password_file", "--password-file", ("", "password_file")),
)
_NUMBERS: tuple[tuple[str, str, Path], ...] = (
    ("priority", "--priority", ("priority",)),
    ("lease", "--lease", ("lease", "ttl")),
    ("lease_max", "--lease-max", ("lease", "max")),
)

# The same for the table `vrrp` of the one VIP.
_VRRP: tuple[tuple[str, str, str], ...] = (
    ("vrid", "--vrid", "vrid"),
    ("vrrp_version", "--vrrp-version", "version"),
    ("advert_interval", "--advert-interval", "advert_interval"),
)

VIP_FORM = "NAME=ADDR[/LEN][,ADDR...]@IFACE"


def settings_from_flags(flags: Flags, store_table: str, vips_of_file: Iterable[str] = ()) -> FlagSettings:
    """What the flags say, at the places of the document that the file would use.

    `store_table` is the name of the chosen store's table; flags of VRRP are for the one VIP that there is.
    """
    found = _Found(store_table)
    for attribute, flag, path in _PLAIN:
        text = getattr(flags, attribute)
        if text is not None:
            found.put(path, text, flag)
    for attribute, flag, path in _NUMBERS:
        text = getattr(flags, attribute)
        if text is not None:
            found.put(path, _number_or_text(text), flag)
    if flags.endpoints is not None:
        found.put(("", "endpoints"), _separated(flags.endpoints), "--endpoints")
    if flags.user is not None:
        name, colon, password = flags.user.partition(":")
        found.put(("", "username"), name, "--user")
        if colon:
            found.put(("", "password"), password, "--user")
    for text in flags.vips:
        _put_vip(text, found)
    _put_vrrp(flags, vips_of_file, found)
    return FlagSettings(found.values, found.names, tuple(found.mistakes))


class _Found:
    """What was found so far."""

    def __init__(self, store_table: str) -> None:
        self._store_table = store_table
        self.values: dict[Path, object] = {}
        self.names: dict[Path, str] = {}
        self.mistakes: list[Mistake] = []

    def put(self, path: Path, value: object, flag: str) -> None:
        """Set a value; "" at the front of its path stands for the store's table."""
        place = (path[0] or self._store_table, *path[1:])
        self.values[place] = value
        self.names[place] = flag


def _put_vip(text: str, found: _Found) -> None:
    name, addresses, interface = _split_vip(text)
    if not (name and addresses and interface):
        wrong = f'"{text}" is not of the form {VIP_FORM}'
        found.mistakes.append(Mistake("--vip", (), wrong, "for example web=192.0.2.10@eth0"))
    elif ("vip", name, "interface") in found.values:
        fix = "name its addresses once, separated by commas"
        found.mistakes.append(Mistake("--vip", (), f'"{name}" is given twice', fix))
    else:
        found.put(("vip", name, "addresses"), addresses, f"--vip {name}")
        found.put(("vip", name, "interface"), interface, f"--vip {name}")


def _put_vrrp(flags: Flags, vips_of_file: Iterable[str], found: _Found) -> None:
    vrrp = _vrrp_settings(flags)
    vips = {*vips_of_file, *(place[1] for place in found.values if place[0] == "vip")}
    if vrrp and len(vips) != 1:
        flag = next(flag for flag, _ in vrrp.values())
        fix = "write it into the table [vip.NAME.vrrp] of each" if vips else f"add --vip {VIP_FORM}"
        found.mistakes.append(Mistake(flag, (), f"is for one VIP, and there are {len(vips)}", fix))
        return
    for key, (flag, value) in vrrp.items():
        (only,) = vips
        found.put(("vip", only, "vrrp", key), value, flag)


def _vrrp_settings(flags: Flags) -> dict[str, tuple[str, object]]:
    """By key: the flag, and its value."""
    given: dict[str, tuple[str, object]] = {}
    for attribute, flag, key in _VRRP:
        text = getattr(flags, attribute)
        if text is not None:
            given[key] = (flag, _number_or_text(text))
    if flags.unicast_peers:
        peers = [peer for text in flags.unicast_peers for peer in _separated(text)]
        given["unicast_peers"] = ("--unicast-peer", peers)
    return given


def _split_vip(text: str) -> tuple[str, list[str], str]:
    name, _, rest = text.partition("=")
    addresses, _, interface = rest.rpartition("@")
    return name.strip(), _separated(addresses), interface.strip()


def _separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _number_or_text(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
