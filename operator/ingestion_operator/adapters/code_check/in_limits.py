"""Runs as a script: limits its own process, and then becomes the command that its arguments name.

The limits are set here and not by `preexec_fn`, because code between fork and exec may deadlock in a process with threads
(https://docs.python.org/3/library/subprocess.html). The script imports nothing but the standard library.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

CPU_SECONDS = 2
MEMORY_BYTES = 384 << 20
"""A text of 1 MiB needs 250 MiB, at most."""
OUTPUT_BYTES = 64 << 10


def limit() -> None:
    """Limit the CPU time, the memory and the size of written files of this process and of those that it becomes."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Python ignores this signal, and a process inherits that. A command that writes too much has to end.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


if __name__ == "__main__":
    limit()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command is the checker's own
