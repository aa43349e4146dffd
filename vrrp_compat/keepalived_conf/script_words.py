"""How keepalived splits the text of script keywords, which is not how it splits all others.

Rules of this file: both kinds of quotes group, and glue to what stands beside them; a backslash means what it
means to `echo -e`, within quotes too. It is done twice: once for the line, which gives the command, the user
and the group; and once more for the command, which gives the program and its parameters.
"""

from __future__ import annotations

import re

import msgspec

_BLANKS = " \t\r\n\v\f"
_QUOTES = "\"'"
_OCTAL = re.compile(r"[0-7]{1,3}")
_HEXADECIMAL = re.compile(r"x([0-9a-fA-F]+)")
_CONTROL = re.compile(r"c(.)", re.DOTALL)
_LETTERS = {"a": "\a", "b": "\b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class ScriptText(msgspec.Struct, frozen=True):
    """What a text was split into, and the quote that was still open at its end."""

    words: tuple[str, ...]
    unmatched: str = ""


def script_words(raw: str) -> tuple[str, ...]:
    """The words behind a script keyword (`Statement.raw`): the command, then perhaps user and group."""
    return split_script(raw).words


def command_words(command: str) -> tuple[str, ...]:
    """The program and its parameters, of the first of `script_words`."""
    return split_script(command).words


def split_script(text: str) -> ScriptText:
    """Splits once. A word with a quote that stays open is left out, and what is behind it with it."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\" and at + 1 < len(text):
            plain, at = _escaped(text, at + 1)
            word = word or []
            word.append(plain)
            continue
        at += 1
        if quote and character == quote:
            quote = ""
        elif not quote and character in _QUOTES:
            quote = character
            word = word or []
        elif not quote and character in _BLANKS:
            if word is not None:
                words.append(_ended(word))
            word = None
        else:
            word = word or []
            word.append(character)
    if word is not None and not quote:
        words.append(_ended(word))
    return ScriptText(tuple(words), quote)


def _escaped(text: str, at: int) -> tuple[str, int]:
    """What an escape means whose backslash stands before `at`, and where it ends."""
    if found := _OCTAL.match(text, at):
        return chr(int(found.group(), 8) & 0xFF), found.end()
    if found := _HEXADECIMAL.match(text, at):
        return chr(int(found.group(1), 16) & 0xFF), found.end()
    if found := _CONTROL.match(text, at):
        return chr(ord(found.group(1)) & 0x1F), found.end()
    return _LETTERS.get(text[at], text[at]), at + 1


def _ended(word: list[str]) -> str:
    """In C, a NUL ends the word."""
    return "".join(word).partition("\0")[0]
