"""The way from a file on this host to what an agent runs with."""

from __future__ import annotations

from pathlib import Path

import pytest

from vipkeeper.config.flags import Flags
from vipkeeper.config.parsing import parse_settings
from vipkeeper.config.reader import load_config, load_parsed, read_source
from vipkeeper.model.errors import ConfigError

INSTANCE = """\
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        192.0.2.10
    }
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keepalived.conf"
    path.write_text(INSTANCE)
    return path


def test_flags_say_what_the_file_has_no_word_for(file: Path) -> None:
    flags = Flags(backend="etcd", endpoints="http://10.0.0.1:2379", node="a", cluster="web", run_dir="/run/x")
    config = load_config(str(file), flags)
    assert (config.backend, config.etcd.endpoints) == ("etcd", ("http://10.0.0.1:2379",))
    assert (config.node, config.cluster, config.run_dir) == ("a", "web", "/run/x")
    assert list(config.vip) == ["VI_1"]


def test_a_flag_of_vrrp_counts_for_the_one_instance(file: Path) -> None:
    assert load_config(str(file), Flags(advert_interval="3")).vip["VI_1"].vrrp.advert_interval_s == 3


def test_a_store_without_its_name_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="add --backend etcd or --backend zookeeper"):
        load_config(str(file), Flags(endpoints="http://10.0.0.1:2379"))


def test_included_files_are_read_and_named(file: Path) -> None:
    other = file.with_name("other.conf")
    other.write_text(INSTANCE.replace("VI_1", "VI_2").replace("51", "52"))
    file.write_text(f"{INSTANCE}include other.conf\n")
    with pytest.raises(ConfigError) as caught:
        load_config(str(file), Flags())
    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"{other}:5: virtual_ipaddress: 192.0.2.10 is also vip.VI_1.addresses[0]")


def test_remarks_come_along(file: Path) -> None:
    file.write_text(INSTANCE.replace("interface", "inteface eth0\n    interface"))
    told = [str(remark) for remark in load_parsed(str(file), Flags()).remarks]
    assert any(remark.startswith(f"{file}:2:5: inteface: ") for remark in told)


def test_what_a_keepalived_could_not_read_is_refused(file: Path) -> None:
    file.write_text(f"<<<<<<< ours\n{INSTANCE}=======\n>>>>>>> theirs\n")
    with pytest.raises(ConfigError):
        load_config(str(file), Flags())


def test_commands_that_want_little_read_a_file_with_mistakes(file: Path) -> None:
    file.write_text(INSTANCE.replace("51", "0"))
    source = read_source(str(file), Flags(run_dir="/run/x"))
    settings = parse_settings(source, frozenset({"backend", "run_dir"}))
    assert (settings.backend, settings.run_dir) == ("vrrp", "/run/x")


def test_an_empty_file_has_no_vip(file: Path) -> None:
    file.write_text("! nothing yet\n")
    with pytest.raises(ConfigError, match="no VIP is configured; add a vrrp_instance"):
        load_config(str(file), Flags())


def test_toml_is_read_whatever_the_file_is_called(file: Path) -> None:
    file.write_text('[vip.web]\naddresses = ["192.0.2.10"]\ninterface = "eth0"\n')
    assert load_config(str(file), Flags()).backend == "etcd"
