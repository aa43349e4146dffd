"""What the director of this machine says: the process beside the agent that keeps virtual servers.

Rules of this file: somebody waits, and a busy director is better than an error; no answer is an error that
says what to do.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from vipkeeper.cli.local_question import ask
from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import Ask, DirectorAnswer, DirectorReport
from vipkeeper.model.errors import MissingPrivilege, VipkeeperError

# One of a thousand virtual servers answers in 0.3 s, and in ten times that on a machine that is busy.
WITHIN_S = 20.0


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


def ask_director(path: Path, question: Ask, *, within_s: float = WITHIN_S) -> DirectorAnswer:
    """Its answer, which may be an error. Raises NoDirector or MissingPrivilege."""
    try:
        return msgspec.json.decode(
            ask(path, msgspec.json.encode(question), within_s=within_s), type=DirectorAnswer
        )
    except FileNotFoundError as error:
        raise NoDirector(
            f"nothing here keeps virtual servers ({path} does not exist): no agent runs with this run "
            "directory, its configuration has none, or it has just been started; start it, name another "
            "--run-dir, or ask again"
        ) from error
    except PermissionError as error:
        raise MissingPrivilege(
            f"this user may not ask about virtual servers ({path}); run as root or as the group of the run "
            "directory"
        ) from error
    except ConnectionRefusedError as error:
        raise NoDirector(f"what kept virtual servers has ended ({path}); the agent's log says why") from error
    except TimeoutError as error:
        raise NoDirector(
            f"what keeps virtual servers did not answer within {within_s:g} s ({path}): it is writing a "
            "large table for the first time, or has no processor time; ask again, and see what else runs on "
            "this machine"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise NoDirector(
            f"what keeps virtual servers did not answer ({path}: {error}); ask again, and look into the "
            "agent's log"
        ) from error


def report_of_director(path: Path, *, within_s: float = WITHIN_S) -> DirectorReport:
    """Everything that it knows. Raises NoDirector or MissingPrivilege."""
    answer = ask_director(path, Ask("ipvs"), within_s=within_s)
    if answer.ipvs is None:
        why = answer.error or "it is of another version; restart the agent"
        raise NoDirector(f"what keeps virtual servers refused to answer ({path}): {why}")
    return answer.ipvs
