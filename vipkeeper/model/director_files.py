"""Names of the director's files in the run directory.

Rules of this file: names alone, so that an agent without virtual servers need not know what a director says.
"""

from __future__ import annotations

DIRECTOR_SOCKET = "director"
OWN_IPVS = "ipvs"
