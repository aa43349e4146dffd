"""Which format a file has: what is in it decides."""

from __future__ import annotations

import pytest

from vipkeeper.config.file_formats import is_keepalived_conf


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keepalived.conf", ""),
        ("keepalived.conf", "# nothing yet\n"),
        ("anything", "! Configuration File for keepalived\n"),
        ("anything", "\ufeffglobal_defs {\n}\n"),
        ("anything", "\n  # a comment\n  vrrp_instance VI_1\n{\n"),
        ("anything", "include conf.d/*.conf\n"),
        ("anything", "$VIP=192.0.2.10\n"),
        ("anything", "@node1 global_defs {"),
        ("anything", "~SEQ(i, 1, 3) vrrp_instance VI_$i {"),
    ],
)
def test_a_keepalived_conf(name: str, text: str) -> None:
    assert is_keepalived_conf(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vipkeeper.toml", ""),
        ("vipkeeper.toml", "vrrp_instance VI_1 {"),
        ("anything", "# nothing yet\n"),
        ("vipkeeper.conf", "[vip.web]\n"),
        ("vipkeeper.conf", '\n# comment\ncluster = "web"\n'),
        ("vipkeeper.conf", '"cluster"="web"'),
        ("vipkeeper.conf", "lease.ttl = 2"),
    ],
)
def test_a_toml_file(name: str, text: str) -> None:
    assert not is_keepalived_conf(name, text)
