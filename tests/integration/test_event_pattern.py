"""The rows of event patterns agree with EventBridge's own matching, which is the emulator's TestEventPattern."""

from __future__ import annotations

import json

import pytest

from ingestion_local.emulator import Emulator
from ingestion_operator.blueprint.resources import as_json
from pattern_rows import ROWS, Row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_eventbridge_lets_through_what_the_filter_says(emulator: Emulator, row: Row) -> None:
    answer = emulator.client("events").test_event_pattern(
        EventPattern=as_json(row.pattern), Event=json.dumps(row.event)
    )
    assert answer["Result"] is row.expected
