"""Progress, results and errors from the engine's event stream, so that the operator needs no second process."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Sequence

from pulumi.automation.events import DiagnosticEvent, EngineEvent, OpType, StepEventMetadata

from ingestion_operator.model.status import AwsResource, Changes
from ingestion_operator.ports.engine import EngineResult, OnProgress, Progress

CREATES = {OpType.CREATE, OpType.CREATE_REPLACEMENT, OpType.IMPORT}
UPDATES = {OpType.UPDATE}
DELETES = {OpType.DELETE}
SAMES = {OpType.SAME}
COUNTED = CREATES | UPDATES | DELETES | SAMES
# Hiding a shorter secret would also hide parts of unrelated words, and would thereby reveal the secret.
SHORTEST_HIDDEN = 4
FIRST_EVENT_SECONDS, LAST_EVENT_SECONDS = 0.5, 4.5
COLOUR = re.compile(r"<\{%[^%]*%\}>")


class EventCollector:
    """Gathers the events of one operation. Called from the Automation API's own thread."""

    def __init__(self, total: int, on_progress: OnProgress, secrets: Sequence[str] = ()) -> None:
        written = {text for secret in secrets for text in _ways_to_write(secret) if len(text) >= SHORTEST_HIDDEN}
        # The longest first: if a secret is part of a longer one, hiding it first would leave the rest of the longer one readable.
        self._secrets = tuple(sorted(written, key=len, reverse=True))
        self._on_progress = on_progress
        self._total = total
        self._steps: dict[str, tuple[OpType, AwsResource]] = {}
        self._diagnostics: list[DiagnosticEvent] = []
        self._begun = False
        self._finished = threading.Event()

    def __call__(self, event: EngineEvent) -> None:
        """Receive one event."""
        self._begun = True
        if event.res_outputs_event is not None:
            self._step(event.res_outputs_event.metadata)
        elif event.diagnostic_event is not None:
            self._diagnostics.append(event.diagnostic_event)
        elif event.cancel_event is not None:
            self._finished.set()

    def without_end(self, event: EngineEvent) -> None:
        """Receive one event of a process after which another one follows."""
        if event.cancel_event is None:
            self(event)

    @property
    def begun(self) -> bool:
        """Whether the engine sent an event. It sends none before it has the stack's lock (pulumi's pkg/backend/diy/backend.go)."""
        return self._begun

    def wait(self) -> None:
        """Wait for the last event: the process may end a moment before all of its events have arrived.

        An engine that could not begin, because it lacks the state or its passphrase, sends no event.
        """
        if not self._finished.wait(FIRST_EVENT_SECONDS) and self._begun:
            self._finished.wait(LAST_EVENT_SECONDS)

    def result(self, cli_processes: int, broken_lock: str = "") -> EngineResult:
        """What the operation did, in the order in which it did it."""
        steps = self._steps.items()
        return EngineResult(
            changes=Changes(
                create=self._count(CREATES),
                update=self._count(UPDATES),
                delete=self._count(DELETES),
                same=self._count(SAMES),
            ),
            resources=tuple(sorted((r for _, (op, r) in steps if op not in DELETES), key=lambda r: r.name)),
            changed=tuple(name for name, (op, _) in steps if op not in SAMES),
            cli_processes=cli_processes,
            broken_lock=broken_lock,
        )

    def errors(self) -> tuple[str, ...]:
        """The messages of severity error, each once, with the name of the resource that each is about."""
        errors = (d for d in self._diagnostics if d.severity == "error")
        return tuple(dict.fromkeys(filter(None, (self.hidden(_message(d)) for d in errors))))

    def hidden(self, text: str) -> str:
        """The text without the secrets of this operation: an error of AWS may repeat the value that it rejects."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text

    def _step(self, step: StepEventMetadata) -> None:
        if not step.type.startswith("aws:") or step.op not in COUNTED:
            return
        name = step.urn.rpartition("::")[2]
        before = self._steps.get(name)
        # A replacement is a deletion and a creation under one name. The creation describes the resource that exists now.
        if before is None or step.op not in DELETES:
            self._steps[name] = (step.op, _resource(name, step))
        self._on_progress(Progress(min(len(self._steps), self._total), self._total))

    def _count(self, ops: Iterable[OpType]) -> int:
        return sum(1 for op, _ in self._steps.values() if op in ops)


def _ways_to_write(secret: str) -> tuple[str, ...]:
    """The forms in which a message may contain a value: as it is, in JSON, in Python, or one of its lines."""
    return (
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        *secret.split("\n"),
    )


def _resource(name: str, step: StepEventMetadata) -> AwsResource:
    state = step.new or step.old
    outputs = (state.outputs if state else None) or {}
    return AwsResource(
        name=name, type=step.type, id=(state.id if state else "") or "", arn=str(outputs.get("arn") or "")
    )


def _message(diagnostic: DiagnosticEvent) -> str:
    text = COLOUR.sub("", diagnostic.message or "").strip()
    name = (diagnostic.urn or "").rpartition("::")[2]
    noise = text.startswith(("update failed", "resource operation failed")) or not text
    return "" if noise else f"{name}: {text}" if name else text
