"""Settings of etcd, where leases are kept.

Rules of this file: as in `schema.py`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from vipkeeper.config.described import about as _about


class Etcd(msgspec.Struct, frozen=True):
    """How etcd is reached. All members belong in `endpoints`: one that fails is left for the next at once."""

    endpoints: Annotated[
        tuple[str, ...],
        _about(
            "The members, `http://HOST:PORT` or `https://HOST:PORT`; without a scheme it is https if "
            "`ca_file` is set, and the port is 2379 if it is left out. Never one of the managed VIPs: the "
            "store must be reachable while nobody holds them.",
            ["http://10.0.0.11:2379", "http://10.0.0.12:2379", "http://10.0.0.13:2379"],
            needs_restart=True,
            min_length=1,
        ),
    ] = ("http://127.0.0.1:2379",)
    ca_file: (
        Annotated[
            str,
            _about(
                "File with the certificates that sign etcd's own (PEM). Without it the system's are used. "
                "It has a meaning for https endpoints only.",
                "/etc/vipkeeper/ca.pem",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    cert_file: (
        Annotated[
            str,
            _about(
                "File with this node's client certificate (PEM), if etcd asks for one, with `key_file`.",
                "/etc/vipkeeper/node.pem",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    key_file: (
        Annotated[
            str,
            _about(
                "File with the private key of `cert_file` (PEM). The agent's user must be able to read it.",
                "/etc/vipkeeper/node.key",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    username: (
        Annotated[
            str,
            _about(
                "etcd user, where etcd's authentication is on. It needs read and write access to the prefix "
                "`/vipkeeper/<cluster>/`.",
                "vipkeeper",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    password_file: (
        Annotated[
            str,
            _about(
                "File whose first line is the user's password. It is read when the agent starts.",
                "/etc/vipkeeper/etcd-password",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    password: (
        Annotated[
            str,
            _about(
                "The user's password itself. Prefer `password_file`: more people may read this file.",
                "secret",
                needs_restart=True,
                secret=True,
                min_length=1,
            ),
        ]
        | None
    ) = None

    def __repr__(self) -> str:
        return f"Etcd(endpoints={self.endpoints!r}, username={self.username!r})"
