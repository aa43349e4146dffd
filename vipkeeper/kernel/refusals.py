"""The kernel's error numbers as errors that say who must act.

Rules of this file: EPERM is a missing capability, which the operator grants; everything else is a refusal.
"""

from __future__ import annotations

import errno
import os

from vipkeeper.model.errors import KernelRefused, MissingPrivilege

_GRANT = "run the agent as root, or grant it in the systemd unit: AmbientCapabilities={capability}"


def kernel_error(
    number: int, doing: str, *, capability: str, text: str = ""
) -> KernelRefused | MissingPrivilege:
    """The error for `number`, met while `doing` something that needs `capability`.

    `text` is the kernel's own explanation, where it gave one.
    """
    if number == errno.EPERM:
        return MissingPrivilege(
            f"{doing} needs {capability}, which this process does not have: "
            + _GRANT.format(capability=capability)
        )
    return KernelRefused(f"the kernel refused {doing}: {explain(number, text)}", number)


def explain(number: int, text: str = "") -> str:
    """An error number in the kernel's own words, if it gave any."""
    return f"{text} ({errno.errorcode.get(number, number)})" if text else os.strerror(number)
