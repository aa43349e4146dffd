"""A change of the IPVS table as the messages that carry it out, and a refusal as a sentence.

Rules of this file: one message for each entry, in the order of the change; a sentence says which entry, and
what to do where the kernel's error number alone would not.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from vipkeeper.changes.ipvs_changes import (
    AddDestinations,
    AddServers,
    Destinations,
    EditDestinations,
    EditServices,
    IpvsChange,
    RemoveDestinations,
    RemoveServers,
    SetTimeouts,
    StartDaemons,
    StopDaemons,
    flat,
)
from vipkeeper.kernel.ipvs_messages import IpvsMessages
from vipkeeper.kernel.netlink_socket import CAP_NET_ADMIN, Answer
from vipkeeper.kernel.netlink_wire import Message
from vipkeeper.kernel.refusals import explain, kernel_error
from vipkeeper.model.ipvs import (
    Destination,
    DestinationKey,
    Service,
    ServiceKey,
    SyncDaemon,
    SyncRole,
)

_NONE: frozenset[int] = frozenset()
_GONE = frozenset({errno.ENOENT, errno.ESRCH})


class Step(NamedTuple):
    """One message, what it is about, and the error numbers that are no refusal."""

    message: Message
    about: str
    advice: Mapping[int, str] = {}
    harmless: frozenset[int] = _NONE


def steps_of(change: IpvsChange, messages: IpvsMessages) -> Iterator[Step]:
    """All of a change, entry by entry."""
    match change:
        case AddServers(servers):
            for key, server in servers.items():
                yield _service_step(messages.add_service(key, server.service), key, server.service)
                yield from _destination_steps({key: server.destinations}, messages.add_destination)
        case EditServices(services):
            for key, service in services.items():
                yield _service_step(messages.edit_service(key, service), key, service)
        case AddDestinations(given):
            yield from _destination_steps(given, messages.add_destination)
        case EditDestinations(given):
            yield from _destination_steps(given, messages.edit_destination)
        case SetTimeouts(timeouts):
            yield Step(messages.set_timeouts(timeouts), "timeouts")
        case StartDaemons(daemons):
            for role, daemon in daemons.items():
                yield _daemon_step(messages.start_daemon(role, daemon), role, daemon)
        case RemoveDestinations() | RemoveServers() | StopDaemons():
            yield from _removals(change, messages)


def _removals(
    change: RemoveDestinations | RemoveServers | StopDaemons, messages: IpvsMessages
) -> Iterator[Step]:
    match change:
        case RemoveDestinations(gone):
            for key, destinations in gone.items():
                for one in destinations:
                    yield Step(messages.remove_destination(key, one), f"{key} -> {one}", harmless=_GONE)
        case RemoveServers(keys):
            for key in keys:
                yield Step(messages.remove_service(key), str(key), harmless=_GONE)
        case StopDaemons(roles):
            for role in roles:
                yield Step(messages.stop_daemon(role), f"sync daemon ({role.value})", harmless=_GONE)
            # Of one that is stopped before it has ever run, netlink says nothing: the thread's end is EINTR,
            # and to that no answer is sent. So the answer that a batch waits for is another one's.
            yield Step(messages.ask_info(), "IPVS")


def refusal(step: Step, answer: Answer) -> str:
    """Why the kernel did not do it. Raises MissingPrivilege when no message of ours would be done."""
    if answer.number == errno.EPERM:
        raise kernel_error(answer.number, "programming IPVS", capability=CAP_NET_ADMIN)
    return f"{step.about}: {step.advice.get(answer.number) or explain(answer.number, answer.text)}"


def _destination_steps(
    given: Destinations, write: Callable[[ServiceKey, DestinationKey, Destination], Message]
) -> Iterator[Step]:
    for key, one, how in flat(given):
        yield _destination_step(write(key, one, how), key, one, how)


def _service_step(message: Message, key: ServiceKey, service: Service) -> Step:
    parts = f"scheduler {service.scheduler}"
    module = f"ip_vs_{service.scheduler}"
    if service.persistence is not None and service.persistence.engine:
        parts += f" or persistence engine {service.persistence.engine}"
        module += f" or ip_vs_pe_{service.persistence.engine}"
    advice = {
        errno.ENOENT: f"this kernel does not have {parts}: modprobe {module}, or choose another",
        errno.EEXIST: "somebody else has just made the same virtual server; it is looked at again",
        errno.EAFNOSUPPORT: "this kernel's IPVS has no IPv6 (CONFIG_IP_VS_IPV6)",
    }
    return Step(message, str(key), advice)


def _destination_step(message: Message, key: ServiceKey, one: DestinationKey, how: Destination) -> Step:
    advice = {
        errno.ERANGE: (
            f"weight {how.weight} with thresholds {how.lower} to {how.upper} is not possible: the lower "
            "threshold may not be above the upper one"
        ),
        errno.ESRCH: "the virtual server is not there",
        errno.EEXIST: "somebody else has just added the same destination; it is looked at again",
    }
    if one.ip_version != key.ip_version:
        advice[errno.EINVAL] = (
            "a destination of the other IP version is reached by a tunnel, and not while a sync daemon runs"
        )
    return Step(message, f"{key} -> {one}", advice)


def _daemon_step(message: Message, role: SyncRole, daemon: SyncDaemon) -> Step:
    advice = {
        errno.ENODEV: f"interface {daemon.interface} does not exist",
        errno.EEXIST: "one runs already",
        errno.EINVAL: (
            f"{daemon.interface} cannot carry it (it has to be up, with an address of the group's version), "
            "or a virtual server has a destination of the other IP version"
        ),
    }
    return Step(message, f"sync daemon ({role.value}) on {daemon.interface}", advice)
