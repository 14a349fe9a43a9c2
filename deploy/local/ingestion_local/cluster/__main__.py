"""`python -m ingestion_local.cluster` says whether a one-node cluster can run here. The exit code is 0 if it can."""

from __future__ import annotations

import sys

from ingestion_local.cluster.packages import missing

if reason := missing():
    sys.exit(f"a one-node cluster cannot run on this machine: {reason}")
sys.stdout.write("a one-node cluster can run on this machine\n")
