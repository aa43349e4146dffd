"""Which of keepalived's three FIFOs becomes which of ours: each line goes where keepalived writes it."""

from __future__ import annotations

import pytest

from tests.config.keepalived.kept_files import config_of
from tests.config.keepalived.test_translation import instance

SERVICE = "virtual_server 192.0.2.80 80 {\n protocol TCP\n real_server 10.0.0.1 80 {\n }\n}\n"
ALL, VRRP, LVS = ("notify_fifo /all", "vrrp_notify_fifo /vrrp", "lvs_notify_fifo /lvs")


@pytest.mark.parametrize(
    ("words", "of_vips", "of_servers"),
    [
        ((ALL,), "/all", {"/all"}),
        ((VRRP,), "/vrrp", set()),
        ((LVS,), None, {"/lvs"}),
        ((ALL, LVS), "/all", {"/all", "/lvs"}),
        ((VRRP, LVS), "/vrrp", {"/lvs"}),
        ((ALL, VRRP), "/vrrp", {"/all"}),
    ],
)
def test_lines_go_where_keepalived_writes_them(
    words: tuple[str, ...], of_vips: str | None, of_servers: set[str]
) -> None:
    lines = "\n".join(words)
    config = config_of(f"global_defs {{\n{lines}\n}}\n{instance()}{SERVICE}")
    assert config.scripts.fifo == of_vips
    found = {config.ipvs.fifo, config.scripts.fifo if config.scripts.fifo_servers else None}
    assert found - {None} == of_servers


def test_a_program_reads_the_fifo_that_it_was_for() -> None:
    words = f"{ALL}\nnotify_fifo_script /bin/all\n{VRRP}\nvrrp_notify_fifo_script /bin/vrrp\n"
    config = config_of(f"global_defs {{\n{words}}}\n{instance()}{SERVICE}")
    assert config.scripts.fifo_script.script == "/bin/vrrp"
    assert config.ipvs.fifo_script.script == "/bin/all"
