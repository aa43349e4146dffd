"""A whole keepalived.conf, as keepalived understands it, to the document that our own rules judge.

Rules of this file: pure; every line of the file ends up in the document, in a remark, or among what was left
out with its reason: nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import msgspec

from vipkeeper.config.documents import Document
from vipkeeper.config.keepalived.drafts import Draft, Leftover
from vipkeeper.config.keepalived.global_words import put_globals, put_pacing, put_static
from vipkeeper.config.keepalived.groups import put_group
from vipkeeper.config.keepalived.instances import Instance, Surroundings, put_instance
from vipkeeper.config.keepalived.ipvs_globals import put_ipvs, put_ssl, put_sync_daemon
from vipkeeper.config.keepalived.names import fitting_names
from vipkeeper.config.keepalived.tracks import put_definitions
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.keepalived.virtual_servers import Alerts, put_services
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Place, Remark, Severity, Word
from vrrp_compat.keepalived_conf.understood import Block, Fate, Setting, Understood

DEFAULT_BACKEND = "vrrp"


class Translation(msgspec.Struct, frozen=True):
    """The document, and what `convert` wants to know beside it."""

    document: Document
    words: Mapping[Path, Word]  # by key: the keyword of the line whose comments belong to it
    leftovers: tuple[Leftover, ...]
    seen: Set[Place]  # the lines that were looked at


def translate(understood: Understood, backend: str | None = None) -> Translation:
    """The same configuration in our words. Without `backend` it is VRRP, as it was with keepalived."""
    draft, seen = Draft(), set[Place]()
    draft.default(("backend",), backend or DEFAULT_BACKEND)
    tops = [View(block, seen) for block in understood.blocks if block.fate is Fate.CARRIED_OUT]
    defaults = _all_globals(tops, seen)
    if defaults is not None:
        put_globals(draft, defaults)
        put_ipvs(draft, defaults, serves=any(view.block.keyword == "virtual_server" for view in tops))
    put_pacing(draft, tops)
    put_static(draft, tops, defaults)
    known = put_definitions(draft, tops)
    around = Surroundings(defaults, known, by_store=draft.values["backend"] != DEFAULT_BACKEND)
    instances = _put_instances(draft, tops, around)
    _put_groups(draft, tops, instances, around)
    put_sync_daemon(draft, defaults, tops, instances)
    put_ssl(draft, tops)
    put_services(draft, tops, known, _alerts(draft, defaults))
    leftovers = (*draft.leftovers, *_Unused(understood, seen).leftovers())
    remarks = sorted((*_with_refusals(understood), *draft.remarks), key=lambda remark: remark.place)
    document = Document(draft.values, draft.origins, tuple(dict.fromkeys(remarks)))
    return Translation(document, draft.words, leftovers, seen)


def _alerts(draft: Draft, defaults: View | None) -> Alerts:
    """What global_defs say of mails about servers: the word for them, else the one for all mails."""
    said = defaults.flag("smtp_alert_checker") if defaults is not None else None
    if said is None and defaults is not None:
        said = defaults.flag("smtp_alert")
    return Alerts(said, read_by_somebody="notification_email" in draft.values.get("mail", {}))


def _all_globals(tops: list[View], seen: set[Place]) -> View | None:
    """All blocks of global_defs as one."""
    found = [view.block for view in tops if view.block.keyword == "global_defs"]
    if not found:
        return None
    settings = tuple(setting for block in found for setting in block.settings)
    blocks = tuple(inner for block in found for inner in block.blocks)
    return View(msgspec.structs.replace(found[0], settings=settings, blocks=blocks), seen)


def _put_instances(draft: Draft, tops: list[View], around: Surroundings) -> dict[str, Instance]:
    views = {view.name: view for view in tops if view.block.keyword == "vrrp_instance"}
    names = fitting_names(views)
    found = {}
    for name, view in views.items():
        instance = put_instance(draft, view, names[name], around)
        if instance is not None:
            _remark_name(draft, view, names[name])
            found[name] = instance
    return found


def _put_groups(draft: Draft, tops: list[View], instances: dict[str, Instance], around: Surroundings) -> None:
    views = {view.name: view for view in tops if view.block.keyword == "vrrp_sync_group"}
    names = fitting_names(views, taken={instance.vip for instance in instances.values()})
    for name, view in views.items():
        _remark_name(draft, view, names[name])
        put_group(draft, view, names[name], instances, known=around.known)


def _remark_name(draft: Draft, view: View, name: str) -> None:
    if name != view.name:
        draft.remark(
            view.statement,
            Severity.NOTE,
            f'"{view.name}" is called {name} here: names of VIPs and groups differ, and have letters, '
            "digits, dots, dashes and underscores",
            "use that name in commands",
        )


def _with_refusals(understood: Understood) -> Iterator[Remark]:
    """The remarks of the reader. What is refused keeps an agent from running: it would do something else."""
    refused = {setting.place for setting in understood.settings if setting.fate is Fate.REFUSED}
    for block in understood.blocks:
        refused.update(_refused_in(block))
    for remark in understood.remarks:
        if remark.place in refused and remark.severity is Severity.WARNING:
            fix = remark.fix or "take it out, if it can be done without"
            yield msgspec.structs.replace(remark, severity=Severity.FATAL, fix=fix)
        else:
            yield remark


def _refused_in(block: Block) -> Iterator[Place]:
    """The places of what is refused, at any depth; what is in a refused block is refused with it."""
    if block.fate is Fate.REFUSED:
        yield block.place
    if block.fate is not Fate.CARRIED_OUT:
        return
    yield from (setting.place for setting in block.settings if setting.fate is Fate.REFUSED)
    for inner in block.blocks:
        yield from _refused_in(inner)


def line_of(place: Place) -> tuple[str, int]:
    """The line: a remark may stand at one of its words."""
    return place.file, place.line


class _Unused:
    """What nobody asked for: words that have no meaning here, and all within blocks that have none."""

    def __init__(self, understood: Understood, seen: set[Place]) -> None:
        self._understood = understood
        self._seen = seen
        self._told = {line_of(remark.place): remark.wrong for remark in understood.remarks}

    def leftovers(self) -> Iterator[Leftover]:
        for setting in self._understood.settings:
            yield from self._setting(setting)
        for block in self._understood.blocks:
            yield from self._block(block)

    def _block(self, block: Block) -> Iterator[Leftover]:
        if block.fate is not Fate.CARRIED_OUT:
            yield Leftover(block.statement, self._reason(block))
            return
        for setting in block.settings:
            yield from self._setting(setting)
        for inner in block.blocks:
            yield from self._block(inner)

    def _setting(self, setting: Setting) -> Iterator[Leftover]:
        if setting.fate is not Fate.CARRIED_OUT:
            yield Leftover(setting.statement, self._reason(setting))
        elif setting.place not in self._seen and not setting.keyword.startswith("include"):
            yield Leftover(setting.statement, "nothing here depends on it")

    def _reason(self, left_out: Block | Setting) -> str:
        return self._told.get(line_of(left_out.place), left_out.fate.value)
