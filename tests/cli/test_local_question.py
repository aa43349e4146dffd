"""A question at a socket of this machine ends in time, whatever is at the other end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vipkeeper.cli.director_view import NoDirector, ask_director
from vipkeeper.model.director_files import DIRECTOR_SOCKET
from vipkeeper.model.director_messages import Ask


@contextlib.contextmanager
def dripping(path: Path) -> Iterator[None]:
    """It takes the question and says a little, again and again."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        over = threading.Event()

        def drip() -> None:
            client, _ = listening.accept()
            with client, contextlib.suppress(OSError):
                while not over.wait(0.1):
                    client.sendall(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.mark.timeout(60)
def test_an_answer_that_never_ends_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / DIRECTOR_SOCKET
    with dripping(path), pytest.raises(NoDirector, match=r"did not answer within 0\.5 s .* ask again"):
        ask_director(path, Ask("ipvs"), within_s=0.5)


def test_a_director_that_has_no_time_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = tmp_path / DIRECTOR_SOCKET
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.bind(str(path))
        stuck.listen()
        with pytest.raises(NoDirector, match="has no processor time"):
            ask_director(path, Ask("ipvs"), within_s=0.2)
