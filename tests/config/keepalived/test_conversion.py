"""`convert`: the TOML says the same, comments stay with their settings, and what is left over is listed."""

from __future__ import annotations

import os
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.keepalived.kept_files import Read, mistakes_of, parsed, read
from tests.config.keepalived.written_files import COMMENTS, VIP, file_of
from tests.keepalived_keywords.service_corpus import ServiceCorpus
from vipkeeper.config.flags import Flags
from vipkeeper.config.keepalived.conversion import toml_of
from vipkeeper.config.parsing import ConfigSource, ParsedConfig, parse_config
from vrrp_compat.keepalived_conf.understood import Fate

FILE = """\
! Configuration File for keepalived
# made by hand
global_defs {
    router_id lb1   # this node
    nftables        # our own table
}
vrrp_script check {         # the service
    script "/bin/check 'a b'"
    weight -5               # below the partner
}
# outside
vrrp_instance VI_1 {
    state MASTER            # the other node has BACKUP
    interface eth0
    virtual_router_id 51
    priority 150
    track_script {
        check               # every second
    }
    virtual_ipaddress {
        192.0.2.10          # the web
        192.0.2.11
    }
    # nothing more
}
virtual_server 192.0.2.10 80 {
    delay_loop 2            # fast
    protocol TCP
    lvs_sched rr
    lvs_method DR
    real_server 192.0.2.20 80 {
        HTTP_GET {
            url {
                path /      # all of it
            }
        }
    }
}
# the end
"""


WHY = "The agent keeps a table of its own in nf_tables where it needs one"
MADE = (
    """\
# Made by `vipkeeper convert`: what the keepalived.conf said that it was made from.
# Configuration File for keepalived
# made by hand
backend = "vrrp"

[mail]
# this node
router_id = "lb1"

# the service
[track_script.check]
script = "/bin/check 'a b'"
# below the partner
weight = -5

# outside
# nothing more
[vip.VI_1]
addresses = [
    # the web
    "192.0.2.10",
    "192.0.2.11",
]
interface = "eth0"
priority = 150
preempt = true

[vip.VI_1.vrrp]
version = 2
advert_interval = 1.0
vrid = 51

[vip.VI_1.track_script]
# every second
check = {}

[virtual_server."192.0.2.10-80-tcp"]
address = "192.0.2.10"
port = 80
protocol = "tcp"
lvs_sched = "rr"
lvs_method = "DR"
# fast
delay_loop = 2.0

[virtual_server."192.0.2.10-80-tcp".real_server."192.0.2.20-80"]
address = "192.0.2.20"
port = 80

[virtual_server."192.0.2.10-80-tcp".real_server."192.0.2.20-80".http_get.1]
# all of it
url = { 1 = { path = "/" } }

# the end

# Not carried over:
#   keepalived.conf:5: it has no meaning here: """
    + WHY
    + """
#       # our own table
#       nftables
#   keepalived.conf:13: a node starts as a backup; what else it decides is written out
#       # the other node has BACKUP
#       state MASTER
"""
)


def converted(found: Read) -> str:
    return toml_of(found.translation, found.written)


def read_back(text: str) -> ParsedConfig:
    return parse_config(ConfigSource(text=text, name="x.toml", flags=Flags(), hostname="host-a"))


def test_the_whole_of_a_file() -> None:
    assert converted(read(FILE)) == MADE


def test_a_word_that_keepalived_does_not_know_is_listed() -> None:
    made = converted(read(FILE.replace("    priority", "    advert_itn 2  # slow\n    priority")))
    assert "#       # slow\n#       advert_itn 2\n" in made


NUMBERS = range(int(os.environ.get("VIPKEEPER_KEEPALIVED_FILES", "30")))


@pytest.mark.parametrize("backend", [None, "etcd"])
def test_reading_it_back_gives_the_same_configuration(backend: str | None) -> None:
    for number in NUMBERS:
        text = file_of(number)
        assert read_back(converted(read(text, backend))).config == parsed(text, backend).config, number


def test_virtual_servers_are_read_back_alike() -> None:
    alike = 0
    for number in NUMBERS:
        text = "".join(ServiceCorpus(number).blocks(3)) + VIP
        if not mistakes_of(text):
            assert read_back(converted(read(text))).config == parsed(text).config, number
            alike += 1
    assert alike > len(NUMBERS) / 3


def test_no_comment_and_no_word_is_lost() -> None:
    for number in NUMBERS:
        text = file_of(number)
        found = read(text)
        made = converted(found)
        for comment in COMMENTS:
            assert made.count(comment) == text.count(comment), (number, comment)
        for block in found.understood.blocks:
            for setting in block.settings:
                if setting.fate is not Fate.CARRIED_OUT:
                    assert f"\n#       {setting.keyword}" in made, (number, setting.keyword)


AWKWARD = st.text(st.characters(codec="utf-8", exclude_characters='"\n\r{}#!'), min_size=1, max_size=12)


@given(AWKWARD)
def test_any_text_can_be_written_and_read_back(text: str) -> None:
    found = read(f'global_defs {{\n router_id "{text}"\n}}\n{FILE}')
    document = tomllib.loads(converted(found))
    assert document == found.translation.document.values
