"""A keepalived.conf of this host: as it was written, and as keepalived understands it.

Rules of this file: it decides nothing, and nothing in it raises; what cannot be read is a remark.
"""

from __future__ import annotations

import msgspec

from vipkeeper.config.keepalived_files import HostFiles, surroundings_of_this_host
from vrrp_compat.keepalived_conf.reading import read_configuration
from vrrp_compat.keepalived_conf.statements import Written
from vrrp_compat.keepalived_conf.understanding import understand
from vrrp_compat.keepalived_conf.understood import Understood


class ReadKeepalivedConf(msgspec.Struct, frozen=True):
    """One file with everything that it includes."""

    written: Written
    understood: Understood


def read_keepalived_conf(name: str) -> ReadKeepalivedConf:
    """The whole configuration that begins in the file `name`."""
    written = read_configuration(name, HostFiles(), surroundings_of_this_host())
    return ReadKeepalivedConf(written, understand(written))
