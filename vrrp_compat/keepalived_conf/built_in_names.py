"""The names that are defined without a definition: `${_PWD}`, `${_RANDOM 1 6}` and their like.

Rules of this file: what they stand for comes in as values, chance too.
"""

from __future__ import annotations

from collections.abc import Mapping

LARGEST_RANDOM = 32767


class RandomNumbers:
    """Numbers that follow from a seed, so that the same file with the same seed says the same."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def seed(self, seed: int) -> None:
        """Begins again, with another seed."""
        self._state = seed

    def between(self, lowest: int, highest: int) -> int:
        """The next number. The multiplier and the increment are Knuth's, of MMIX."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return lowest + (self._state >> 33) % (highest - lowest + 1)


def plain_built_in(name: str, *, directory: str, config_id: str) -> str | None:
    """What a built-in name without arguments stands for, or None for an unknown name."""
    return {
        "_PWD": directory,
        "_INSTANCE": config_id,
        "_HASH": "#",
        "_BANG": "!",
    }.get(name)


def random_text(arguments: tuple[str, ...], numbers: RandomNumbers) -> str | None:
    """`${_RANDOM [LOWEST [HIGHEST]]}`; None for what are no such arguments."""
    if len(arguments) > 2 or not all(argument.isascii() and argument.isdigit() for argument in arguments):
        return None
    lowest = int(arguments[0]) if arguments else 0
    highest = int(arguments[1]) if len(arguments) > 1 else LARGEST_RANDOM
    return None if highest < lowest else str(numbers.between(lowest, highest))


def environment_text(arguments: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    """`${_ENV NAME}`; empty for a variable that is not set, None for what is no such argument."""
    return environment.get(arguments[0], "") if len(arguments) == 1 else None
