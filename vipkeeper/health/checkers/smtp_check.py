"""SMTP_CHECK: the real server is well when it greets (220), takes a HELO (250), and answers to QUIT.

Rules of this file: IO. As with keepalived, anything may be answered to QUIT: mail would have gone by then.
"""

from __future__ import annotations

from vipkeeper.health.checkers.conversation import PlainConversation
from vipkeeper.health.checkers.results import Failed, Turn
from vipkeeper.health.checkers.sockets import connected
from vipkeeper.model.balancing import CheckOutcome, Reach, SmtpAsk

_LONGEST_REPLY = 64 * 1024
_SHOWN = 80


async def check(ask: SmtpAsk, reach: Reach, *, timeout_s: float, turn: Turn) -> CheckOutcome:
    """One dialogue. Raises Failed and CannotCheck."""
    del turn
    sock = await connected(reach, timeout_s=timeout_s)
    try:
        dialogue = _Dialogue(PlainConversation(sock, reach, timeout_s=timeout_s))
        greeting = await dialogue.reply("greeting")
        _expect(greeting, "220", "as greeting")
        await dialogue.say(f"HELO {ask.helo_name}")
        _expect(await dialogue.reply("HELO"), "250", "to HELO")
        await dialogue.say("QUIT")
        await dialogue.reply("QUIT")
    finally:
        sock.close()
    return CheckOutcome(ok=True, detail=_shown(greeting))


class _Dialogue:
    """Lines out, replies in."""

    def __init__(self, conversation: PlainConversation) -> None:
        self._conversation = conversation
        self._came = b""

    async def say(self, line: str) -> None:
        await self._conversation.send(line.encode() + b"\r\n")

    async def reply(self, to: str) -> str:
        """The last line of a reply: those before it have a hyphen behind the code (RFC 5321, 4.2.1)."""
        length = 0
        while True:
            line, ended, rest = self._came.partition(b"\n")
            if ended:
                self._came = rest
                if not (line[:3].isdigit() and line[3:4] == b"-"):
                    return line.decode("utf-8", "replace").rstrip("\r")
                continue
            data = await self._conversation.receive()
            if not data:
                raise Failed(f"it closed the connection instead of answering ({to})")
            length += len(data)
            if length > _LONGEST_REPLY:
                raise Failed(f"its answer ({to}) is longer than {_LONGEST_REPLY // 1024} KiB")
            self._came += data


def _expect(reply: str, code: str, where: str) -> None:
    if reply[:3] != code:
        raise Failed(f'it said "{_shown(reply)}" {where} instead of {code}')


def _shown(reply: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in reply[:_SHOWN])
