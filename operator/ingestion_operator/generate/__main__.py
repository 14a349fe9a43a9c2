"""Writes the files that are generated from the models. With `--check` it only reports which of them are out of date.

`python -m ingestion_operator.generate [--check]`, run from the root of the repository.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ingestion_operator.generate import crd
from ingestion_operator.generate.chart import chart_files
from ingestion_operator.generate.pages import api_reference, metrics_reference, settings_reference


def generated() -> dict[Path, str]:
    """Path and content of every generated file."""
    return {
        **{Path("crds") / resource.file_name: crd.to_yaml(resource) for resource in crd.CUSTOM_RESOURCES},
        Path("docs/api-reference.md"): api_reference(crd.PIPELINE),
        Path("docs/account-reference.md"): api_reference(crd.ACCOUNT),
        Path("docs/settings.md"): settings_reference(),
        **chart_files(),
        Path("docs/metrics.md"): metrics_reference(),
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` only compare them. Returns the exit code."""
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path} is out of date: run `make generate`\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(generated()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
