"""The table [zookeeper]: how ZooKeeper is reached. See `schema.py` for the rules of such a table."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vipkeeper.config.described import about


class Zookeeper(msgspec.Struct, frozen=True):
    """How ZooKeeper (3.6 or later) is reached. All servers belong in `endpoints`, as for etcd."""

    endpoints: Annotated[
        tuple[str, ...],
        about(
            "The servers, `HOST:PORT`; the port is 2181 if it is left out. The last one may end with a path, "
            "below which all is kept: `HOST:PORT/ha`. Never one of the managed VIPs: the store must be "
            "reachable while nobody holds them.",
            ["10.0.0.11:2181", "10.0.0.12:2181", "10.0.0.13:2181"],
            needs_restart=True,
            min_length=1,
        ),
    ] = ("127.0.0.1:2181",)
    ca_file: (
        Annotated[
            str,
            about(
                "File with the certificates that sign the servers' own (PEM). With it or `cert_file` the "
                "connections are encrypted, and the servers' names are verified.",
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
            about(
                "File with this node's client certificate (PEM), with `key_file`. ZooKeeper asks for one "
                "unless it is told otherwise.",
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
            about(
                "File with the private key of `cert_file` (PEM). The agent's user must be able to read it.",
                "/etc/vipkeeper/node.key",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    auth: Annotated[
        Literal["digest", "sasl"],
        about(
            "How `username` is shown to ZooKeeper: `digest` needs nothing on the server but sends the "
            "password as it is, so use TLS; `sasl` is DIGEST-MD5 with a user that the server knows.",
            "sasl",
            needs_restart=True,
        ),
    ] = "digest"
    username: (
        Annotated[
            str,
            about(
                "ZooKeeper user, the same on all nodes. What vipkeeper writes then belongs to that user "
                "alone; without one, everybody who reaches ZooKeeper may change it.",
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
            about(
                "File whose first line is the user's password. It is read when the agent starts.",
                "/etc/vipkeeper/zookeeper-password",
                needs_restart=True,
                min_length=1,
            ),
        ]
        | None
    ) = None
    password: (
        Annotated[
            str,
            about(
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
        return f"Zookeeper(endpoints={self.endpoints!r}, username={self.username!r})"
