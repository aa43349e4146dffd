"""What may stand behind keywords of virtual servers and their checks, beside the common kinds of words.

Rules of this file: as in `parameters.py`.
"""

from __future__ import annotations

import re

from vrrp_compat.keepalived_conf.digits import LARGEST_PORT, number_within
from vrrp_compat.keepalived_conf.keywords.parameters import Address, BadWord, Missing, Parameter
from vrrp_compat.keepalived_conf.understood import Value

_STATUS_CODES = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_LEAST_STATUS, _MOST_STATUS = 100, 599
_MD5 = re.compile(r"[0-9A-Fa-f]{32}", re.ASCII)
_BYTES = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_BYTES_OR_ANY = re.compile(r"[0-9A-FXa-fx]+", re.ASCII)
_ADDRESS = Address()


class StatusCodes(Parameter, frozen=True, kw_only=True):
    """Codes of HTTP, and ranges of them. One that is none is left out by itself."""

    missing: Missing = Missing.FINE
    many: bool = True
    alone: bool = True

    @property
    def says(self) -> str:
        return "codes and ranges, 100 to 599"

    def read(self, text: str) -> Value | BadWord:
        found = _STATUS_CODES.fullmatch(text)
        if found is not None:
            first = int(found.group(1))
            last = int(found.group(2) or first)
            if _LEAST_STATUS <= first <= last <= _MOST_STATUS:
                return str(first) if first == last else f"{first}-{last}"
        return self.bad(f"{text!r} is no status code or range between {_LEAST_STATUS} and {_MOST_STATUS}")


class Digest(Parameter, frozen=True, kw_only=True):
    """An MD5."""

    @property
    def says(self) -> str:
        return "MD5 in hexadecimal"

    def read(self, text: str) -> Value | BadWord:
        if _MD5.fullmatch(text):
            return text.lower()
        return self.bad(f"{text!r} is no MD5: that has 32 hexadecimal digits")


class Bytes(Parameter, frozen=True, kw_only=True):
    """Bytes in hexadecimal; blanks may part them. A digit alone before a blank is a byte."""

    many: bool = True
    wildcards: bool = False

    @property
    def says(self) -> str:
        return "[hexadecimal bytes, x for any digit]" if self.wildcards else "hexadecimal bytes"

    def read(self, text: str) -> Value | BadWord:
        if not (_BYTES_OR_ANY if self.wildcards else _BYTES).fullmatch(text):
            return self.bad(f"{text!r} is not hexadecimal")
        digits = text.lower()
        return digits if len(digits) % 2 == 0 else f"{digits[:-1]}0{digits[-1]}"


class WhichService(Parameter, frozen=True, kw_only=True):
    """What tells a virtual server: an address, or `fwmark` or `group` and what is meant by the next word."""

    @property
    def says(self) -> str:
        return "address, `fwmark` or `group`"

    def read(self, text: str) -> Value | BadWord:
        return text if text in {"fwmark", "group"} else _ADDRESS.read(text)


class Port(Parameter, frozen=True, kw_only=True):
    """A port, which may be missing. Zeros are as good as nothing."""

    missing: Missing = Missing.FINE

    @property
    def says(self) -> str:
        return "[port]"

    def read(self, text: str) -> Value | BadWord:
        port = number_within(text, 0, LARGEST_PORT)
        return self.bad(f"{text!r} is not between 0 and {LARGEST_PORT}") if port is None else port


class DnsName(Parameter, frozen=True, kw_only=True):
    """A name without empty labels."""

    @property
    def says(self) -> str:
        return "name"

    def read(self, text: str) -> Value | BadWord:
        if ".." in text or (text.startswith(".") and text != "."):
            return self.bad(f"{text!r} has an empty label")
        return text
