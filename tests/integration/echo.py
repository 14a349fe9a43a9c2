"""The emulator behind a gate that refuses new functions, and repeats their environment as AWS does.

Source of the message: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, for variables above 4 KB.
"""

from __future__ import annotations

import json
import ssl
import threading
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ingestion_local.emulator import Emulator
from ingestion_local.lifecycle import Startable

FUNCTIONS = "/2015-03-31/functions"
# Headers that belong to one connection and are not passed on.
OWN = {"connection", "transfer-encoding", "keep-alive", "content-length", "host"}


class Echo(Startable):
    """Passes everything on to the emulator, but refuses the creation of a function."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.repeated: list[str] = []
        self._emulator = emulator
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def endpoint(self) -> str:
        """URL of the gate."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def refusal(self, body: bytes) -> bytes:
        """AWS's answer to an environment that it refuses."""
        measured = json.dumps(json.loads(body)["Environment"]["Variables"])
        self.repeated.append(measured)
        message = f"Lambda was unable to configure your environment variables. String measured: {measured}"
        return json.dumps({"Type": "User", "message": message}).encode()

    def handed_on(
        self, verb: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """The emulator's own answer."""
        there = urlsplit(self._emulator.endpoint)
        trust = ssl.create_default_context(cafile=str(self._emulator.certificate))
        connection = HTTPSConnection(there.hostname or "", there.port, context=trust, timeout=60)
        try:
            connection.request(verb, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _start(self) -> None:
        self._started.enter_context(self._server)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._started.callback(self._server.shutdown)


def _handler(echo: Echo) -> type[BaseHTTPRequestHandler]:
    class Gate(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "POST" and self.path.rstrip("/") == FUNCTIONS:
                self.answer(400, {"x-amzn-ErrorType": "InvalidParameterValueException"}, echo.refusal(body))
            else:
                given = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
                self.answer(*echo.handed_on(self.command, self.path, given, body))

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in OWN:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Gate
