"""Whose answers count.

Rules of this file:

- No clock, no IO.
- All endpoints must belong to one etcd cluster. One that answers from another is never believed.
- A member whose Raft term is older than one already seen was cut off or restored from a backup. It is
  believed only when most endpoints say the same: then the whole cluster was restored.
"""

from __future__ import annotations

from backends.etcd_rpc.etcd_pb2 import ResponseHeader


class ClusterIdentity:
    """What answers have shown of the cluster so far."""

    def __init__(self, endpoints: int) -> None:
        self._majority = endpoints // 2 + 1
        self._cluster_id = 0
        self._believed_from = ""
        self._older: set[str] = set()  # endpoints that answered with an older term since the last good one
        self.raft_term = 0

    def distrust(self, endpoint: str, header: ResponseHeader, term_at_sending: int) -> str | None:
        """Why an answer does not count, or None. `term_at_sending` is `raft_term` from before the request."""
        if not header.cluster_id:
            return "the answer has no etcd header"
        if not self._cluster_id:
            self._cluster_id, self._believed_from = header.cluster_id, endpoint
        if header.cluster_id != self._cluster_id:
            return (
                f"it belongs to etcd cluster {header.cluster_id:x}, but {self._believed_from} to"
                f" {self._cluster_id:x}; list endpoints of one cluster only, or, if etcd was restored or made"
                " anew under another token, restart this agent"
            )
        if header.raft_term < term_at_sending:
            self._older.add(endpoint)
            if len(self._older) < self._majority:
                return (
                    f"its Raft term {header.raft_term} is older than the {term_at_sending} already seen;"
                    " check whether this member was restored from a backup alone"
                )
            self.raft_term = header.raft_term
        self._older.clear()
        self.raft_term = max(self.raft_term, header.raft_term)
        return None
