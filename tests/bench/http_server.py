"""A web server for benches: one small page, to everybody on all of loopback, from a process of its own.

python -m tests.bench.http_server PORT
"""

from __future__ import annotations

import asyncio
import sys

BODY = b"x" * 500
PAGE = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Type: text/html\r\nContent-Length: 500\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b'Connection: close\r\nETag: "65634b1e-1f4"\r\nAccept-Ranges: bytes\r\n\r\n' + BODY
)


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _request: bytes) -> None:
        self._transport.write(PAGE)
        self._transport.close()


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Server, "0.0.0.0", port, backlog=1024)  # noqa: S104 - 127.0.0.0/8
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
