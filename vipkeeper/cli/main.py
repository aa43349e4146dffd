"""The `vipkeeper` command: which subcommand, and how its errors end it.

Rules of this file: only the chosen subcommand is imported, because `ls` has to answer at once; every error
is a sentence on standard error and an exit code that the help lists.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from vipkeeper.model.errors import ConfigError, VipkeeperError

_EXIT_CODES = """\
exit codes:
  0   done
  1   a VIP is not up (realserver status), or there is no page (genhash); a virtual server is
      not in the kernel (ipvs); connections are left after --timeout (server drain)
  2   wrong usage, or a configuration with mistakes
  4, 5, 6  as `keepalived -t` ends (check --like-keepalived)
  65  what was given to read is malformed (vrrp decode)
  69  the store (or, for restart, ipvs and server, the agent) cannot be reached
  75  refused: it would be wrong now (forget, release, clear: the node, or an agent, is alive;
      realserver: somebody else put it there)
  77  a privilege is missing
"""
_FORMATTER = argparse.RawDescriptionHelpFormatter
# While a parser is made, argparse makes formatters that show nothing. One that is not told its width asks the
# terminal, and loads `shutil` with all of its compression for that: 4 ms.
_FORMATTER_MEANWHILE = partial(_FORMATTER, width=80)
_INTERRUPTED = 130  # as a shell reports a command ended by Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand and returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parse(words)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except ConfigError as error:
        count = len(error.mistakes)
        print(error, file=sys.stderr)
        print(f"vipkeeper: {count} {'mistake' if count == 1 else 'mistakes'}, nothing done", file=sys.stderr)
        return error.exit_code
    except VipkeeperError as error:
        print(f"vipkeeper: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="vipkeeper",
        description="Keeps virtual IPs on exactly one node.",
        epilog=_EXIT_CODES,
        formatter_class=_FORMATTER_MEANWHILE,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    commands = parser.add_subparsers(metavar="COMMAND")
    chosen = next((word for word in words if not word.startswith("-")), None)
    # All of them are for `--help` and for a mistake: a parser costs 0.7 ms, which a restart does not have.
    shown = {chosen: _COMMANDS[chosen]} if chosen in _COMMANDS and words[0] == chosen else _COMMANDS
    for name, (summary, fill) in shown.items():
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=_EXIT_CODES,
            formatter_class=_FORMATTER_MEANWHILE,
            allow_abbrev=False,
        )
        if name == chosen:
            fill(command)
        command.formatter_class = _FORMATTER
    parser.formatter_class = _FORMATTER
    arguments = parser.parse_args(words)
    if arguments.version:
        arguments.run = _print_version
    elif "run" not in arguments:
        parser.error("which command? see `vipkeeper --help`")
    return arguments


def _print_version(_arguments: argparse.Namespace) -> int:
    from vipkeeper.model.version import VERSION

    print(f"vipkeeper {VERSION}")
    return 0


def _agent(parser: argparse.ArgumentParser) -> None:
    gc.disable()  # until the agent has settled: collecting while modules load costs 10 to 15 ms
    from vipkeeper.cli import agent_command

    agent_command.fill(parser)


def _ls(parser: argparse.ArgumentParser) -> None:
    gc.disable()  # it ends before a collection would give anything back
    from vipkeeper.cli import ls_command

    ls_command.fill(parser)


def _check(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import check_command

    check_command.fill(parser)


def _convert(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import convert_command

    convert_command.fill(parser)


def _forget(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import forget_command

    forget_command.fill(parser)


def _release(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import release_command

    release_command.fill(parser)


def _demo(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli.demo import add_demo_arguments, run_demo

    add_demo_arguments(parser)
    parser.set_defaults(run=run_demo)


def _restart(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import restart_command

    restart_command.fill(parser)


def _clear(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import clear_command

    clear_command.fill(parser)


def _vrrp(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import vrrp_command

    vrrp_command.fill(parser)


def _realserver(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import realserver_command

    realserver_command.fill(parser)


def _ipvs(parser: argparse.ArgumentParser) -> None:
    gc.disable()  # as with `ls`
    from vipkeeper.cli import ipvs_command

    ipvs_command.fill(parser)


def _server(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import server_command

    server_command.fill(parser)


def _genhash(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import genhash_command

    genhash_command.fill(parser)


def _sniff(parser: argparse.ArgumentParser) -> None:
    from vipkeeper.cli import sniff_command

    sniff_command.fill(parser)


_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "agent": ("keep VIPs on this node, as long as this node may", _agent),
    "ls": ("show who owns which VIP, and why", _ls),
    "ipvs": ("show virtual servers, their real servers, and why they are up or down", _ipvs),
    "server": ("take a real server out of service without cutting a connection, or put it back", _server),
    "check": ("look for mistakes in a configuration file", _check),
    "convert": ("write a keepalived.conf as a configuration file of vipkeeper", _convert),
    "forget": ("list a node no more that is gone for good", _forget),
    "release": ("free a VIP whose owner is gone, before its lease says so", _release),
    "demo": ("show failovers on this machine, with real agents and a real store", _demo),
    "sniff": ("show live who speaks for a VIP on an interface", _sniff),
    "clear": ("take out of this host's kernel what a killed agent left", _clear),
    "restart": ("end this node's agent and leave its VIPs in place for the next one", _restart),
    "realserver": ("have a VIP on lo for an IPVS director, and tell nobody", _realserver),
    "genhash": ("print the MD5 of a page, for a check's digest", _genhash),
    "vrrp": ("look at VRRP packets", _vrrp),
}
