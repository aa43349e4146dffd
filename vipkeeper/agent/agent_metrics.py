"""Takes the values of one scrape from the running agent.

Rules of this file: everything is copied at once, on the event loop, between two steps of the election; what
is returned touches the agent no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from vipkeeper.agent.counts import Counts
from vipkeeper.agent.election_shell import ElectionShell
from vipkeeper.agent.host_shell import HostShell
from vipkeeper.agent.peer_shell import PeerShell
from vipkeeper.config.schema import Config
from vipkeeper.model.agent_report import Report
from vipkeeper.model.version import VERSION


class AgentMetrics:
    """One agent."""

    def __init__(
        self, config: Config, report: Report, shell: ElectionShell, peers: PeerShell, host: HostShell
    ) -> None:
        self._config = config
        self._report = report
        self._shell = shell
        self._peers = peers
        self._host = host

    def scrape(self) -> Callable[[], bytes]:
        """Take the values; calling the result makes the text."""
        config, peers = self._config, self._peers
        counts = Counts(
            decisions={(role.value, reason.value): n for (role, reason), n in self._shell.decisions.items()},
            promises_given=peers.promised,
            refusals=dict(peers.refused),
            dropped=dict(peers.dropped),
        )
        labels = {
            "version": VERSION,
            "node": config.node,
            "cluster": config.cluster,
            "backend": config.backend,
            "fence": self._host.fence().value,
        }
        return partial(_text, self._report, counts, labels)


def _text(report: Report, counts: Counts, labels: Mapping[str, str]) -> bytes:
    from vipkeeper.agent.metrics_text import metrics_text

    return metrics_text(report, counts, labels)
