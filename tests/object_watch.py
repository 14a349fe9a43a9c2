"""A watch as the API server sends it: each version of each object, byte by byte."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.exceptions import HTTPError

END_SECONDS = 10.0


@contextmanager
def watching(listing: Callable[..., Any], on_line: Callable[[bytes], Any]) -> Iterator[None]:
    """Call `on_line` with each event, one JSON document, from now until the block ends.

    `listing`: a list method of the Kubernetes client, with its arguments bound. It begins with the objects that exist already.
    """
    answer = listing(watch=True, _preload_content=False)
    ended = threading.Event()
    thread = threading.Thread(target=_read, args=(answer, on_line, ended), daemon=True, name="watch")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        answer.shutdown()
        thread.join(END_SECONDS)


def _read(answer: Any, on_line: Callable[[bytes], Any], ended: threading.Event) -> None:
    rest = b""
    try:
        for piece in answer.stream():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                on_line(line)
    except (HTTPError, OSError, ValueError):
        if not ended.is_set():
            raise
