"""The kernel's IPVS table of one network namespace: read, and changed in acknowledged batches.

Rules of this file: it carries out and reports, it decides nothing. A reading is fresh, and not of one
instant: the kernel gives destinations service by service, and says nothing when a table changes meanwhile.
An entry that has what this program does not know (a tunnel of a later kernel) is left out of readings, so
it is nobody's.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from vipkeeper.changes.ipvs_changes import IpvsChange
from vipkeeper.kernel import ipvs_numbers as n
from vipkeeper.kernel.generic_netlink import COMMAND, NETLINK_GENERIC, find_family
from vipkeeper.kernel.ipvs_messages import IpvsMessages, service_fields
from vipkeeper.kernel.ipvs_reading import (
    Fields,
    fields_of,
    read_daemon,
    read_destination,
    read_destination_counts,
    read_info,
    read_service,
    read_service_traffic,
    read_timeouts,
)
from vipkeeper.kernel.ipvs_steps import refusal, steps_of
from vipkeeper.kernel.netlink_socket import NetlinkSocket
from vipkeeper.kernel.netlink_wire import nested
from vipkeeper.model.errors import KernelRefused
from vipkeeper.model.ipvs import (
    Destination,
    DestinationCounts,
    DestinationKey,
    IpvsInfo,
    IpvsTable,
    Service,
    ServiceCounts,
    ServiceKey,
    SyncDaemon,
    SyncRole,
    VirtualServer,
)

# Each asks the kernel once, for its destinations: together they take a millisecond.
SERVICES_A_PART = 25


class IpvsMissing(KernelRefused):
    """This kernel has no IPVS. Everything else goes on working."""

    def __init__(self) -> None:
        super().__init__(
            "this kernel has no IPVS, so virtual servers cannot be programmed: modprobe ip_vs (it comes with "
            "the distribution's kernel modules), or take the virtual servers out of the configuration",
            errno.ENOENT,
        )


class IpvsHost:
    """IPVS of the namespace in which it is made. Raises IpvsMissing or MissingPrivilege.

    Making it loads the module where the kernel can.
    """

    def __init__(self) -> None:
        self._netlink = NetlinkSocket(NETLINK_GENERIC)
        try:
            self._netlink.enlarge()
            family = find_family(self._netlink, n.FAMILY)
            if family is None:
                raise IpvsMissing
        except BaseException:
            self._netlink.close()
            raise
        self._family = family
        self._messages = IpvsMessages(family)

    def close(self) -> None:
        """What is in the kernel stays there."""
        self._netlink.close()

    def read(self) -> IpvsTable:
        """The whole table without its counters. Raises KernelRefused or MissingPrivilege."""
        return next(table for table in self.read_in_parts() if table is not None)

    def read_in_parts(self) -> Iterator[IpvsTable | None]:
        """See `IpvsKernel.read_in_parts`. Raises KernelRefused or MissingPrivilege."""
        servers = {}
        for number, (_, key, service) in enumerate(list(self._services()), 1):
            destinations = {one: how for _, one, how in self._destinations(key)}
            servers[key] = VirtualServer(service, destinations)
            if number % SERVICES_A_PART == 0:
                yield None
        ((_, timeouts),) = self._netlink.ask(self._messages.ask_timeouts(), "a reading of IPVS's timeouts")
        yield IpvsTable(servers, read_timeouts(timeouts), self._daemons())

    def read_counts(self) -> Iterator[dict[ServiceKey, ServiceCounts]]:
        """See `IpvsKernel.read_counts`. Raises KernelRefused or MissingPrivilege."""
        part: dict[ServiceKey, ServiceCounts] = {}
        for fields, key, _ in list(self._services()):
            part[key] = ServiceCounts(read_service_traffic(fields), self.destination_counts(key))
            if len(part) == SERVICES_A_PART:
                yield part
                part = {}
        yield part

    def destination_counts(self, key: ServiceKey) -> dict[DestinationKey, DestinationCounts]:
        """See `IpvsKernel.destination_counts`. Raises KernelRefused or MissingPrivilege."""
        return {one: read_destination_counts(counted) for counted, one, _ in self._destinations(key)}

    def info(self) -> IpvsInfo:
        """Raises KernelRefused or MissingPrivilege."""
        ((_, body),) = self._netlink.ask(self._messages.ask_info(), "to say which IPVS it has")
        return read_info(body)

    def apply(self, change: IpvsChange) -> tuple[str, ...]:
        """Carry it out; what the kernel refused of it, each as a sentence. Raises MissingPrivilege.

        The rest of a change is carried out whatever was refused.
        """
        steps = list(steps_of(change, self._messages))
        answers = self._netlink.batch([step.message for step in steps])
        return tuple(
            refusal(steps[position], answer)
            for position, answer in sorted(answers.items())
            if answer.number not in steps[position].harmless
        )

    def flush(self) -> None:
        """Take everything out, whoever made it. Raises KernelRefused or MissingPrivilege."""
        self._netlink.request(self._messages.flush(), "to empty the IPVS table")

    def zero(self, key: ServiceKey | None = None) -> None:
        """Count one virtual server, or all, from 0 again. Raises KernelRefused or MissingPrivilege."""
        self._netlink.request(self._messages.zero(key), f"to zero the counters of {key or 'all'}")

    def _services(self) -> Iterator[tuple[Fields, ServiceKey, Service]]:
        body = COMMAND.pack(n.GET_SERVICE, n.VERSION, 0)
        for kind, record in self._netlink.dump(self._family, body):
            fields = fields_of(record, n.ATTR_SERVICE)
            if kind == self._family and fields:
                try:
                    key, service = read_service(fields)
                except KeyError:  # what is not known here
                    continue
                yield fields, key, service

    def _destinations(self, key: ServiceKey) -> Iterator[tuple[Fields, DestinationKey, Destination]]:
        body = COMMAND.pack(n.GET_DEST, n.VERSION, 0) + nested(n.ATTR_SERVICE, service_fields(key))
        for kind, record in self._netlink.dump(self._family, body):
            fields = fields_of(record, n.ATTR_DEST)
            if kind == self._family and fields:
                try:
                    one, how = read_destination(fields)
                except KeyError:
                    continue
                yield fields, one, how

    def _daemons(self) -> dict[SyncRole, SyncDaemon]:
        records = self._netlink.dump(self._family, COMMAND.pack(n.GET_DAEMON, n.VERSION, 0))
        found = (fields_of(record, n.ATTR_DAEMON) for kind, record in records if kind == self._family)
        return dict(read_daemon(fields) for fields in found if fields)
