"""A web server that says its name, whatever is asked for: `python -m tests.articles.web_server NAME`."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 80


class _SaysItsName(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = sys.argv[1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """A check comes each second."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("", PORT), _SaysItsName)
    print("ready", flush=True)
    server.serve_forever()
