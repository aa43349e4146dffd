"""Errors say who has to act: user, operator, peer, store, or us.

Rules of this file: every message is a sentence that ends in what to do; foreign exceptions are translated
once, at the edge of `backends/` and `vipkeeper/kernel/`.
"""

from __future__ import annotations


class VipkeeperError(Exception):
    """Base of all below. `exit_code` is what a command ends with when it cannot go on."""

    exit_code = 1


class ConfigError(VipkeeperError):
    """The user has to correct what they wrote. `mistakes` has all of them."""

    exit_code = 2

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class MalformedInput(VipkeeperError):
    """Whoever made what a command was given to read has to make it again."""

    exit_code = 65


class StoreUnreachable(VipkeeperError):
    """The store has to come back, or its operator has to act."""

    exit_code = 69


class Refused(VipkeeperError):
    """What was asked for would be wrong now; the operator may ask again when it is not."""

    exit_code = 75


class MissingPrivilege(VipkeeperError):
    """The operator has to grant a capability."""

    exit_code = 77


class KernelRefused(VipkeeperError):
    """The kernel said no to something it should have taken; the operator has to look."""

    def __init__(self, message: str, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno


class ProgrammingError(VipkeeperError):
    """A defect of ours: the supervisor stands the VIP down and says so."""

    exit_code = 70
