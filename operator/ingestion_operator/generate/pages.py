"""The reference pages for users, generated from the models."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from ingestion_operator import metrics
from ingestion_operator.generate.crd import PIPELINE, CustomResource, schema_of
from ingestion_operator.model.pipeline import GROUP, VERSION
from ingestion_operator.settings import Settings

METRICS_PAGE = """\
# Metrics and probes

`INGESTION_METRICS_ADDRESS` (default `127.0.0.1:9090`, for a pod `0.0.0.0:9090`) serves `/metrics`
in Prometheus' format, and `/readyz`. `INGESTION_LIVENESS_ADDRESS` serves `/healthz`.

- `/readyz` returns 200 if the operator has started, Kubernetes answers and has the CRD, and AWS
  accepts the operator's credentials now. Otherwise it returns 503, and the text says what is wrong.
- `/healthz` returns 200 while the operator's event loop and workers run and no work hangs. Work
  hangs when an operation has run for more than twice its time limit
  (`spec.reconcile.timeoutSeconds`) plus 15 minutes, when a check without an operation takes more
  than 15 minutes, or when a free worker leaves a due pipeline waiting for a minute. Kubernetes then
  restarts the operator, and the new process resumes the operation.

The chart `deploy/helm/ingestion-operator/` has a [Grafana
dashboard](../deploy/helm/ingestion-operator/dashboards/ingestion-operator.json) and
[alerts](../deploy/helm/ingestion-operator/alerts/alerts.yaml). No metric has a pipeline's name as a
label, so the number of series does not grow with the number of pipelines. To see which pipeline it
is, use `kubectl get ipl --all-namespaces` or the log.

With `INGESTION_LOG_FORMAT=json`, each log line about a pipeline has the fields `namespace`, `name`
and `generation`. If they are known, it also has `operation`, `operationId`, `reason` and
`durationSeconds`.
"""
NOTICE = "<!-- Made from the models by `make generate`; do not edit. -->\n"
PIPELINE_NOTE = "Short name `ipl`, category `ingestion`. The same text is in `kubectl explain ipl.spec`."
ACCOUNT_NOTE = (
    "Cluster-scoped, for administrators: [how to give a team an account](accounts.md). The same text is in "
    "`kubectl explain awsaccount.spec`."
)
SETTINGS_NOTE = (
    "The operator reads its settings from environment variables. The AWS SDK reads the credentials and the endpoint of "
    "AWS from its own variables (`AWS_ROLE_ARN`, `AWS_ENDPOINT_URL`, ...)."
)
WIDTH = 100  # of a line of prose, as `make lint` checks it


def api_reference(resource: CustomResource) -> str:
    """The page of a custom resource: every field with its type, default and bounds."""
    parts = [
        NOTICE,
        f"# API reference: `{GROUP}/{VERSION}`, kind `{resource.kind}`\n",
        _paragraph(PIPELINE_NOTE if resource is PIPELINE else ACCOUNT_NOTE),
        "## spec\n",
        _table(schema_of(resource.spec)),
        "### What admission refuses\n",
        "\n".join(f"- {message}" for message in dict.fromkeys(_messages(schema_of(resource.spec)))) + "\n",
        "## status\n",
        _table(schema_of(resource.status)),
    ]
    return "\n".join(parts)


def settings_reference() -> str:
    """Every setting of the operator."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = getattr(field.default, "value", field.default)
        rows.append(f"| `INGESTION_{name.upper()}` | `{default}` | {_one_line(field.description or '')} |")
    return "\n".join(
        [
            NOTICE,
            "# Settings of the operator\n",
            _paragraph(SETTINGS_NOTE),
            *rows,
            "",
        ]
    )


def metrics_reference() -> str:
    """Every metric, and how to read the metrics."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in metrics.ALL:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.name}` | {metric.type.value} | {labels} | {_one_line(metric.meaning)} |")
    return "\n".join([NOTICE, METRICS_PAGE, *rows, ""])


def _table(schema: dict[str, Any]) -> str:
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{path}` | {_type(node)} | {_default(node)} | {_one_line(_meaning(node))} |"
        for path, node in _fields(schema, "")
    ]
    return "\n".join(rows) + "\n"


def _fields(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, node in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, node
        inner = node.get("items", node)
        yield from _fields(inner, f"{path}[]." if "items" in node else f"{path}.")


def _type(node: dict[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    kind = str(node.get("type", ""))
    return f"list of {_type(node['items'])}" if kind == "array" else kind


def _default(node: dict[str, Any]) -> str:
    scalar = "default" in node and node.get("type") not in ("object", "array")
    return f"`{node['default']!r}`".replace("'", '"') if scalar else ""


def _meaning(node: dict[str, Any]) -> str:
    words = [node.get("description", "")]
    if "minimum" in node or "maximum" in node:
        words.append(f"From {node.get('minimum', '')} to {node.get('maximum', '')}.")
    return " ".join(filter(None, words))


def _messages(schema: dict[str, Any]) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", []):
        yield rule["message"]
    for node in schema.get("properties", {}).values():
        yield from _messages(node.get("items", node))


def _paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
