"""Command-line flags as settings: the same document as the file, with the flag's name for each value.

Rules of this file: pure; a flag becomes the value the file would have, so that one checker judges both; text
that is not a number stays text and is refused by that checker with the flag's name.
"""

from __future__ import annotations

from collections.abc import Mapping

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

VIP_FORM = "NAME=ADDR[/LEN][,ADDR...]@IFACE"


def settings_from_flags(flags: Flags, store_table: str) -> FlagSettings:
    """What the flags say, at the places of the document that the file would use.

    `store_table` is the name of the chosen store's table.
    """
    values: dict[Path, object] = {}
    names: dict[Path, str] = {}
    mistakes: list[Mistake] = []

    def put(path: Path, value: object, flag: str) -> None:
        place = (path[0] or store_table, *path[1:])
        values[place] = value
        names[place] = flag

    for attribute, flag, path in _PLAIN:
        text = getattr(flags, attribute)
        if text is not None:
            put(path, text, flag)
    for attribute, flag, path in _NUMBERS:
        text = getattr(flags, attribute)
        if text is not None:
            put(path, _number_or_text(text), flag)
    if flags.endpoints is not None:
        put(("", "endpoints"), _separated(flags.endpoints), "--endpoints")
    if flags.user is not None:
        name, colon, password = flags.user.partition(":")
        put(("", "username"), name, "--user")
        if colon:
            put(("", "password"), password, "--user")
    for text in flags.vips:
        name, addresses, interface = _split_vip(text)
        if not (name and addresses and interface):
            mistakes.append(
                Mistake(
                    "--vip", (), f'"{text}" is not of the form {VIP_FORM}', "for example web=192.0.2.10@eth0"
                )
            )
        elif ("vip", name, "interface") in values:
            mistakes.append(
                Mistake(
                    "--vip", (), f'"{name}" is given twice', "name its addresses once, separated by commas"
                )
            )
        else:
            put(("vip", name, "addresses"), addresses, f"--vip {name}")
            put(("vip", name, "interface"), interface, f"--vip {name}")
    return FlagSettings(values, names, tuple(mistakes))


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
