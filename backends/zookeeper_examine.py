"""What the operator of a ZooKeeper ensemble should do before it fails, from what each server says of itself.

Rules of this file:

- ZooKeeper's four-letter words, over connections of their own: they need no session, so they cost the
  ensemble no write, and a server without a leader answers them too.
- `srvr` is answered unless it was forbidden, `conf` only where 4lw.commands.whitelist names it. What a server
  does not tell is no advice. (Neither tells whether autopurge is on.)
- Facts are gathered first and judged by a pure function, so that every advice can be tested without filling
  a disk.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence

import msgspec

from backends.endpoint_rotation import most_telling
from backends.store import Advice, Unknown
from backends.zookeeper_failures import CallFailed, translated
from backends.zookeeper_settings import ZookeeperAddress

OLDEST_VERSION = (3, 6)  # the first with recursive watches

# No commit succeeds for so long when a leader hangs. ZooKeeper's sample (5 ticks of 2 s) makes it 10 s, and
# 10.4 to 10.7 s were measured; 5 ticks of 0.5 s came to 3.1 s.
SLOW_TO_NOTICE_S = 5.0

# Autopurge leaves three snapshots and the logs since then: 400 000 changes at most, and a renewal takes
# 251 bytes (measured). So vipkeeper alone stays far below; without it, one owner comes to this in 50 days.
MUCH_STORED = 2 * 1024**3

_DOING = "asking how the server is"
_WORDS = ("srvr", "conf")
_LONGEST_ANSWER = 1 << 16
_NOT_ALLOWED = "not in the whitelist"
_NOT_SERVING = "not currently serving requests"
_FIELD = re.compile(r"^\s*([\w. ]+?)\s*[=:]\s*(.*?)\s*$", re.MULTILINE)
_VERSION = re.compile(r"(\d+)\.(\d+)")
_ALLOW = "allow it with 4lw.commands.whitelist=srvr,conf in its zoo.cfg, and restart it"


class NoFacts(msgspec.Struct, frozen=True):
    """A server that said nothing. `refused`: it is there, and does not tell."""

    unknown: Unknown
    refused: bool = False


class ServerFacts(msgspec.Struct, frozen=True):
    """What one server said; 0 is what it did not."""

    where: str
    mode: str  # leader, follower, observer, standalone, read-only; "" while it has no leader
    version: tuple[int, int] = (0, 0)
    tick_ms: int = 0
    sync_limit: int = 0
    stored: int = 0  # bytes of logs and snapshots

    @property
    def notices_after_s(self) -> float:
        """How long a server waits for a leader that went silent, or a leader for its majority."""
        return self.tick_ms * self.sync_limit / 1000


async def examine(addresses: Sequence[ZookeeperAddress], *, timeout_s: float) -> tuple[Advice, ...] | Unknown:
    """See `Store.examine`."""
    answers = await _ask(addresses, timeout_s)
    facts = [answer for answer in answers if isinstance(answer, ServerFacts)]
    silent = [answer for answer in answers if isinstance(answer, NoFacts)]
    if not facts:
        return most_telling([answer.unknown for answer in silent])
    return (*judge(facts, listed=len(addresses)), *_silent_servers(silent))


def judge(facts: Sequence[ServerFacts], *, listed: int) -> Iterator[Advice]:
    """Everything that these facts call for. `listed`: so many endpoints are configured."""
    for fact in facts:
        if fact.mode in {"", "read-only"}:
            yield Advice(
                f"{fact.where} has no leader and can serve nobody: look at its log, and whether it reaches "
                "more than half of the servers"
            )
        if fact.mode == "standalone" and listed > 1:
            yield Advice(
                f"{fact.where} runs standalone, with data of its own, and {listed} endpoints are configured: "
                "list servers of one ensemble only, or name all of them as server.N in its zoo.cfg"
            )
        if (0, 0) < fact.version < OLDEST_VERSION:
            yield Advice(
                f"{fact.where} is ZooKeeper {fact.version[0]}.{fact.version[1]} and cannot serve vipkeeper, "
                "which needs recursive watches: upgrade it to 3.6 or later"
            )
    yield from _judge_leaders([fact.where for fact in facts if fact.mode == "leader"])
    yield from _judge_ticks([fact for fact in facts if fact.notices_after_s > SLOW_TO_NOTICE_S])
    yield from _judge_space([fact.where for fact in facts if fact.stored >= MUCH_STORED])


def _judge_leaders(leaders: Sequence[str]) -> Iterator[Advice]:
    if len(leaders) > 1:
        yield Advice(
            f"{' and '.join(leaders)} each say that they lead: unless one of them was cut off just now, list "
            "servers of one ensemble only"
        )


def _judge_ticks(slow: Sequence[ServerFacts]) -> Iterator[Advice]:
    """One advice for the whole ensemble: its servers have the same settings, or should have."""
    if slow:
        slowest = max(slow, key=lambda fact: fact.notices_after_s)
        yield Advice(
            f"{', '.join(fact.where for fact in slow)}: a leader that hangs or is cut off is replaced only "
            f"after {slowest.notices_after_s:g} s (tickTime {slowest.tick_ms} ms, syncLimit "
            f"{slowest.sync_limit}); until then nothing is committed, so no VIP can fail over, and without "
            "failsafe each VIP goes down with its lease: set tickTime=500 and syncLimit=5 in every zoo.cfg, "
            "or syncLimit=2 alone where other applications need sessions of more than 10 s; restart one "
            "server after the other"
        )


def _judge_space(full: Sequence[str]) -> Iterator[Advice]:
    if full:
        yield Advice(
            f"{', '.join(full)}: logs and snapshots take more than {MUCH_STORED // 1024**3} GiB, and a "
            "server whose disk is full stops: unless other applications keep so much there, set "
            "autopurge.purgeInterval=1 and autopurge.snapRetainCount=3 in its zoo.cfg (without the first "
            "nothing is ever deleted) and restart it"
        )


def _silent_servers(silent: Sequence[NoFacts]) -> Iterator[Advice]:
    """A server that refuses to tell is as its operator wants it; one that cannot be reached is missing."""
    for server in silent:
        if not server.refused:
            yield Advice(f"{server.unknown.why}; make it serve again, or take it out of the endpoints")


async def _ask(addresses: Sequence[ZookeeperAddress], timeout_s: float) -> list[ServerFacts | NoFacts]:
    """All at once, each word in a task of its own; what has not come in time is missing."""
    tasks = [[asyncio.create_task(_say(address, word)) for word in _WORDS] for address in addresses]
    every = [task for each in tasks for task in each]
    try:
        if every:
            await asyncio.wait(every, timeout=timeout_s)
        return [
            _facts(address, *(_outcome(task, address, timeout_s) for task in each))
            for address, each in zip(addresses, tasks, strict=True)
        ]
    finally:
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)


def _outcome(task: asyncio.Task[str], address: ZookeeperAddress, timeout_s: float) -> str | CallFailed:
    if not task.done():
        return CallFailed(Unknown(f"{address}: it did not say how it is within {timeout_s:g} s"))
    failed = task.exception()
    return failed if isinstance(failed, CallFailed) else task.result()


async def _say(address: ZookeeperAddress, word: str) -> str:
    """What the server answers to a word. CallFailed when it cannot be reached."""
    with translated(address, _DOING):
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls)
        try:
            writer.write(word.encode())
            said = bytearray()
            # It closes when it has said everything.
            while len(said) < _LONGEST_ANSWER and (part := await reader.read(_LONGEST_ANSWER)):
                said += part
            return said.decode(errors="replace")
        finally:
            writer.transport.abort()


def _facts(
    address: ZookeeperAddress, srvr: str | CallFailed, conf: str | CallFailed
) -> ServerFacts | NoFacts:
    if isinstance(srvr, CallFailed):
        return NoFacts(srvr.unknown)
    told = dict(_FIELD.findall(srvr))
    if _NOT_ALLOWED in srvr:
        return NoFacts(Unknown(f"{address}: it does not tell how it is; {_ALLOW}", "operator"), refused=True)
    if "Mode" not in told and _NOT_SERVING not in srvr:
        return NoFacts(Unknown(f"{address}: {_DOING}: the answer is not ZooKeeper's"))
    if isinstance(conf, str):
        told |= dict(_FIELD.findall(conf))
    version = _VERSION.match(told.get("Zookeeper version", ""))
    return ServerFacts(
        where=str(address),
        mode=told.get("Mode", ""),
        version=(int(version[1]), int(version[2])) if version else (0, 0),
        tick_ms=_number(told, "tickTime"),
        sync_limit=_number(told, "syncLimit"),
        stored=_stored(told),
    )


def _stored(told: dict[str, str]) -> int:
    """Where snapshots and logs are in one directory, it counts once."""
    snapshots, logs = _number(told, "dataDirSize"), _number(told, "dataLogSize")
    apart = told.get("dataDir") != told.get("dataLogDir")
    return snapshots + logs if apart else max(snapshots, logs)


def _number(told: dict[str, str], name: str) -> int:
    text = told.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0
