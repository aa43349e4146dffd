"""`vipkeeper convert keepalived.conf`: the same configuration as our TOML, with its comments.

Rules of this file: nothing is written over; a file that is made is for its owner alone, since it may hold
passwords.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from vipkeeper.cli.keepalived_report import print_remarks
from vipkeeper.config.keepalived.conversion import toml_of
from vipkeeper.config.keepalived.translation import translate
from vipkeeper.config.keepalived_reader import read_keepalived_conf
from vipkeeper.model.errors import ConfigError, MissingPrivilege
from vrrp_compat.keepalived_conf.statements import Severity


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("file", metavar="FILE", help="the keepalived.conf")
    parser.add_argument("--output", metavar="FILE", help="where to write it (default: standard output)")
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help="what is to decide who owns a VIP: etcd, zookeeper (default: vrrp, as with keepalived)",
    )
    parser.description = (
        "Write a keepalived.conf as a configuration file of vipkeeper. Comments are kept; what\n"
        "was not carried over stands at the end, with the reason. `vipkeeper check` looks through\n"
        "either file; an agent runs with either."
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError when the file cannot be read or written, or is one that keepalived refuses."""
    read = read_keepalived_conf(arguments.file)
    translation = translate(read.understood, arguments.backend)
    fatal = [remark for remark in read.understood.remarks if remark.severity is Severity.FATAL]
    if fatal:
        raise ConfigError(tuple(str(remark) for remark in fatal))
    print_remarks(translation.document.remarks)
    text = toml_of(translation, read.written)
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        _write(Path(arguments.output), text)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError((f"--output: {path} is there already; name another file, or remove it",)) from error
    except PermissionError as error:
        raise MissingPrivilege(f"{path} may not be written by this user; name another file") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError((f"--output: {path} cannot be written: {reason}; name another file",)) from error
