"""The plugin process: prints its port, then serves until the engine cancels it or goes away."""

from __future__ import annotations

import importlib.util
import signal
import sys
import threading
import types
from concurrent import futures
from pathlib import Path


def _light_pulumi() -> None:
    """Let `pulumi.runtime.proto` be imported without the SDK around it, which takes most of the start-up time."""
    found = importlib.util.find_spec("pulumi")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pulumi is not installed")
    root = Path(next(iter(found.submodule_search_locations)))
    for name, path in (("pulumi", root), ("pulumi.runtime", root / "runtime")):
        module = types.ModuleType(name)
        module.__path__ = [str(path)]
        sys.modules[name] = module


def main(version: str) -> None:
    """Serve. The engine reads the port from the first line of standard output."""
    _light_pulumi()
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from ingestion_local.provider.server import StandIn

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    server = grpc.server(futures.ThreadPoolExecutor(16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandIn(version, stopped), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # Loaded while the engine still talks about other things.
    threading.Thread(target=lambda: __import__("botocore.session"), daemon=True).start()
    stopped.wait()
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "0.0.0")
