"""A proxy on loopback that passes requests on, and breaks those that its rules name. It also passes on watches as they come."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from faults.actions import DELAY_SECONDS, DOES_IT, Action, Refusal, Rules
from faults.operations import Request

TIMEOUT_SECONDS = 3600.0
PIECE_BYTES = 65536
# Each of the two connections has its own, and the server answers `Expect` itself.
OF_A_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "te", "upgrade"})


@dataclass
class Proxy:
    """A running proxy. `behind` is the URL of the server, which a test may change when the server moves."""

    behind: str
    trust: ssl.SSLContext
    refusal: Callable[[Any, Request], Refusal]
    url: str = ""
    rules: Rules = field(default_factory=Rules)
    _open: set[http.client.HTTPConnection] = field(default_factory=set)

    def drop_connections(self) -> None:
        """End every answer that is on its way, for example all watches."""
        for connection in tuple(self._open):
            if connection.sock is not None:
                _shut(connection.sock)

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        """A connection to the server. Raises OSError."""
        address = urlsplit(self.behind).netloc
        made = http.client.HTTPSConnection(address, timeout=TIMEOUT_SECONDS, context=self.trust)
        self._open.add(made)
        try:
            yield made
        finally:
            self._open.discard(made)
            made.close()


@contextmanager
def proxy_before(
    behind: str, *, trusting: Path, certificate: Path, key: Path, refusal: Callable[[Any, Request], Refusal]
) -> Iterator[Proxy]:
    """Serve at a free port with this certificate, before the server at `behind`, whose authority is `trusting`."""
    proxy = Proxy(behind, ssl.create_default_context(cafile=str(trusting)), refusal)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(certificate, key)
    with _Server(("127.0.0.1", 0), _handler_of(proxy)) as server:
        server.socket = shown.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, daemon=True, name="proxy")
        thread.start()
        proxy.url = f"https://127.0.0.1:{server.server_address[1]}"
        try:
            yield proxy
        finally:
            server.shutdown()
            proxy.drop_connections()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Say nothing about a client that goes away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def respond(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(headers))
        action = self.proxy.rules.applied_to(request)
        if action in DOES_IT:
            self._do_and(action, request)
        elif action is Action.CUT:
            self._cut()
        elif action is not None:
            self._refuse(self.proxy.refusal(action, request))
        else:
            self._pass_on(request)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = respond  # noqa: N815 - the base class looks for these

    def _do_and(self, action: Any, request: Request) -> None:
        if action is Action.DELAY:
            threading.Event().wait(DELAY_SECONDS)
            self._pass_on(request)
            return
        with self.proxy.connection() as there:
            _ask(there, request).read()
        if action is Action.CUT_AFTER:
            self._cut()
        else:
            self._refuse(self.proxy.refusal(Action.FAIL_AFTER, request))

    def _pass_on(self, request: Request) -> None:
        with self.proxy.connection() as there:
            try:
                answer = _ask(there, request)
            except (OSError, http.client.HTTPException):
                self._cut()
                return
            self._answer(request, answer)

    def _answer(self, request: Request, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in OF_A_CONNECTION:
                self.send_header(name, value)
        bodyless = request.method == "HEAD" or answer.status in (204, 304)
        chunked = answer.getheader("Content-Length") is None and not bodyless
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while not bodyless and (piece := answer.read1(PIECE_BYTES)):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            self._cut()  # a half answer must not look whole
            return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _refuse(self, refusal: Refusal) -> None:
        self.send_response(refusal.status)
        self.send_header("Content-Type", refusal.content_type)
        self.send_header("Content-Length", str(len(refusal.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(refusal.body)

    def _cut(self) -> None:
        self.close_connection = True
        _shut(self.connection)

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(headers.get("content-length", 0)))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().partition(b";")[0], 16)
        content = self.rfile.read(size)
        self.rfile.readline()
        return content

    def log_message(self, *_: object) -> None:
        """The rules remember the requests."""


def _shut(connection: socket.socket) -> None:
    """End a connection. To close it would do nothing while another thread reads from it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _ask(there: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
    headers = {
        name: value for name, value in request.headers.items() if name not in OF_A_CONNECTION | {"content-length"}
    }
    if request.body or request.method in ("PUT", "POST", "PATCH"):
        headers["content-length"] = str(len(request.body))
    there.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        there.putheader(name, value)
    there.endheaders(request.body or None)
    return there.getresponse()


def _handler_of(proxy: Proxy) -> type[_Handler]:
    return type("Handler", (_Handler,), {"proxy": proxy})
