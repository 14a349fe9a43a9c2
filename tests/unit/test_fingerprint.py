"""The fingerprints of a few pipelines, to the letter.

A fingerprint is stored in the status of every pipeline and hashes the `repr` of `Ref`, `Archive` and `Sensitive`. Whoever
renames one of them, or one of their fields, makes an upgrade of the operator update every pipeline once. That has to be
wanted: these literals change only with what a pipeline is in AWS.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import EVERYTHING, SECRETS, make_blueprint
from ingestion_operator.blueprint.access import Access
from ingestion_operator.blueprint.resources import Blueprint

PLAIN = make_blueprint()
FULL = make_blueprint(secrets=SECRETS, **EVERYTHING)
ASSUMED = replace(PLAIN, access=Access("prod", "arn:aws:iam::123456789012:role/ingestion", "id-1", {"team": "search"}))


@pytest.mark.parametrize(
    ("blueprint", "fingerprint"),
    [
        pytest.param(PLAIN, "f8659d3b09a7d27acc4264f24e38d553021f435889927828373a968cb0d80eae", id="the shortest spec"),
        pytest.param(
            FULL, "a5c3b32a94ce52f9e6da08ce724242bdafc73d7d4e098f761fae14ab27f26fd4", id="a spec with every resource"
        ),
        pytest.param(
            ASSUMED,
            "20f853c81373e508341d4cd064262f0f44fa6d0cfe02d669f1cc4c2ffb5074c3",
            id="built with the role of an account",
        ),
    ],
)
def test_a_pipeline_has_the_fingerprint_that_earlier_versions_stored(blueprint: Blueprint, fingerprint: str) -> None:
    assert blueprint.fingerprint == fingerprint
