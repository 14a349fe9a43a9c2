"""Says whether this machine can have a cluster: `python -m ingestion_local.cluster`, whose exit code is 0 if it can."""

from __future__ import annotations

import sys

from ingestion_local.cluster.packages import missing

if reason := missing():
    sys.exit(f"no one-node cluster here: {reason}")
sys.stdout.write("a one-node cluster can be had here\n")
