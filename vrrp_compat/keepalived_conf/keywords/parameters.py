"""What may stand behind a keyword: kinds of words, each with what keepalived makes of it.

Rules of this file: plain values. How a word is read follows keepalived 2.2.7, tried word by word. That a bad
word leaves the line out is the common case; what differs from it is said in the row.
"""

from __future__ import annotations

import enum
import ipaddress
import math
import re

import msgspec

from vrrp_compat.keepalived_conf.understood import Value

_ON = ("on", "true", "yes")
_OFF = ("off", "false", "no")
LARGEST_UNSIGNED = 2**32 - 1
LARGEST_SIGNED = 2**31 - 1
_DECIMAL_PLACES = 6
_IPV6 = 6
_LINK_SCOPE = "ff02:"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
# An address of IPv4 is written in one way, so it need not be parsed: thousands of them stand in a long file.
_PLAIN_IPV4 = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}")


class Missing(enum.Enum):
    """What keepalived does when a word that a keyword needs is not there."""

    STOPS = "does not start"  # "missing a parameter", exit code 2, or a crash
    LEFT_OUT = "leaves the line out"
    FINE = "does without"


class BadWord(msgspec.Struct, frozen=True):
    """A word that is none of its kind: why, and what keepalived takes in its place, if anything."""

    wrong: str
    instead: Value | None = None


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One word behind a keyword."""

    missing: Missing = Missing.STOPS
    default: Value | None = None  # the value where it is missing and that is fine
    instead: Value | None = (
        None  # what keepalived takes for a word that it can't use; None: the line is left out
    )
    alone: bool = False  # a bad one is left out by itself, and the rest of the line counts
    many: bool = False  # as many as there are
    advice: str = ""  # what to do about a bad one, if it is something special

    @property
    def says(self) -> str:
        """What it is, for the reference page."""
        return "word"

    def read(self, text: str) -> Value | BadWord:
        """The value of a word."""
        return text

    def bad(self, wrong: str) -> BadWord:
        """A word that is not of this kind."""
        return BadWord(wrong, self.instead)


class Text(Parameter, frozen=True, kw_only=True):
    """Any word. keepalived cuts some of them."""

    called: str = "word"
    longest: int | None = None

    @property
    def says(self) -> str:
        return self.called if self.longest is None else f"{self.called}, {self.longest} bytes at most"

    def read(self, text: str) -> Value | BadWord:
        raw = text.encode()
        if self.longest is None or len(raw) <= self.longest:
            return text
        kept = raw[: self.longest].decode(errors="ignore")
        return BadWord(f"only the first {self.longest} bytes count", kept)


class Bool(Parameter, frozen=True, kw_only=True):
    """`on`, `true`, `yes` or their opposites, in small letters; nothing at all means on."""

    missing: Missing = Missing.FINE
    default: Value | None = True

    @property
    def says(self) -> str:
        return "[on or off]" if self.missing is Missing.FINE else "on or off"

    def read(self, text: str) -> Value | BadWord:
        if text in _ON or text in _OFF:
            return text in _ON
        return self.bad(f"{text!r} is neither on, true, yes nor off, false, no (in small letters)")


class Whole(Parameter, frozen=True, kw_only=True):
    """A whole number, in decimal."""

    least: int = 0
    most: int = LARGEST_UNSIGNED
    nearest: bool = False  # beyond the range the nearest number in it counts
    zero_means: int | None = None  # what keepalived makes of 0, with a remark

    @property
    def says(self) -> str:
        if (self.least, self.most) in {(0, LARGEST_UNSIGNED), (-LARGEST_SIGNED - 1, LARGEST_SIGNED)}:
            return "whole number"
        return f"whole number, {self.least} to {self.most}"

    def read(self, text: str) -> Value | BadWord:
        number = _whole(text)
        if number is None:
            return self.bad(f"{text!r} is not a whole number")
        if number == 0 and self.zero_means is not None:
            return BadWord(f"0 is not possible; {self.zero_means} counts", self.zero_means)
        if self.least <= number <= self.most:
            return number
        wrong = f"{text} is not between {self.least} and {self.most}"
        if self.nearest:
            return BadWord(wrong, min(max(number, self.least), self.most))
        return self.bad(wrong)


class WholeOr(Whole, frozen=True, kw_only=True):
    """A whole number, or one of a few words."""

    words: tuple[str, ...]

    @property
    def says(self) -> str:
        return " | ".join((super().says, *(f"`{word}`" for word in self.words)))

    def read(self, text: str) -> Value | BadWord:
        return text if text in self.words else super().read(text)


class Seconds(Parameter, frozen=True, kw_only=True):
    """A decimal number, of seconds if nothing else is said."""

    least: float = 0.0
    most: float = math.inf
    unit: str = "seconds"

    @property
    def says(self) -> str:
        if self.most == math.inf:
            return self.unit if not self.least else f"{self.unit}, at least {_plain(self.least)}"
        return f"{self.unit}, {_plain(self.least)} to {_plain(self.most)}"

    def read(self, text: str) -> Value | BadWord:
        number = _decimal(text)
        if number is None:
            return self.bad(f"{text!r} is not a number of {self.unit}")
        if len(text.partition(".")[2]) > _DECIMAL_PLACES:
            return BadWord(f"{text} has more than {_DECIMAL_PLACES} decimal places", round(number, 6))
        if self.least <= number <= self.most:
            return number
        return self.bad(f"{text} is out of range: {self.says}")


class Choice(Parameter, frozen=True, kw_only=True):
    """One of a few words."""

    words: tuple[str, ...]
    any_case: bool = False

    @property
    def says(self) -> str:
        return " | ".join(f"`{word}`" for word in self.words)

    def read(self, text: str) -> Value | BadWord:
        for word in self.words:
            if text == word or (self.any_case and text.upper() == word.upper()):
                return word
        other_case = next((word for word in self.words if text.upper() == word.upper()), None)
        if other_case is not None:
            return self.bad(f"{text!r} is not known: it is written {other_case}")
        return self.bad(f"{text!r} is none of {', '.join(self.words)}")


class Address(Parameter, frozen=True, kw_only=True):
    """An IP address. A prefix length behind it is dropped."""

    version: int | None = None
    multicast: bool = False
    link_scope: bool = False  # an address that routers pass on is reported, and taken

    @property
    def says(self) -> str:
        family = f"IPv{self.version} " if self.version else ""
        return f"{family}{'multicast group' if self.multicast else 'address'}"

    def read(self, text: str) -> Value | BadWord:
        if self.version != _IPV6 and not self.multicast and _PLAIN_IPV4.fullmatch(text):
            return text
        if "%" in text:
            return self.bad(f"{text!r} names an interface, and keepalived takes no address with one")
        try:
            address = ipaddress.ip_address(text.partition("/")[0])
        except ValueError:
            return self.bad(f"{text!r} is no IP address; names are not looked up here")
        if self.version is not None and address.version != self.version:
            return self.bad(f"{text} is an IPv{address.version} address, where IPv{self.version} is meant")
        if self.multicast and not address.is_multicast:
            return self.bad(f"{text} is no multicast group")
        if self.link_scope and not text.lower().startswith(_LINK_SCOPE):
            return BadWord(f"{text} is no group of the link alone ({_LINK_SCOPE}...)", str(address))
        return str(address)


class Program(Parameter, frozen=True, kw_only=True):
    """A program with its arguments, split once more as keepalived splits them."""

    @property
    def says(self) -> str:
        return "program"


class Quoted(Text, frozen=True, kw_only=True):
    """A word that is split like the line of a program: quotes group, and a backslash has a meaning."""

    missing: Missing = Missing.FINE
    many: bool = True


class Rest(Parameter, frozen=True, kw_only=True):
    """All words to the end of the line, as they are."""

    called: str = "words"
    missing: Missing = Missing.FINE
    many: bool = True

    @property
    def says(self) -> str:
        return self.called


def _whole(text: str) -> int | None:
    """As strtol reads it to the last letter; blanks and underscores are no digits."""
    digits = text.removeprefix("-").removeprefix("+") if text[:1] in {"-", "+"} else text
    return int(text) if digits.isascii() and digits.isdigit() else None


def _decimal(text: str) -> float | None:
    """Digits with one point; no exponent."""
    digits = text[1:] if text[:1] in {"-", "+"} else text
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isdigit() or not digits.isascii():
        return None
    return float(text)


def _plain(number: float) -> str:
    """A number as one writes it, without an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
