"""`vipkeeper genhash`: the MD5 of a page, as `digest` of an HTTP check wants it.

Rules of this file: the check's own code asks for the page, so what is printed is what a check compares. The
options are those of keepalived's program of that name.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from vipkeeper.cli.durations import seconds
from vipkeeper.model.balancing import HttpAsk, Page, Reach, Tls
from vipkeeper.model.errors import ConfigError, VipkeeperError

_ANY_DIGEST = "?"  # has the page hashed; nothing is compared


def fill(parser: argparse.ArgumentParser) -> None:
    """Adds the options of this command."""
    parser.add_argument("-s", "--server", metavar="ADDR", required=True, help="address of the real server")
    parser.add_argument("-p", "--port", type=int, metavar="PORT", help="80, or 443 with --ssl")
    parser.add_argument("-u", "--url", metavar="PATH", required=True, help="what to ask for, for example /")
    parser.add_argument(
        "-V", "--virtualhost", "--use-virtualhost", metavar="NAME", default="", help="name in the Host header"
    )
    parser.add_argument("-S", "--ssl", "--use-ssl", action="store_true", help="ask over TLS")
    parser.add_argument(
        "-I", "--sni", "--use-sni", action="store_true", help="name the virtual host in the TLS handshake"
    )
    parser.add_argument(
        "-P",
        "--protocol",
        choices=("1.0", "1.0C", "1.0c", "1.1"),
        default="1.0",
        help="version of HTTP; 1.0C is 1.0 with Connection: close",
    )
    parser.add_argument("-m", "--fwmark", type=int, metavar="MARK", default=0, help="firewall mark")
    parser.add_argument(
        "-t", "--timeout", type=seconds, metavar="SECONDS", default=5.0, help="for the answer (default: 5)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError, or VipkeeperError when there is no page."""
    from ipaddress import ip_address

    try:
        address = str(ip_address(arguments.server))
    except ValueError:
        raise ConfigError(
            (f'--server: "{arguments.server}" is not an address; write for example 10.0.0.11',)
        ) from None
    usual = 443 if arguments.ssl else 80
    port = usual if arguments.port is None else arguments.port
    if not 0 < port < 65536:
        raise ConfigError((f"--port: {port} is no port; there are 1 to 65535",))
    page = Page(arguments.url, host=arguments.virtualhost, status=(), digest=_ANY_DIGEST)
    tls = Tls(enable_sni=arguments.sni) if arguments.ssl else None
    ask = HttpAsk((page,), protocol=arguments.protocol.upper(), tls=tls)
    reach = Reach(address, port, fwmark=arguments.fwmark)
    digest, remarks = asyncio.run(_hashed(page, ask, reach, arguments.timeout))
    for remark in remarks:
        print(f"vipkeeper: {remark}", file=sys.stderr)
    print(digest)
    return 0


async def _hashed(page: Page, ask: HttpAsk, reach: Reach, timeout_s: float) -> tuple[str, list[str]]:
    from vipkeeper.health.checkers.http_get import fetched
    from vipkeeper.health.checkers.results import CannotCheck, Failed

    try:
        answer, missing = await fetched(page, ask, reach, timeout_s=timeout_s)
    except (Failed, CannotCheck) as error:
        raise VipkeeperError(f"no page to hash: {error}") from error
    remarks = [f"the page was {missing}"] if missing else []
    if not 200 <= answer.status <= 299:
        remarks.append(f"this is the page of an error (status {answer.status})")
    return answer.digest, remarks
