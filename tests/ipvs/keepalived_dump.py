"""What a real keepalived makes of virtual servers, by its own dump of its data; the same of a plan of ours.

Rules of this file: both come to the same plain facts, by virtual server, real server and check. keepalived
needs IPVS for it, so it runs where that is.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from vipkeeper.lab.namespaces import Namespace
from vipkeeper.lab.processes import LabProcess
from vipkeeper.model import balancing as plan
from vipkeeper.model.ipvs import (
    AddressKey,
    Destination,
    Forwarding,
    MarkKey,
    SchedulerFlag,
    Service,
    TunnelKind,
)

PATIENCE_S = 60.0
_COMPLETE = "Activating BFD healthchecker"
_CHECKS = "------< Health checkers >------"
_SERVICE = " ------< Virtual server >------"
_SERVER = "   ------< Real server >------"
_FLAG_NAMES = {
    "flag-1": "flag-1", "flag-2": "flag-2", "flag-3": "flag-3",
    "sh-port": "flag-2", "sh-fallback": "flag-1", "mh-port": "flag-2", "mh-fallback": "flag-1",
}  # fmt: skip
_CHECKSUMS = {"nocsum": "no checksum", "csum": "checksum", "remcsum": "remote checksum"}

_STAMP = re.compile(r"^\w{3} \w{3} +\d+ [\d:]+ \d{4}: ")

Facts = dict[str, object]


class ServerFacts(msgspec.Struct):
    """One real server: what is said of it, and of each of its checks."""

    facts: Facts
    checks: list[Facts] = []


class ServiceFacts(msgspec.Struct):
    """One virtual server."""

    facts: Facts
    servers: dict[str, ServerFacts]


def dump_of(text: str, host: Namespace, directory: Path) -> dict[str, ServiceFacts]:
    """Runs keepalived with this file until it has written what it knows into its log."""
    directory.mkdir()
    file, log = directory / "keepalived.conf", directory / "log"
    file.write_text(text)
    process = LabProcess(
        "keepalived",
        (
            *("keepalived", "--dont-fork", "--log-console", "--dump-conf", "--check"),
            *("--use-file", str(file), "--pid", str(directory / "pid")),
            *("--checkers_pid", str(directory / "checkers-pid")),
        ),
        log=log,
        namespace=host,
    )
    process.start()
    until = time.monotonic() + PATIENCE_S
    while _COMPLETE not in _said(log):
        process.require_running()
        assert time.monotonic() < until, f"no dump came: {process.log_end()}"
        time.sleep(0.05)
    process.send(signal.SIGTERM)
    process.wait(PATIENCE_S)
    return _read_dump([_STAMP.sub("", line) for line in _said(log).splitlines()])


def _said(log: Path) -> str:
    """2.2.7 prints a byte or two that it never set."""
    return log.read_text(errors="replace")


def _read_dump(lines: list[str]) -> dict[str, ServiceFacts]:
    found: dict[str, ServiceFacts] = {}
    names: dict[str, str] = {}  # keepalived numbers the virtual servers of a group; here the protocol tells
    data, _, checks = "\n".join(lines).partition(_CHECKS)
    for part in data.split(_SERVICE)[1:]:
        head, *servers = part.split(_SERVER)
        facts = _facts_of_service(head)
        name = str(facts.pop("name"))
        if name.startswith("["):
            names[name] = f"{name.rpartition(':')[0]} {facts['protocol']}"
            name = names[name]
        found.setdefault(name, ServiceFacts(facts, dict(map(_server, servers))))
    for block in re.split(r"(?m)^ (?=\S.* -> )", checks.partition("------< Checker track")[0])[1:]:
        head, _, rest = block.partition("\n")
        service, _, server = head.partition(" -> ")
        own = names[service] if service in names else _service_name(service)
        if own in found:
            found[own].servers[_address(server)].checks.append(_facts_of_check(rest))
    for name, service in found.items():
        if name.startswith("["):
            service.servers = {_in_table(key, server): server for key, server in service.servers.items()}
    return found


def _in_table(key: str, server: ServerFacts) -> str:
    """Of a group, a port is shown as it is written, also where it counts for nothing."""
    return key if server.facts["method"] == "NAT" else f"{key.partition(' ')[0]} 0"


def _value(text: str, label: str, default: str = "") -> str:
    match = re.search(rf"(?m)^ *{label}(?: =| :| is)? ?(.*)$", text)
    return match.group(1) if match else default


def _facts_of_service(text: str) -> Facts:
    address = re.search(r"VS VIP = (\S+), VPORT = (\d+)", text)
    mark = re.search(r"VS FWMARK = (\d+)", text)
    protocol = _value(text, "protocol").lower().replace("none", "")
    if address is not None:
        name = f"{address.group(1)} {address.group(2)} {protocol}"
    else:
        name = f"fwmark {mark.group(1)}" if mark is not None else _value(text, "VS GROUP")
    quorum, hysteresis = re.findall(r"\d+", _value(text, "quorum"))[:2]
    sorry = re.search(r"sorry server .*?= (\S+)\n(.*\n.*)", text)
    return {
        "name": name,
        "protocol": protocol,
        "scheduler": _value(text, "lvs_sched"),
        "flags": {flag for word, flag in _FLAG_NAMES.items() if f" {word} = enabled" in text},
        "one packet": _value(text, "One packet scheduling").startswith("enabled"),
        "persistence": int(_value(text, "persistence timeout", "0")),
        "granularity": _value(text, "persistence granularity"),
        "quorum": int(quorum),
        "hysteresis": int(hysteresis),
        "omega": _value(text, "omega") == "ON",
        "suspended": "Using HA suspend" in text,
        "mailed": _value(text, "Using smtp notification") == "yes",
        "sorry": None if sorry is None else _sorry(sorry.group(1), sorry.group(2)),
    }


def _sorry(where: str, text: str) -> tuple[str, str, bool]:
    return _address(where), _value(text, "forwarding method"), _value(text, "Inhibit on failure") == "ON"


def _server(text: str) -> tuple[str, ServerFacts]:
    match = re.search(r"RIP = (\S+), RPORT = (\d+)", text)
    assert match is not None
    lower, upper = re.findall(r"\d+", _value(text, "connection limit range"))
    facts: Facts = {
        "method": _value(text, "forwarding method"),
        "weight": int(_value(text, "initial weight")),
        "limits": (int(lower) if int(lower) <= int(upper) else 0, int(upper)),  # else the kernel refuses it
        "inhibited": _value(text, "Inhibit on failure") == "ON",
        "mailed": _value(text, "Using smtp notification") == "yes",
    }
    return f"{match.group(1)} {match.group(2)}", ServerFacts(facts)


def _facts_of_check(text: str) -> Facts:
    kind = _value(text, "Keepalive method").split(",")[0]
    facts: Facts = {"kind": kind, "noisy": _value(text, "Log all failures") == "yes"}
    if kind == "FILE_CHECK":
        return facts
    retries = int(_value(text, "Retries"))
    facts |= {
        "alpha": _value(text, "Alpha") == "yes",
        "delay": _microseconds(_value(text, "Delay loop")),
        "warmup": _microseconds(_value(text, "Warmup")),
        "retries": retries,
        "again": _microseconds(_value(text, "Delay before retry")) if retries else 0,
    }
    if kind != "MISC_CHECK":
        host, _, port = _value(text, "Dest").rpartition(":")
        facts |= {
            "asked": host.strip("[]"),
            "port": "any" if kind == "PING_CHECK" else port.replace("0", "any") if port == "0" else port,
            "timeout": float(_value(text, "Timeout")),
            "mark": int(_value(text, "Mark", "0")),
        }
    return facts | dict(_of_its_kind(kind, text))


def _of_its_kind(kind: str, text: str) -> Iterator[tuple[str, object]]:
    if kind in {"HTTP_GET", "SSL_GET"}:
        yield "protocol", _value(text, "Keepalive method").rpartition(" ")[2]
        yield "fast", "Fast recovery set" in text
        yield "pages", [_page(page) for page in text.split("Checked url = ")[1:]]
    elif kind == "MISC_CHECK":
        yield "dynamic", _value(text, "dynamic") == "YES"
        yield "words", len(_value(text, "script").split("' '"))
    elif kind == "DNS_CHECK":
        yield "question", (_value(text, "Type"), _value(text, "Name") or ".")
    elif kind == "UDP_CHECK":
        yield "payload", int(_value(text, "Payload len", "0"))
        yield "reply", _value(text, "Require reply") == "yes"
    elif kind == "SMTP_CHECK":
        yield "helo", _value(text, "helo")


def _page(text: str) -> tuple[object, ...]:
    codes = re.findall(r"(?m)^ {7}(\d+)(?:-(\d+))?$", text)
    spans = [(int(first), int(last or first)) for first, last in codes]
    return text.partition("\n")[0], _value(text, "digest"), spans, _value(text, "Virtual host")


def _microseconds(text: str) -> int:
    return int(text.split(maxsplit=1)[0]) if text else 0


def _address(text: str) -> str:
    """`[10.0.0.1]:tcp:80`, the address with its port."""
    host, _, port = text.rpartition(":")
    return f"{host.rpartition(']')[0].lstrip('[')} {port}"


def _service_name(text: str) -> str:
    if text.startswith("FWM"):
        return f"fwmark {text.split()[1]}"
    host, protocol, port = text.rsplit(":", 2)
    return f"{host.strip('[]')} {port} {protocol}"


# The same of a plan.


def facts_of_plan(balancing: plan.BalancingPlan) -> dict[str, ServiceFacts]:
    """Like `dump_of`."""
    return {_name_of(service): _service_facts(service) for service in balancing.services}


def _name_of(service: plan.ServicePlan) -> str:
    first = service.keys[0]
    if service.name.startswith("group-"):
        return f"[{service.name.split('-')[1]}] {_protocol_of(service)}"
    if isinstance(first, MarkKey):
        return f"fwmark {first.mark}"
    return f"{first.address} {first.port} {first.transport.value}"


def _protocol_of(service: plan.ServicePlan) -> str:
    return next((key.transport.value for key in service.keys if isinstance(key, AddressKey)), "")


def _service_facts(service: plan.ServicePlan) -> ServiceFacts:
    chosen = service.service
    persistence = chosen.persistence
    sorry = service.sorry
    whole = ("255.255.255.255", "128")
    facts: Facts = {
        "protocol": _protocol_of(service),
        "scheduler": chosen.scheduler,
        "flags": {flag.value for flag in SchedulerFlag if flag in chosen.flags and _is_shown(flag, chosen)},
        "one packet": chosen.one_packet,
        "persistence": persistence.timeout_s if persistence is not None else 0,
        "granularity": persistence.netmask if persistence and persistence.netmask not in whole else "",
        "quorum": service.quorum,
        "hysteresis": service.hysteresis,
        "omega": service.omega,
        "suspended": service.ha_suspend,
        "mailed": service.tell.smtp_alert,
        "sorry": None
        if sorry is None
        else (f"{sorry.key.address} {sorry.key.port}", _method(sorry.destination), sorry.inhibit),
    }
    return ServiceFacts(
        facts, {f"{real.key.address} {real.key.port}": _server_facts(real) for real in service.real_servers}
    )


def _is_shown(flag: SchedulerFlag, chosen: Service) -> bool:
    """Of sh and mh the dump shows the two that have a name."""
    return flag is not SchedulerFlag.FLAG_3 or chosen.scheduler not in {"sh", "mh"}


def _method(destination: Destination) -> str:
    tunnel = destination.tunnel
    if destination.forwarding is not Forwarding.TUN or tunnel is None:
        return destination.forwarding.value.upper()
    words = [f"TUN, type = {tunnel.kind.value.upper()}"]
    if tunnel.kind is TunnelKind.GUE:
        words.append(f"port = {tunnel.port}")
    if tunnel.kind is not TunnelKind.IPIP:
        words.append(_CHECKSUMS[tunnel.checksum.value])
    return ", ".join(words)


def _server_facts(real: plan.RealServerPlan) -> ServerFacts:
    destination = real.destination
    facts: Facts = {
        "method": _method(destination),
        "weight": destination.weight,
        "limits": (destination.lower, destination.upper),
        "inhibited": real.inhibit_on_failure,
        "mailed": real.tell.smtp_alert,
    }
    return ServerFacts(facts, [_check_facts(check) for check in real.checks])


_KINDS: Mapping[plan.CheckKind, str] = {kind: kind.value.upper() for kind in plan.CheckKind}


def _check_facts(check: plan.CheckPlan) -> Facts:
    kind, pacing = _KINDS[check.kind], check.pacing
    facts: Facts = {"kind": kind, "noisy": pacing.log_all_failures}
    if kind == "FILE_CHECK":
        return facts
    facts |= {
        "alpha": pacing.alpha,
        "delay": round(pacing.delay_loop_s * 1e6),
        "warmup": round(pacing.warmup_s * 1e6),
        "retries": pacing.retry,
        "again": round(pacing.delay_before_retry_s * 1e6) if pacing.retry else 0,
    }
    if check.reach is not None:
        facts |= {
            "asked": check.reach.address,
            "port": "any" if kind == "PING_CHECK" else str(check.reach.port),
            "timeout": pacing.connect_timeout_s,
            "mark": check.reach.fwmark,
        }
    return facts | dict(_asked(check.ask))


def _asked(ask: plan.Ask) -> Iterator[tuple[str, object]]:
    match ask:
        case plan.HttpAsk():
            yield "protocol", ask.protocol
            yield "fast", ask.fast_recovery
            yield "pages", [(page.path, page.digest, list(page.status), page.host) for page in ask.pages]
        case plan.MiscAsk():
            yield "dynamic", ask.dynamic
            yield "words", len(ask.path.split(" "))
        case plan.DnsAsk():
            yield "question", (ask.record_type, ask.name)
        case plan.UdpAsk():
            yield "payload", len(ask.payload) // 2
            yield "reply", ask.require_reply
        case plan.SmtpAsk():
            yield "helo", ask.helo_name
        case _:
            return
