"""Agent and director load nothing that is not configured: each module costs time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LEARNING = """
import json, sys
learnt = []
def called(frame, event, _):
    if event == "call" and frame.f_code.co_name == "get_class_annotations":  # of msgspec
        learnt.append(frame.f_locals["obj"].__name__)
sys.setprofile(called)
"""
START = """
from vipkeeper.cli.main import _parse
from vipkeeper.cli.options import flags_from
from vipkeeper.config.reader import load_parsed
words = "agent --vip web=192.0.2.10@eth0 --endpoints http://127.0.0.1:2379"
arguments = _parse(words.split())
load_parsed(arguments.config, flags_from(arguments))
import vipkeeper.agent.supervisor, vipkeeper.agent.store_decider, backends.etcd
"""
ASK = """
from vipkeeper.cli.main import _parse
from vipkeeper.cli.director_view import director_path
arguments = _parse(["ipvs", "--config", sys.argv[1]])
assert str(director_path(arguments)) == "/run/elsewhere/director"
"""
TELL = """
print(json.dumps([sorted(sys.modules), learnt]))
"""
DIRECTOR = """\
run_dir = "/run/elsewhere"
[virtual_server.web]
address = "192.0.2.10"
port = 80
[virtual_server.web.real_server.web1]
address = "198.51.100.1"
"""
# Loaded by the first MISC or FILE check, by the agent, or by nobody.
NEEDLESS_FOR_A_DIRECTOR = (
    "argparse",
    "backends",
    "ctypes",
    "shutil",
    "vipkeeper.config",
    "vipkeeper.election",
    "vipkeeper.health.watched_files",
    "vipkeeper.scripts",
)
NEEDLESS = (
    "backends.zookeeper",
    "bz2",  # by shutil, by argparse
    "prometheus_client",
    "vipkeeper.agent.director_process",
    "vipkeeper.agent.vrrp_decider",
    "vipkeeper.balancing",
    "vipkeeper.config.host_facts",
    "vipkeeper.config.keepalived",
    "vipkeeper.config.route_words",
    "vipkeeper.config.rule_words",
    "vipkeeper.config.virtual_servers",
    "vipkeeper.director",
    "vipkeeper.health.checkers",
    "vipkeeper.health.inotify",
    "vipkeeper.health.process_watch",
    "vipkeeper.health.script_rounds",
    "vipkeeper.health.watched_files",
    "vipkeeper.model.balancing",
    "vipkeeper.model.director_messages",
    "vipkeeper.model.ipvs",
    "vipkeeper.notify.mail_outlet",
    "vipkeeper.notify.script_turns",
    "vrrp_compat.router",
)


# Types that msgspec reads the annotations of, 1 ms each: tables that the flags write, and what is in them.
LEARNT = {"Config", "Etcd", "Garp", "Notify", "NotifyScript", "Track", "Vip", "VipVrrp"}


def _run(program: str, *arguments: str) -> tuple[list[str], list[str]]:
    """Modules, and types that msgspec learnt."""
    command = [sys.executable, "-c", LEARNING + program + TELL, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules, learnt = json.loads(done.stdout)
    return modules, learnt


def _of(loaded: list[str], needless: tuple[str, ...]) -> list[str]:
    return [name for name in loaded if any(name == one or name.startswith(f"{one}.") for one in needless)]


def test_nothing_that_is_not_configured() -> None:
    loaded, _ = _run(START)
    assert "vipkeeper.agent.tracks_shell" in loaded
    assert _of(loaded, NEEDLESS) == []


def test_a_director_knows_no_store_and_reads_no_file() -> None:
    loaded, _ = _run("import vipkeeper.director.__main__")
    assert "vipkeeper.health.checkers.runner" in loaded
    assert _of(loaded, NEEDLESS_FOR_A_DIRECTOR) == []


def test_no_type_of_a_table_that_is_not_written() -> None:
    _, learnt = _run(START)
    assert set(learnt) == LEARNT


def test_who_asks_the_director_judges_no_virtual_server(tmp_path: Path) -> None:
    file = tmp_path / "vipkeeper.toml"
    file.write_text(DIRECTOR)
    loaded, learnt = _run(ASK, str(file))
    assert "vipkeeper.config.balancing_rules" not in loaded
    assert learnt == ["Config"]
