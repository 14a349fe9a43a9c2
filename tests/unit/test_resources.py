"""Values that nobody may see are in no text that Python makes from them."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from builders import EVERYTHING, SECRETS, TOKEN, make_blueprint
from ingestion_operator.blueprint.resources import Resource, Sensitive

VALUE = "s3cr3t-value"
FULL = make_blueprint(secrets=SECRETS, **EVERYTHING)


def _raised(value: Any) -> str:
    try:
        raise ValueError(value)  # noqa: TRY301 - it is the traceback that is wanted
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def _logged(value: Any) -> str:
    return logging.Formatter().format(logging.LogRecord("x", logging.INFO, "", 1, "%s %r", (value, value), None))


TEXTS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda value: f"{value} {value!r}",
    "JSON": lambda value: json.dumps({"a": [value]}, default=repr),
    "a traceback with its variables": _raised,
    "a log record": _logged,
}


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(SECRETS[TOKEN], id="the value"),
        pytest.param({"environment": {"variables": {"TOKEN": SECRETS[TOKEN]}}}, id="inputs"),
        pytest.param(Resource("f", "t", {"environment": SECRETS[TOKEN]}), id="a resource"),
        pytest.param(FULL, id="a blueprint"),
    ],
)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_that_is_made_of_it_shows_a_sensitive_value(holder: Any, text: Callable[[Any], str]) -> None:
    assert VALUE not in text(holder)


def test_what_can_be_seen_is_which_version_it_is() -> None:
    assert "api/uid/1/token" in repr(SECRETS[TOKEN])
    assert Sensitive("a", "v") != Sensitive("b", "v"), "it is still a value"


def test_the_outputs_hold_no_sensitive_value() -> None:
    assert VALUE not in FULL.outputs.model_dump_json()
    assert VALUE in FULL.secrets
