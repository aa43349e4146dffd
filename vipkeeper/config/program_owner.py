"""Settings of every table that names a program of the operator: who runs it.

Rules of this file: as in `schema.py`.
"""

from __future__ import annotations

from typing import Annotated

from vipkeeper.config.described import about as _about

ProgramUser = (
    Annotated[str, _about("The user that it runs as, instead of `scripts.user`.", "nobody", min_length=1)]
    | None
)
ProgramGroup = (
    Annotated[
        str, _about("The group that it runs as; the default is the user's own.", "nogroup", min_length=1)
    ]
    | None
)
