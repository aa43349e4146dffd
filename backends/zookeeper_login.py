"""Logging in to a ZooKeeper server, and who may touch what we write.

Rules of this file: with a username, what is written belongs to that user alone; without one, to everybody.
ZooKeeper takes any digest password: whether it is the right one shows at the first znode.
"""

from __future__ import annotations

from typing import Any

from kazoo.protocol.serialization import SASL, Auth
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE

from backends.store import Unknown
from backends.zookeeper_channel import AUTH_XID, Connection
from backends.zookeeper_failures import AUTH_FAILED, SASL_REQUIRED, CallFailed, nonsense, refused
from backends.zookeeper_settings import ZookeeperSettings

_DOING = "logging in"
# What pure-sasl lets through when a challenge is none; found by feeding it random bytes.
_NONSENSE = (ValueError, LookupError, TypeError, AttributeError)
_MOST_ROUNDS = 4  # DIGEST-MD5 takes three


class Login:
    """The user of a store; the same for all endpoints."""

    def __init__(self, settings: ZookeeperSettings) -> None:
        self._auth = settings.auth
        self._username = settings.username
        self._password = settings.password
        self.acl: list[Any] = OPEN_ACL_UNSAFE if settings.username is None else CREATOR_ALL_ACL

    async def log_in(self, connection: Connection) -> None:
        """Do it on a new connection. CallFailed when the server refuses."""
        if self._username is None:
            return
        if self._auth == "digest":
            request = Auth(0, "digest", f"{self._username}:{self._password}")
            connection.accepted(await connection.ask(request, xid=AUTH_XID), _DOING)
            return
        await self._negotiate(connection)

    async def _negotiate(self, connection: Connection) -> None:
        """DIGEST-MD5, challenge by challenge."""
        from puresasl import SASLError, SASLProtocolException
        from puresasl.client import SASLClient

        client = SASLClient(
            "zk-sasl-md5",  # ZooKeeper's fixed name for itself in this mechanism
            service="zookeeper",
            mechanism="DIGEST-MD5",
            username=self._username,
            password=self._password,
        )
        challenge = None
        try:
            for _ in range(_MOST_ROUNDS):
                response = client.process(challenge)
                if client.complete and not response:
                    return
                answer = await connection.ask(SASL(response or b""))
                if answer.error == SASL_REQUIRED:  # said of a login that failed, too
                    raise refused(connection.address, _DOING, AUTH_FAILED)
                challenge, _ = connection.accepted(answer, _DOING).value
                if client.complete:
                    return
        except (SASLError, SASLProtocolException) as error:
            why = f"{connection.address}: {_DOING}: {error}; correct the ZooKeeper username or password"
            raise CallFailed(Unknown(why, "operator")) from error
        except _NONSENSE as error:
            raise nonsense(connection.address, _DOING, type(error).__name__) from error
        finally:
            client.dispose()
        raise refused(connection.address, _DOING, AUTH_FAILED)
