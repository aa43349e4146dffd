"""What a keepalived.conf means by keepalived's own rules: known blocks, typed values, and remarks.

Rules of this file: plain values. Old names are gone (`lb_algo` is `lvs_sched` by then); what keepalived
leaves out is not here, and a remark says so. How values look:

- A bare word such as `nopreempt` or `vrrp_strict` has none. One that may be switched off has one bool, also
  when nothing follows it: `smtp_alert` is `(True,)`.
- A program is a tuple of its words, and after it user and group where they are said:
  `(("/bin/notify", "master"), "nobody", "nogroup")`.
- A line of a list is a setting whose keyword is the line's first word. Of addresses, routes and rules the
  values are the words after that, without those that keepalived leaves out. Of what is tracked they are the
  weight and whether it is reversed, as far as they are said: `()`, `(-20,)`, `(-20, True)`. Names that share
  a line are a setting each.
"""

from __future__ import annotations

import enum

import msgspec

from vrrp_compat.keepalived_conf.statements import Place, Remark, Statement

Value = str | int | float | bool | tuple[str, ...]


class Fate(enum.Enum):
    """What becomes of a keyword in vipkeeper."""

    CARRIED_OUT = "carried out"
    NO_MEANING = "has no meaning here"
    REFUSED = "refused"


class Setting(msgspec.Struct, frozen=True, gc=False):
    """One keyword with its values, of the types that the table of keywords says."""

    keyword: str
    values: tuple[Value, ...]
    statement: Statement
    fate: Fate

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.statement.keyword.place


class Block(msgspec.Struct, frozen=True, gc=False):
    """One block: its keyword, what follows that on its line, and what is in it, in the order written."""

    keyword: str
    values: tuple[Value, ...]
    statement: Statement
    fate: Fate
    settings: tuple[Setting, ...] = ()
    blocks: tuple[Block, ...] = ()

    def find(self, keyword: str) -> Setting | None:
        """The last setting of a keyword, which is the one that counts."""
        for setting in reversed(self.settings):  # no generator: this is asked half a million times
            if setting.keyword == keyword:
                return setting
        return None

    def inner(self, keyword: str) -> tuple[Block, ...]:
        """The blocks of a keyword."""
        return tuple(block for block in self.blocks if block.keyword == keyword)

    @property
    def name(self) -> str:
        """What follows its keyword, or nothing."""
        return str(self.values[0]) if self.values else ""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.statement.keyword.place


class Understood(msgspec.Struct, frozen=True):
    """A whole configuration."""

    blocks: tuple[Block, ...]  # at the top, in the order written
    settings: tuple[Setting, ...] = ()  # single words at the top
    remarks: tuple[Remark, ...] = ()
    trailing_comments: tuple[str, ...] = ()
