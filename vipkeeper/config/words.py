"""Text of words, as `ip` and keepalived take it: one word after the other, and what is wrong with one.

Rules of this file: pure; a mistake names the word and says what to write instead.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import TypeVar

from vipkeeper.config.mistakes import nearest

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Number = TypeVar("Number", int, float)

LONGEST_INTERFACE_NAME = 15  # IFNAMSIZ without the closing zero


class WordError(ValueError):
    """A text that means nothing: what is wrong with it, and what to do."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(f"{wrong}; {fix}" if fix else wrong)
        self.wrong = wrong
        self.fix = fix


class Words:
    """The words of one text, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._left = text.split()

    def __iter__(self) -> Iterator[str]:
        while self._left:
            yield self._left.pop(0)

    def peek(self) -> str:
        """The next word, which stays; empty at the end."""
        return self._left[0] if self._left else ""

    def skip(self, *words: str) -> bool:
        """Pass over the next word if it is one of these."""
        found = self.peek() in words and bool(self._left)
        if found:
            self._left.pop(0)
        return found

    def after(self, word: str) -> str:
        """The value of `word`."""
        if not self._left:
            raise WordError(f'"{word}" is the last word of "{self.text}"', "write its value after it")
        return self._left.pop(0)

    def interface(self, word: str) -> str:
        """A value that can be the name of an interface."""
        name = self.after(word)
        if len(name) > LONGEST_INTERFACE_NAME or "/" in name or name in {".", ".."}:
            raise WordError(
                f'"{name}" cannot be the name of an interface',
                f"at most {LONGEST_INTERFACE_NAME} characters without slashes; see `ip link`",
            )
        return name

    def address(self, word: str, version: int = 0) -> IpAddress:
        """A value that is an address, of that family if one is given."""
        text = self.after(word)
        try:
            found = ipaddress.ip_address(text)
        except ValueError:
            raise WordError(
                f'"{text}" after "{word}" is no address', "write an IPv4 or IPv6 address"
            ) from None
        if version and found.version != version:
            raise WordError(
                f'{text} after "{word}" is no IPv{version} address', "use one family in one entry"
            )
        return found

    def number(self, word: str, most: int, least: int = 0) -> int:
        """A value that is a whole number, decimal or 0x..., between these."""
        text = self.after(word)
        try:
            found = int(text, 16 if text[:2].lower() == "0x" else 10)
        except ValueError:
            found = -1
        if text.startswith(("+", "-")) or not least <= found <= most:
            raise WordError(f'"{text}" after "{word}" cannot be', f"write a number from {least} to {most}")
        return found

    def named_number(self, word: str, names: dict[str, int], most: int) -> int:
        """A value that is one of these names, or a number."""
        text = self.peek()
        if text in names:
            return names[self.after(word)]
        if text[:1].isdigit():
            return self.number(word, most)
        self.after(word)
        raise WordError(
            f'"{text}" after "{word}" is not known', did_you_mean(text, names, "write its number instead")
        )


# What is to be told of a text that means something: what is the matter, and what to write.
Remark = tuple[str, str]


def no_effect(word: str, why: str) -> Remark:
    """Of a word that is understood and does nothing."""
    return f"{word} has no effect: {why}", "leave it out"


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """The nearest of the known words, as advice."""
    near = nearest(word, known)
    return otherwise if near is None else f"did you mean {near}?"


def unknown_word(word: str, known: Iterable[str], kind: str) -> WordError:
    """For a word that stands where only these can."""
    listed = sorted(set(known))
    return WordError(
        f'"{word}" is no word of {kind}', did_you_mean(word, listed, f"known are: {', '.join(listed)}")
    )
