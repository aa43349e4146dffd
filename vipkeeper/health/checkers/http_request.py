"""The request of an HTTP check: what keepalived sends, byte for byte but for the name.

Rules of this file: pure.
"""

from __future__ import annotations

from vipkeeper.model.balancing import Page, Reach

# keepalived's name first: access logs of real servers are filtered by it.
_USER_AGENT = "KeepAliveClient (vipkeeper)"

_CLOSING = frozenset({"1.0C", "1.1"})


def request(page: Page, protocol: str, reach: Reach) -> bytes:
    """A GET. In 1.1 the connection is to be closed too: the next check has one of its own."""
    lines = [
        f"GET {_one_word(page.path)} HTTP/{'1.1' if protocol == '1.1' else '1.0'}",
        f"User-Agent: {_USER_AGENT}",
        f"Host: {_one_word(page.host) or own_host(reach)}",
    ]
    if protocol in _CLOSING:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def own_host(reach: Reach) -> str:
    """The Host header of a server that has no name: its address and port, as keepalived has them."""
    plain = reach.address.partition("%")[0]
    return f"[{plain}]:{reach.port}" if ":" in plain else f"{plain}:{reach.port}"


def _one_word(text: str) -> str:
    """Nothing in a path or a name may end the line or the word that it is in."""
    return "".join(
        letter if "!" <= letter <= "~" else "".join(f"%{byte:02X}" for byte in letter.encode())
        for letter in text
    )
