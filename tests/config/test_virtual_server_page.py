"""docs/virtual-servers.md shows configurations that are accepted, and what `check` says of them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.config.sources import config_of
from vipkeeper.config.balancing_notices import balancing_summary
from vipkeeper.config.rules import notices

PAGE = Path(__file__).resolve().parents[2] / "docs" / "virtual-servers.md"


def test_the_page_shows_one_configuration_bit_by_bit() -> None:
    page = PAGE.read_text()
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    config = config_of("".join(blocks))
    (summary,) = balancing_summary(config)
    assert f"    {summary}\n" in page
    about_servers = [found for found in notices(config) if found.path[0] in ("virtual_server", "ipvs")]
    assert about_servers == []
