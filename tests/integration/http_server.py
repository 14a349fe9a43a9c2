"""Small HTTP servers for tests. One gives every request the same answer. One passes requests on to the emulator and records them."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from ingestion_local.emulator import Emulator

TIMEOUT_SECONDS = 30.0
# These headers are about one connection; each of the two connections has its own.
OF_A_CONNECTION = {"connection", "date", "keep-alive", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Request:
    """A client's request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """The server's answer. A `Content-Length` is added if it has none."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """Serve on a free port of loopback; the value is the server's URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found = answer(Request(self.command, self.path, dict(self.headers), body))
            self.send_response(found.status)
            for name, value in {"Content-Length": str(len(found.body)), **found.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(found.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = respond  # noqa: N815 - the base class looks for these

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def always(status: int, body: str) -> Iterator[str]:
    """A server that gives every request this answer."""
    found = Answer(status, {"Content-Type": "application/json"}, body.encode())
    with serving(lambda _: found) as url:
        yield url


@dataclass
class Recorder:
    """A server at `url` that hands each request on to the emulator, and the requests that came so far."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def paths(self, method: str) -> list[str]:
        """The paths of the requests with this method, in their order."""
        return [urlsplit(request.path).path for request in self.requests if request.method == method]


@contextmanager
def recording(emulator: Emulator) -> Iterator[Recorder]:
    """Stand between a client and the emulator. The client must use keys whose signature the emulator does not check."""
    recorder = Recorder()

    def hand_on(request: Request) -> Answer:
        recorder.requests.append(request)
        return handed_on(emulator, request)

    with serving(hand_on) as recorder.url:
        yield recorder


def handed_on(emulator: Emulator, request: Request) -> Answer:
    """The emulator's answer."""
    trust = ssl.create_default_context(cafile=str(emulator.certificate))
    there = http.client.HTTPSConnection(urlsplit(emulator.endpoint).netloc, timeout=TIMEOUT_SECONDS, context=trust)
    try:
        there.request(request.method, request.path, request.body, dict(request.headers))
        found = there.getresponse()
        headers = {name: value for name, value in found.getheaders() if name.lower() not in OF_A_CONNECTION}
        return Answer(found.status, headers, found.read())
    finally:
        there.close()
