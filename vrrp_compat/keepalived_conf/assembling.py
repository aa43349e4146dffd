"""Statements to known blocks and typed settings, line after line as keepalived reads them.

Rules of this file: keepalived's parser has no look-ahead. A word that it does not know is skipped alone; if a
block follows it, what is in that is read as part of the block around it, and its closing brace ends that one.
"""

from __future__ import annotations

from collections.abc import Iterable

from vrrp_compat.keepalived_conf.earlier_lines import judge_setting
from vrrp_compat.keepalived_conf.fate_remarks import fate_remark
from vrrp_compat.keepalived_conf.keyword_reading import mistake, read_keyword, warning
from vrrp_compat.keepalived_conf.keywords.rows import Reply, Row
from vrrp_compat.keepalived_conf.keywords.top_level import TABLE
from vrrp_compat.keepalived_conf.known_words import suggestion
from vrrp_compat.keepalived_conf.list_lines import read_list_line
from vrrp_compat.keepalived_conf.open_blocks import OpenBlock
from vrrp_compat.keepalived_conf.service_lines import read_service_line
from vrrp_compat.keepalived_conf.statements import Place, Remark, Statement, Word
from vrrp_compat.keepalived_conf.track_lines import Definitions
from vrrp_compat.keepalived_conf.understood import Block, Fate, Setting

# A second definition of the name is skipped. Of the first ones keepalived reports that.
_REPORTED_TWICE = ("vrrp_instance", "vrrp_sync_group", "track_group", "bfd_instance")
_SKIPPED_TWICE = ("vrrp_script", "track_file", "vrrp_track_process")
# What a definition can't be without: it is left out, and so is whatever tracks it.
_NEEDED = {
    "vrrp_script": "script",
    "track_file": "file",
    "vrrp_track_process": "process",
    "bfd_instance": "neighbor_ip",
}
# These take a second word for a missing name.
_ONE_NAME = ("vrrp_instance", "vrrp_sync_group")
_TOP_AND_ONE = 2
_TOLD_WHEN_EMPTY = ("notification_email", "group", "interfaces", "virtual_server_group")


class Assembler:
    """What was read so far: blocks that are open, the finished ones, and remarks."""

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        self.remarks: list[Remark] = []
        self._top = OpenBlock(Row(keyword="", fate=Fate.CARRIED_OUT, layout=TABLE), _NOWHERE)
        self._stack = [self._top]
        self._defined = Definitions({}, {})
        self._names: dict[str, dict[str, Place]] = {}
        self._ended_early: tuple[OpenBlock, Statement] | None = None
        for statement in statements:
            if statement.block is not None and statement.words:
                keyword = _current_name(statement.keyword.text)
                places = self._defined.anywhere.setdefault(keyword, {})
                places.setdefault(statement.words[0].text, statement.keyword.place)

    def assemble(self, statements: Iterable[Statement]) -> None:
        """Read on."""
        for statement in statements:
            if statement.block is None:
                self._line(statement)
                continue
            depth = len(self._stack)
            self._open(statement)
            self.assemble(statement.block)
            self._close(statement, depth)

    @property
    def blocks(self) -> list[Block]:
        """The finished ones at the top."""
        return self._top.blocks

    @property
    def settings(self) -> list[Setting]:
        """Words alone at the top."""
        return self._top.settings

    def _line(self, statement: Statement) -> None:
        here = self._stack[-1]
        if here.skipped:
            return
        if here.listing is not None:
            self.remarks += read_list_line(here, statement, self._defined)
            return
        row = here.layout.find(statement.keyword.text)
        if row is None or row.gone or not _takes_it(row, statement):
            self._unknown(here, statement)
        elif row.layout is not None:
            self.remarks.append(mistake(statement, "a block { ... } has to follow it", "add its braces"))
        else:
            self._setting(here, row, statement)

    def _open(self, statement: Statement) -> None:
        here = self._stack[-1]
        if here.skipped:
            self._stack.append(OpenBlock(here.row, statement, skipped=True))
            return
        row = None if here.listing is not None else here.layout.find(statement.keyword.text)
        if row is not None and row.layout is not None:
            self._begin(here, row, statement)
            return
        self._line(statement)
        if row is None and here.listing is None:
            return  # that it is unknown is said
        wrong = f"no block may follow it: the next closing brace ends {here.name}"
        self.remarks.append(mistake(statement, wrong, "remove its braces"))

    def _begin(self, here: OpenBlock, row: Row, statement: Statement) -> None:
        reading = read_keyword(row, statement)
        self.remarks += reading.remarks
        block = OpenBlock(row, statement, reading.values or ())
        block.family = here.family
        self._stack.append(block)
        if reading.values is None:
            block.skipped = True
            return
        if row.keyword == "virtual_server":
            self._begin_service(block)
        elif row.keyword in _ONE_NAME and len(statement.words) > 1:
            wrong = "keepalived takes more than one word for a missing name, and skips the block"
            self.remarks.append(mistake(statement, wrong, "write one word"))
            block.skipped = True
        elif row.layout is not None and row.layout.listing is not None and statement.words and not row.takes:
            self.remarks.append(
                mistake(statement, "nothing may stand between it and its brace", "write one line each below")
            )
        elif self._is_second(row, block):
            block.skipped = True
        self._tell_fate(here, row, statement)

    def _begin_service(self, block: OpenBlock) -> None:
        line = read_service_line(block.statement, block.values)
        self.remarks += line.remarks
        block.skipped = line.values is None
        block.values = line.values or block.values

    def _is_second(self, row: Row, block: OpenBlock) -> bool:
        if row.keyword not in (*_REPORTED_TWICE, *_SKIPPED_TWICE) or block.listing is not None:
            return False
        names = self._names.setdefault(row.keyword, {})
        name = str(block.values[0])
        if name not in names:
            names[name] = block.place
            return False
        say = mistake if row.keyword in _REPORTED_TWICE else warning
        wrong = f"{name} is defined already ({names[name]}), and this one is skipped"
        self.remarks.append(say(block.statement, wrong, "give it a name of its own"))
        return True

    def _close(self, statement: Statement, depth: int) -> None:
        if len(self._stack) == 1:
            return
        block = self._stack.pop()
        if len(self._stack) < depth:
            self._ended_early = (block, statement)
        if block.skipped:
            return
        around = self._stack[-1]
        if block.listing is not None and around.family is None:
            around.family = block.family
        if self._is_complete(block):
            around.blocks.append(block.finished())

    def _is_complete(self, block: OpenBlock) -> bool:
        """Whether it counts; if so, what it defines is known from here on."""
        keyword = block.row.keyword
        if keyword in _TOLD_WHEN_EMPTY and not block.settings:
            self.remarks.append(mistake(block.statement, "nothing is in it", "fill or remove it"))
            if keyword == "virtual_server_group":
                return False
        needed = _NEEDED.get(keyword) if block.listing is None else None
        if needed is not None and not any(setting.keyword == needed for setting in block.settings):
            wrong = f"it is left out, because its {needed} is missing"
            self.remarks.append(mistake(block.statement, wrong, f"add {needed}"))
            return False
        if block.values:
            self._defined.above.setdefault(keyword, set()).add(str(block.values[0]))
        return True

    def _setting(self, here: OpenBlock, row: Row, statement: Statement) -> None:
        second = here.find(row.keyword) or self._in_earlier(here, row.keyword)
        if second is not None and row.first_counts:
            wrong = f"it is said already ({second.place}), and the first counts"
            self.remarks.append(mistake(statement, wrong, "remove one"))
            return
        reading = read_keyword(row, statement)
        self.remarks += reading.remarks
        if reading.values is None:
            return
        setting = Setting(row.keyword, reading.values, statement, row.fate)
        remarks, counts = judge_setting(here, setting)
        self.remarks += remarks
        if not counts:
            return
        if second is not None and not remarks:
            wrong = f"it is said already ({second.place}), and the last counts"
            self.remarks.append(warning(statement, wrong, "remove one"))
        here.settings.append(setting)
        self._tell_fate(here, row, statement)

    def _in_earlier(self, here: OpenBlock, keyword: str) -> Setting | None:
        """The same keyword in an earlier block of that kind without a name: global_defs may be in pieces."""
        if here.values or len(self._stack) > _TOP_AND_ONE:
            return None
        earlier = [block.find(keyword) for block in self._top.blocks if block.keyword == here.row.keyword]
        return next((found for found in earlier if found is not None), None)

    def _tell_fate(self, here: OpenBlock, row: Row, statement: Statement) -> None:
        remark = fate_remark(here.row, row, statement)
        if remark is not None:
            self.remarks.append(remark)

    def _unknown(self, here: OpenBlock, statement: Statement) -> None:
        word = statement.keyword.text
        once = here.layout.find(word)
        wrong = f"{here.name} does not know this word"
        fix = suggestion(word, here.layout)
        if once is not None:
            wrong = "keepalived no longer knows this word"
            fix = once.says.rstrip(".") if once.gone else f"write {once.keyword}"
        elif self._ended_early is not None and self._ended_early[0].layout.find(word) is not None:
            ended, by = self._ended_early
            fix = f"correct line {by.keyword.place.line}: the brace of {by.keyword.text} ended {ended.name}"
        elif here.row.keyword == "vrrp_sync_group" and word in self._defined.anywhere.get(
            "vrrp_instance", ()
        ):
            fix = "put the names of instances into a block of their own: group { ... }"
        if statement.block is not None:
            wrong += f"; what is in its braces is read as part of {here.name}"
        self.remarks.append(mistake(statement, wrong, fix))


_NOWHERE = Statement(Word("", Place("", 1, 1)))


def _takes_it(row: Row, statement: Statement) -> bool:
    """Whether keepalived still knows the name that is written."""
    written = statement.keyword.text
    return not row.old_names or not any(
        old.name == written and old.reply is Reply.UNKNOWN for old in row.old_names
    )


def _current_name(keyword: str) -> str:
    row = TABLE.find(keyword)
    return row.keyword if row is not None else keyword
