"""Which life of which node: the text that lease and VIP records carry.

Rules of this file: `machine/boot/instance`. Two incarnations are the same only if the texts are equal; what
one says of the other is decided here alone.
"""

from __future__ import annotations


def incarnation_text(machine: str, boot: str, instance: str) -> str:
    """`machine` is empty where the machine has no identity of its own."""
    return f"{machine}/{boot}/{instance}"


def stands_for(named: str | None, ours: str) -> bool:
    """Whether a right that was given to the incarnation `named` is ours now: we are it, or its next boot."""
    return named is not None and (named == ours or ended_with_its_boot(named, ours))


def ended_with_its_boot(earlier: str, later: str) -> bool:
    """Whether `earlier` cannot live any more, because its machine has booted again to run `later`.

    Relies on machine ids being unique, as machine-id(5) demands. False when that cannot be told.
    """
    first, second = earlier.split("/"), later.split("/")
    if len(first) != 3 or len(second) != 3:
        return False
    return first[0] != "" and first[0] == second[0] and first[1] != second[1]
