"""The ways in which the kernel ends a lease without us, strongest first."""

from __future__ import annotations

import enum


class FenceKind(enum.Enum):
    """What stops the kernel from answering once the lease is over. The text is what `ls` shows."""

    BPF = "bpf"  # tc-BPF program with an absolute deadline: exact to about 2 ms, late writes are harmless
    NFTABLES = "nftables"  # netdev set with element timeouts: up to 2 jiffies late
    LIFETIME = "lifetime"  # address lifetime alone: whole seconds, up to 1.5 s late
