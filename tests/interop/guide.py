"""The files that docs/migration.md tells an operator to write, with the lab's addresses for the page's.

Rules of this file: nothing is added to them but the name of the node, as its host name would be.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "migration.md"
_BLOCK = re.compile(r"^```\w*\n# ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

KEEPALIVED = "/etc/keepalived/keepalived.conf"
STORED = "/etc/vipkeeper/vipkeeper.toml"
WITHOUT_STORE = "/etc/vipkeeper/vipkeeper.toml without a store"
_VIP = "192.0.2.10"
_ENDPOINT = "http://198.51.100.21:2379"
_PRIORITY = re.compile(r"priority (= )?100")


def file_of_page(title: str, *, vip: str, endpoint: str = "", priority: int | None = None) -> str:
    """One of them. Raises KeyError for one that the page has no more."""
    text: str = dict(_BLOCK.findall(PAGE.read_text()))[title].replace(_VIP, vip).replace(_ENDPOINT, endpoint)
    if priority is None:
        return text
    return _PRIORITY.sub(lambda found: f"priority {found[1] or ''}{priority}", text)


def without_vrrp(text: str) -> str:
    """Step 4."""
    return text.replace("announce_vrrp = true\n", "").partition("[vip.web.vrrp]")[0]
