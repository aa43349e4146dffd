"""A process that makes virtual MACs of one base interface and waits to be killed.

Arguments: memory file, base, then VRIDs. Says "ready" when they are there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vipkeeper.kernel.virtual_mac import VirtualMac, VirtualMacs


def main(arguments: Sequence[str]) -> None:
    memory, base, *vrids = arguments
    macs = VirtualMacs(Path(memory))
    found = macs.ensure([VirtualMac(base, int(vrid), ip_version) for vrid in vrids for ip_version in (4, 6)])
    print("ready" if all(one.presence.value == "made" for one in found.values()) else found, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
