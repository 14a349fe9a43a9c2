"""Hand-written fakes of the ports: they keep the ports' contracts and remember what was asked of them.

`FakeEngine` builds into `FakeCloud`, so that a bucket that an update made is there for a deletion to find. Errors are
scripted by appending them to a list; each is raised once, in the middle of the work, as real ones are.
"""

from __future__ import annotations

from fakes.cloud import ACCOUNT, FakeBucket, FakeCloud
from fakes.cluster import Announcement, FakeCluster
from fakes.engine import Call, Crash, FakeEngine
from fakes.observer import FakeObserver
from fakes.state import FakeState

__all__ = [
    "ACCOUNT",
    "Announcement",
    "Call",
    "Crash",
    "FakeBucket",
    "FakeCloud",
    "FakeCluster",
    "FakeEngine",
    "FakeObserver",
    "FakeState",
]
