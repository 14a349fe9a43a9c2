"""The plugin as a process of its own, or the server that forks plugins: `python -m ingestion_local.provider VERSION | --serve`."""

from __future__ import annotations

import sys

from ingestion_local.provider import fork_server, plugin
from ingestion_local.provider.launcher import SERVE

if __name__ == "__main__":
    if sys.argv[1] == SERVE:
        fork_server.run(sys.argv[2])
    else:
        plugin.serve(sys.argv[1])
