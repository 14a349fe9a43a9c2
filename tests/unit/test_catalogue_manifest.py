"""The catalogue sample: its manifest holds its code and asks for the table that the code writes."""

from __future__ import annotations

from typing import Any

import yaml

from unit.catalogue_sample import MODULES, SAMPLE, table

CODE = {f"{name}.py" for name in MODULES} - {"search.py"}


def manifests() -> dict[str, dict[str, Any]]:
    return {m["kind"]: m for m in yaml.safe_load_all((SAMPLE / "pipeline.yaml").read_text())}


def test_the_config_map_holds_the_code_word_for_word() -> None:
    assert manifests()["ConfigMap"]["data"] == {name: (SAMPLE / name).read_text() for name in CODE}, (
        "the code has changed: renew its copy in pipeline.yaml as samples/catalogue/README.md says"
    )


def test_the_manifest_asks_for_the_keys_that_the_code_writes() -> None:
    found = manifests()
    spec = found["IngestionPipeline"]["spec"]
    assert spec["results"]["table"] == {"partitionKey": table.PARTITION_KEY, "sortKey": table.SORT_KEY}
    assert spec["processor"]["code"]["configMapRef"]["name"] == found["ConfigMap"]["metadata"]["name"]
