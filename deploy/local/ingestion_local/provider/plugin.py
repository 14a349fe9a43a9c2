"""The plugin: prints its port, then serves until the engine cancels it or goes away."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import signal
import stat
import sys
import threading
import types
from concurrent import futures
from pathlib import Path

WORKERS = 32
GARBAGE_THRESHOLD = 100_000
# Running calls end at a cancellation, as those of the real provider do. Their answers still have to reach the engine.
FINISH_SECONDS = 10.0
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def _light_pulumi() -> None:
    """Let `pulumi.runtime.proto` be imported without the rest of the SDK, which takes most of the start-up time."""
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pulumi is not installed")
    root = Path(next(iter(spec.submodule_search_locations)))
    for name, path in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        module = types.ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module


def _stop_with_parent(stopped: threading.Event) -> None:
    """Stop when the engine has ended, however it ended. It holds the other end of standard input, and never writes."""
    if not stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        return

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        stopped.set()

    threading.Thread(target=watch, daemon=True, name="parent").start()


def load() -> None:
    """Import what serving needs. A second call costs nothing."""
    # Start-up makes many objects that stay. Collecting garbage among them would take a tenth of the start-up time.
    gc.set_threshold(GARBAGE_THRESHOLD)
    if "pulumi" not in sys.modules:
        _light_pulumi()
    importlib.import_module("ingestion_local.provider.server")


def serve(version: str) -> None:
    """Serve. The engine reads the port from the first line of standard output."""
    load()
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from ingestion_local.provider.server import StandIn

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    _stop_with_parent(stopped)
    server = grpc.server(futures.ThreadPoolExecutor(WORKERS), options=UNLIMITED)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandIn(version, stopped), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # This loads while the engine still asks for other things.
    threading.Thread(target=lambda: __import__("botocore.session"), daemon=True, name="botocore").start()
    stopped.wait()
    server.stop(grace=FINISH_SECONDS).wait()
