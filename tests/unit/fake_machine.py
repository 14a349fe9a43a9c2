"""A machine whose programs are fakes. Each fake logs its calls and prints a prepared answer."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# A fake's files are beside it, because some callers do not pass their environment on. With several answers, each call gets the
# next one, and later calls get the last one. Without an answer, `exec` may run its command on this machine.
FAKE = """#!{python}
import json, os, pathlib, sys
program = pathlib.Path(sys.argv[0])
name, *arguments = program.name, *sys.argv[1:]
told = json.loads((program.parent / ".told").read_text())
text = sys.stdin.read() if "-" in arguments or "--stdin" in arguments else ""
with (program.parent / ".stdin").open("a") as log:
    log.write(text)
with (program.parent / ".log").open("a+") as log:
    log.seek(0)
    earlier = [" ".join(json.loads(line)) for line in log]
    log.write(json.dumps([name, *arguments]) + "\\n")
line = " ".join([name, *arguments])
if line == told["failure"]:
    sys.exit("it is broken")
for beginning, answers in told["answers"].items():
    if line.startswith(beginning):
        seen = sum(other.startswith(beginning) for other in earlier)
        print(answers[min(seen, len(answers) - 1)])
        sys.exit()
if told["executes"] and arguments[:1] == ["exec"]:
    os.execvpe(arguments[2], arguments[2:], {{**os.environ, "PATH": "/usr/bin:/bin"}})
"""


@dataclass(frozen=True)
class FakeMachine:
    """A machine on which every program except Python is a fake. The fakes are in `bin`."""

    bin: Path

    def put(self, *names: str) -> None:
        """Install fakes with these names."""
        for name in names:
            (self.bin / name).write_text(FAKE.format(python=sys.executable))
            (self.bin / name).chmod(0o755)

    def tell(self, answers: Mapping[str, str | Sequence[str]], *, failure: str = "", executes: bool = False) -> None:
        """Prepare the answers by the beginning of the command, the command that fails, and whether `exec` really runs commands."""
        several = {
            beginning: [found] if isinstance(found, str) else list(found) for beginning, found in answers.items()
        }
        told = {"answers": several, "failure": failure, "executes": executes}
        (self.bin / ".told").write_text(json.dumps(told))

    def forget(self) -> None:
        """Forget the commands so far."""
        (self.bin / ".log").unlink(missing_ok=True)

    @property
    def commands(self) -> list[list[str]]:
        """The commands so far, without those that only ask for a version. Temporary files are called FILE."""
        log = self.bin / ".log"
        lines = log.read_text().splitlines() if log.exists() else []
        found = [json.loads(re.sub(r"/[\w/.-]*/tmp\w+", "FILE", line)) for line in lines]
        return [command for command in found if command[1] not in ("version", "info", "rev-parse")]

    @property
    def standard_inputs(self) -> str:
        """Everything that the fakes read from standard input."""
        return (self.bin / ".stdin").read_text()
