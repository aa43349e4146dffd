"""A namespace with an IPVS table, our hand on it, and ipvsadm's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from vipkeeper.kernel.ipvs_host import IpvsHost
from vipkeeper.kernel.ipvs_kernel import IpvsKernel
from vipkeeper.lab.namespaces import Namespace, make_namespace, new_lab_name
from vipkeeper.model.ipvs import ServiceCounts, ServiceKey, SyncRole

# Interface of the namespace that can carry a sync daemon.
INTERFACE = "sync0"


@dataclass(frozen=True, slots=True)
class Director:
    namespace: Namespace
    ipvs: IpvsHost

    def ipvsadm(self, *words: str) -> str:
        """What ipvsadm says. Raises CommandFailed."""
        return self.namespace.run("ipvsadm", *words)

    def saved(self) -> list[str]:
        """The table as `ipvsadm -Sn` writes it, a line for each entry."""
        return [line.rstrip() for line in self.ipvsadm("-Sn").splitlines()]

    def restore(self, *lines: str) -> None:
        """Carry out lines as `ipvsadm -R` reads them."""
        self.namespace.run("ipvsadm", "-R", text_input="".join(f"{line}\n" for line in lines))

    def empty(self) -> None:
        """One process: each takes a tenth of a second under User-Mode Linux."""
        stop = "; ".join(f"ipvsadm --stop-daemon {role.value}" for role in SyncRole)
        self.namespace.run("sh", "-c", f"ipvsadm -C; {stop}; true")


def counted(ipvs: IpvsKernel) -> dict[ServiceKey, ServiceCounts]:
    """All that it counts."""
    return {key: counts for part in ipvs.read_counts() for key, counts in part.items()}


@contextlib.contextmanager
def make_director() -> Iterator[Director]:
    with make_namespace(new_lab_name(), "director") as namespace:
        namespace.configure(
            f"link add {INTERFACE} type dummy",
            f"address add 10.9.0.1/16 dev {INTERFACE}",
            f"address add fd09::1/64 dev {INTERFACE} nodad",
            f"link set {INTERFACE} up",
        )
        ipvs = namespace.call(IpvsHost)
        try:
            yield Director(namespace, ipvs)
        finally:
            ipvs.close()
