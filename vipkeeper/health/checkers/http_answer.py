"""Reads the answer to one request: status, MD5 and as much of the body as is searched.

Rules of this file: no IO; bytes come in as they come. The parsing is httptools' (Node's parser, which has met
all servers), as lenient as it can be: a check asks whether a server answers, and is no judge of its grammar.
"""

from __future__ import annotations

import hashlib

import httptools

from vipkeeper.health.checkers.results import Failed

# Far more than a page that is made for checks has; a server gone mad must not fill this node's memory.
LONGEST_HEADER = 64 * 1024
LONGEST_BODY = 16 * 1024 * 1024
LONGEST_SEARCHED = 1024 * 1024

_SWITCHING_PROTOCOLS = 101
_SHOWN = 40


class HttpAnswer:
    """One answer. `wants_digest` and `wants_body` say what is done with the body besides counting it."""

    def __init__(self, *, wants_digest: bool = False, wants_body: bool = False) -> None:
        self.status = 0
        self.complete = False
        self.length = 0
        self._digest = hashlib.md5(usedforsecurity=False) if wants_digest else None
        self._kept: list[bytes] | None = [] if wants_body else None
        self._kept_length = 0
        self._beside_body = 0  # bytes of header, trailer or framing, since something of the body came
        self._promised: bytes | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            lenient_transfer_encoding=True,
            lenient_version=True,
            lenient_data_after_close=True,
            lenient_optional_lf_after_cr=True,
            lenient_optional_cr_before_lf=True,
            lenient_optional_crlf_after_chunk=True,
            lenient_spaces_after_chunk_size=True,
        )

    @property
    def digest(self) -> str:
        """MD5 of the body, in lower case."""
        return self._digest.hexdigest() if self._digest else ""

    @property
    def body(self) -> bytes:
        """The first LONGEST_SEARCHED bytes of it."""
        return b"".join(self._kept or ())

    def feed(self, data: bytes) -> None:
        """Raises Failed for what is no answer at all."""
        self._beside_body += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.complete = True
        except httptools.HttpParserError as error:
            if not self.complete:  # what follows an answer does not matter
                raise Failed(self._no_http(data, error)) from error
        if self._beside_body > LONGEST_HEADER:  # measured: the parser takes 18 s for a line of 16 MiB
            raise Failed(
                f"its {'trailer' if self.status else 'header'} is longer than {LONGEST_HEADER // 1024} KiB"
            )
        if self.length > LONGEST_BODY:
            raise Failed(
                f"the page is longer than {LONGEST_BODY // 1024**2} MiB: let the check ask for a smaller one"
            )

    def closed(self) -> str:
        """The other end has closed; what is there counts, as with keepalived. What is missing, for people."""
        if not self.status:
            raise Failed(
                "it closed the connection within the header"
                if self._beside_body
                else "it closed the connection without an answer"
            )
        if self.complete or self._promised is None:
            return ""
        of = f" of {self._promised.decode('latin-1')}" if self._promised else ""
        return f"cut short after {self.length}{of} bytes"

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        lower = name.lower()
        if lower == b"content-length":
            self._promised = value
        elif lower == b"transfer-encoding":
            self._promised = b""

    def on_headers_complete(self) -> None:
        """Called by the parser. 1xx comes before the answer proper."""
        status = self._parser.get_status_code()
        if self.complete:
            return  # a second answer, that nobody asked for
        if status >= 200 or status == _SWITCHING_PROTOCOLS:
            self.status = status
        else:
            self._promised = None

    def on_body(self, data: bytes) -> None:
        """Called by the parser, without the framing of chunks."""
        if self.complete:
            return
        self.length += len(data)
        self._beside_body = 0
        if self._digest:
            self._digest.update(data)
        if self._kept is not None and self._kept_length < LONGEST_SEARCHED:
            part = data[: LONGEST_SEARCHED - self._kept_length]
            self._kept.append(part)
            self._kept_length += len(part)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self.complete = bool(self.status)

    def _no_http(self, data: bytes, error: Exception) -> str:
        if self.status:
            return f"its answer is broken after {self.length} bytes ({error})"
        shown = data[:_SHOWN].decode("latin-1").encode("unicode_escape").decode()
        return f'it does not speak HTTP; it sent "{shown}"'
