"""A virtual server in TOML that every test may change at one place."""

from __future__ import annotations

from tests.config.sources import config_of
from vipkeeper.config.virtual_servers import balancing_plan
from vipkeeper.model.balancing import BalancingPlan, CheckPlan, RealServerPlan, ServicePlan

A = "virtual_server.web.real_server.a"  # where its first real server stands
# Each table is open at its end, so that a test adds keys by appending tables or by `put`.
SERVICE = """
[vip.web]
addresses = ["192.0.2.80"]
interface = "eth0"
[virtual_server.web]
address = "192.0.2.80"
port = 80
protocol = "tcp"
[virtual_server.web.real_server.a]
address = "10.0.0.11"
[virtual_server.web.real_server.b]
address = "10.0.0.12"
"""
MARK = SERVICE.replace('address = "192.0.2.80"\nport = 80\nprotocol = "tcp"\n', "fwmark = 3\n")
GROUP = SERVICE.replace('address = "192.0.2.80"\nport = 80\n', 'group = "g"\n')


def put(text: str, table: str, *lines: str) -> str:
    """`text` with these lines at the beginning of a table that is there."""
    head = f"[{table}]\n"
    assert head in text
    return text.replace(head, head + "".join(f"{line}\n" for line in lines))


def service(*lines: str) -> str:
    """SERVICE with more about the virtual server."""
    return put(SERVICE, "virtual_server.web", *lines)


def real(*lines: str, text: str = SERVICE) -> str:
    """SERVICE with more about its first real server."""
    return put(text, "virtual_server.web.real_server.a", *lines)


def group(*addresses: str, more: str = "") -> str:
    """A virtual server of a group with these entries."""
    listed = ", ".join(f'"{each}"' for each in addresses)
    written = f"addresses = [{listed}]\n" if addresses else ""
    return f"{GROUP}[virtual_server_group.g]\n{written}{more}"


def plan_of(text: str) -> BalancingPlan:
    return balancing_plan(config_of(text))


def web(text: str) -> ServicePlan:
    (found,) = plan_of(text).services
    return found


def server_a(text: str) -> RealServerPlan:
    return next(real for real in web(text).real_servers if real.name == "a")


def check_of(text: str) -> CheckPlan:
    """The one check of its first real server."""
    (found,) = server_a(text).checks
    return found


def checked(kind: str, *lines: str, text: str = SERVICE) -> str:
    return f"{text}[{A}.{kind}.x]\n" + "\n".join(lines)
