"""Every message of the engine hides a secret's value, in whatever form AWS writes it."""

from __future__ import annotations

import pytest
from pulumi import automation
from pulumi.automation.events import EngineEvent

from ingestion_operator.adapters.pulumi.events import EventCollector
from ingestion_operator.adapters.pulumi.failures import translate
from ingestion_operator.errors import AccessDenied, PipelineError, UpdateFailed

VALUE = "hunter2-hunter2"
LINES = 'first "line"\nsecond line\n'


def collector(*secrets: str) -> EventCollector:
    return EventCollector(1, lambda _: None, secrets)


def diagnostic(message: str) -> EngineEvent:
    event = {"message": message, "color": "never", "severity": "error", "urn": "urn:pulumi:s::p::t::function"}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": event})


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        pytest.param([VALUE], f"bad value {VALUE}!", "bad value [secret]!", id="as it is"),
        pytest.param([VALUE], f"{VALUE} and {VALUE}", "[secret] and [secret]", id="each time"),
        pytest.param(["abcd", "abcdefgh"], "x abcdefgh", "x [secret]", id="one that begins like another"),
        pytest.param(["abcdefgh", "cdef"], "x abcdefgh cdef", "x [secret] [secret]", id="one inside of another"),
        pytest.param([LINES], LINES, "[secret]", id="several lines"),
        pytest.param([LINES], '{"T": "first \\"line\\"\\nsecond line\\n"}', '{"T": "[secret]"}', id="in JSON"),
        pytest.param([LINES], "got 'first \"line\"\\nsecond line\\n'", "got '[secret]'", id="in Python"),
        pytest.param([LINES], "at second line", "at [secret]", id="one line of it"),
        pytest.param(["pässwörd"], '"p\\u00e4ssw\\u00f6rd" pässwörd', '"[secret]" [secret]', id="escaped letters"),
        pytest.param(["no"], "no, not now", "no, not now", id="too short to be told from a word"),
        pytest.param([], "nothing", "nothing", id="no secret"),
    ],
)
def test_a_value_is_hidden_however_it_is_written(secrets: list[str], text: str, expected: str) -> None:
    assert collector(*secrets).hidden(text) == expected


def failure(found: EventCollector, stderr: str) -> PipelineError:
    with pytest.raises(PipelineError) as raised, translate(found):
        raise automation.CommandError(automation.CommandResult(stdout="", stderr=stderr, code=255))
    return raised.value


def test_a_diagnostic_that_repeats_the_value_does_not_show_it() -> None:
    found = collector(VALUE)
    found(diagnostic(f"InvalidParameterValueException: {VALUE} is not allowed"))
    error = failure(found, "")
    assert str(error) == "function: InvalidParameterValueException: [secret] is not allowed"
    assert isinstance(error, UpdateFailed)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_what_the_process_printed_does_not_show_it_even_when_it_is_put_on_one_line() -> None:
    error = failure(collector(LINES), f"error: AccessDenied:\n{LINES}\nno")
    assert str(error).startswith("error: AccessDenied: [secret] no")
    assert isinstance(error, AccessDenied)
