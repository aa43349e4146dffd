"""What the director of this machine says: the process beside the agent that keeps virtual servers.

Rules of this file: short time limits, because somebody waits; no answer is an error that says what to do.
"""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import msgspec

from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import Ask, DirectorAnswer, DirectorReport
from vipkeeper.model.errors import MissingPrivilege, VipkeeperError

_WITHIN_S = 6.0  # a director gives a client 5 s
_LONGEST = 256 * 2**20  # a thousand virtual servers with four real ones each take 3 MB


class NoDirector(VipkeeperError):
    """Nobody answers; the operator has to start an agent, or name its run directory."""

    exit_code = 69


def add_director_options(parser: argparse.ArgumentParser) -> None:
    """Which agent's director is asked."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--config", metavar="FILE", help="the agent's configuration file, for its run_dir")
    which.add_argument("--run-dir", metavar="DIR", help="the agent's run directory")


def director_path(arguments: argparse.Namespace) -> Path:
    """Its control socket. Raises ConfigError or MissingPrivilege."""
    if arguments.run_dir is not None:
        return Path(arguments.run_dir) / DIRECTOR_SOCKET
    # Not above: reading and judging a file takes most of the time of `vipkeeper ipvs`.
    from vipkeeper.config.flags import Flags
    from vipkeeper.config.parsing import parse_settings
    from vipkeeper.config.reader import read_source

    source = read_source(arguments.config, Flags())
    return Path(parse_settings(source, frozenset({"run_dir"})).run_dir) / DIRECTOR_SOCKET


def ask_director(path: Path, question: Ask) -> DirectorAnswer:
    """Its answer, which may be an error. Raises NoDirector or MissingPrivilege."""
    try:
        return msgspec.json.decode(_exchange(path, question), type=DirectorAnswer)
    except FileNotFoundError as error:
        raise NoDirector(
            f"nothing here keeps virtual servers ({path} does not exist): no agent runs with this run "
            "directory, or its configuration has none; start it, or name another --run-dir"
        ) from error
    except PermissionError as error:
        raise MissingPrivilege(
            f"this user may not ask about virtual servers ({path}); run as root or as the group of the run "
            "directory"
        ) from error
    except ConnectionRefusedError as error:
        raise NoDirector(f"what kept virtual servers has ended ({path}); the agent's log says why") from error
    except (OSError, msgspec.DecodeError) as error:
        raise NoDirector(
            f"what keeps virtual servers did not answer ({path}: {error}); ask again, and look into the "
            "agent's log"
        ) from error


def report_of_director(path: Path) -> DirectorReport:
    """Everything that it knows. Raises NoDirector or MissingPrivilege."""
    answer = ask_director(path, Ask("ipvs"))
    if answer.ipvs is None:
        why = answer.error or "it is of another version; restart the agent"
        raise NoDirector(f"what keeps virtual servers refused to answer ({path}): {why}")
    return answer.ipvs


def _exchange(path: Path, question: Ask) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(_WITHIN_S)
        channel.connect(str(path))
        channel.sendall(msgspec.json.encode(question) + b"\n")
        received = bytearray()
        while chunk := channel.recv(2**16):
            received += chunk
            if len(received) > _LONGEST:
                raise OSError("its answer does not end")
    return bytes(received)
