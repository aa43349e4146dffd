"""The same text to keepalived: the words that it dumps are the words that we read.

Its dump shows the addresses of `notification_email` one by one, whatever they are; so each line is tried
there. What 2.2.7 and the releases after it do not read alike is not here, but told in decision 0019.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.process_tree import kill_all
from vipkeeper.config.keepalived_files import HostFiles
from vipkeeper.lab.namespaces import Namespace, make_namespace, new_lab_name
from vipkeeper.lab.processes import LabProcess
from vrrp_compat.keepalived_conf.config_files import Surroundings
from vrrp_compat.keepalived_conf.reading import read_configuration

pytestmark = pytest.mark.root

PATIENCE_S = 60.0

LINES = r"""
words abc"def"ghi "j k"l "" it's 'm n'
"x # y ! z" a # comment
escapes a\#b c\!d e\xf \\#gone
cut ab!cd
"in quotes \# stays"
single 'a # b'
lost "unmatched # x
some "a\"b" c
@main m1
@other m2
@^main m3
@^other m4
@ m5
@main @main m6
m7 @main m8
@other $HIDDEN=1
h$HIDDEN
$X=1
x$X y ${X}z $Xy $X,$X) $X.5 $X/24 "$X" "${X}"
k$X$X$X
$E=
e<${E}> e $E f
$B=  5 6
b ${B}
$Q="q r"
$Q s
$C=a#b
c $C
$A1=x$A2
$A2=y
$A1 ${A1}
$Y1=$Y2$Y2
$Y2=6
a${Y1}
$9=1
x$9 $a-b=2
$M= \
 n1 \
 n2 # not n3 \
\
 n4
$M
before $M
$M behind
$I=i${K} \
j${K}
$O=$K=7 \
$I \
$K=8 \
$I
$O
~SEQ(s1,1,3) s$s1 t${s1}
~SEQ(s2,3) u${s2}
~SEQ(s3,1,2,6) v${s3}
~SEQ(s4,3,1) w${s4}
~SEQ(s5,-2) f${s5}
~SEQ(s6,0) z${s6}
~SEQx(s7,8,2,18) a${s7}
~SEQ( s8 , 0x10 , 0x12 )e${s8}
~SEQ(s9,010,9) o${s9}
~SEQ(sa,1,2) ~SEQ(sb,1,2) p${sa}${sb}
~SEQ(sc,1,2) $V=${sc}
V$V
~SEQ(sd,1,0,3) wrong
~SEQ(se) wrong
~SEQX(sf,1,2) wrong
~FOO(a) right
~$X ~/$X
~LST(l1, 1 , 2 ) <${l1}>
~LST({l2,l3},{1, 2},{ 3,4 }) ${l2}-${l3}
~LST(l4,p,q) ~LST(l5,r,s) z${l4}${l5}
~LST(l6,) u${l6}
~LST({l7,l8},{1}) t${l7}${l8}
@main ~SEQ(sg,1,2) g${sg}
~SEQ(sh,1,2) @main h${sh}
include one.inc
include a b.inc
include {two,one}.inc
include *.cfg
include sub/in.inc
include nix*.inc
include "one.inc"
after${IN_SUB}
@main include two.inc
"""

OTHERS = {
    "one.inc": "one",
    "two.inc": "two\n",
    "a b.inc": "a-b\n",
    "1.cfg": "cfg1\n",
    "2.cfg": "cfg2\n",
    ".3.cfg": "cfg3\n",
    "sub/in.inc": "in ${_PWD}\ninclude deeper.inc\n$IN_SUB=5\n",
    "sub/deeper.inc": "deeper\n",
}

INSTANCE = """
vrrp_instance V {
    interface eth0
    virtual_router_id 5
    virtual_ipaddress {
        192.0.2.9
    }
}
"""


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with make_namespace(new_lab_name(), "reader") as made:
        made.configure("link add eth0 type veth peer name eth1", "link set eth0 up", "link set eth1 up")
        made.configure("address add 192.0.2.1/24 dev eth0")
        yield made


def dumped_words(namespace: Namespace, config: Path) -> list[str]:
    """What keepalived has in notification_email. It is killed as soon as it has said so."""
    process = LabProcess(
        "keepalived",
        (
            *("keepalived", "--dont-fork", "--log-console", "--no-syslog", "--dump-conf", "--vrrp"),
            *("--config-id", "main", "--use-file", str(config)),
            *("--pid", str(config.with_name("pid")), "--vrrp_pid", str(config.with_name("vrrp.pid"))),
        ),
        log=config.with_name("log"),
        namespace=namespace,
    )
    process.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "VRRP Topology" not in (log := process.log.read_text()):
            process.require_running()
            assert "died" not in log, process.log_end()
            assert time.monotonic() < deadline, process.log_end()
            time.sleep(0.05)
    finally:
        kill_all(process)
    lines = [re.sub(r"^.{24}: ", "", line) for line in log.splitlines()]
    start = lines.index(" Email notification to:") + 1
    addresses = []
    for line in lines[start:]:
        # The parent writes to the same log, in the midst of its child's lines: "Startup complete".
        if line.startswith("   "):
            addresses.append(line[3:])
        elif line.startswith(" "):
            break
    return addresses


def test_keepalived_reads_the_same_words(namespace: Namespace, tmp_path: Path) -> None:
    for name, content in OTHERS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    config = tmp_path / "keepalived.conf"
    head = "global_defs {\nsmtp_server 192.0.2.7\nnotification_email_from a@b\nnotification_email {\n"
    config.write_text(f"{head}{LINES}}}\n}}\n{INSTANCE}")

    written = read_configuration(str(config), HostFiles(), Surroundings(config_id="main"))
    emails = (written.statements[0].block or ())[-1].block or ()
    ours = [word.text for line in emails for word in (line.keyword, *line.words)]
    assert dumped_words(namespace, config) == ours
