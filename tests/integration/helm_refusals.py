"""Values that the chart refuses, and its messages about them."""

from __future__ import annotations

from typing import Any

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a name that is not there": ({"replicas": 2}, "additional properties 'replicas' not allowed"),
    "a name that is not there, deeper": (
        {"image": {"name": "x"}},
        "at '/image': additional properties 'name' not allowed",
    ),
    "a number as text": ({"settings": {"workers": "4"}}, "at '/settings/workers': got string, want integer"),
    "too many workers": ({"settings": {"workers": 65}}, "at '/settings/workers': maximum: got 65, want 64"),
    "a setting that there is not": (
        {"settings": {"nope": 1}},
        "at '/settings': additional properties 'nope' not allowed",
    ),
    "a setting that has its own value": (
        {"settings": {"namespaces": "team-a"}},
        "at '/settings': additional properties 'namespaces' not allowed",
    ),
    "a format of logs that there is not": (
        {"settings": {"logFormat": "xml"}},
        "at '/settings/logFormat': value must be one of 'text', 'json'",
    ),
    "a boundary that is no policy": (
        {"settings": {"permissionsBoundary": "boundary"}},
        "at '/settings/permissionsBoundary': 'boundary' does not match pattern '^(arn:aws",
    ),
    "an end that interrupts updates": (
        {"terminationGracePeriodSeconds": 30},
        "at '/terminationGracePeriodSeconds': minimum: got 30, want 300",
    ),
    "a role that is no ARN": (
        {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "ingestion-operator"}}},
        "does not match pattern '^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$'",
    ),
    "a digest that is none": ({"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
    "a backend that there is not": (
        {"state": {"backend": "gcs"}},
        "at '/state/backend': value must be one of 'file', 's3'",
    ),
    "S3 without a bucket": (
        {"state": {"backend": "s3"}},
        "state.s3.bucket: name the bucket for Pulumi's state (state.backend is s3)",
    ),
    "a size that is none": ({"state": {"file": {"size": "much"}}}, "at '/state/file/size': 'much' does not match"),
    "a provider of secrets that there is not": ({"state": {"secretsProvider": "vault"}}, "at '/state/secretsProvider'"),
    "one namespace as text": ({"watchNamespaces": "team-a"}, "at '/watchNamespaces': got string, want array"),
    "the same namespace twice": ({"watchNamespaces": ["a", "a"]}, "at '/watchNamespaces': items at 0 and 1 are equal"),
    "a pattern of namespaces": ({"watchNamespaces": ["team-*"]}, "at '/watchNamespaces/0': 'team-*' does not match"),
    "a ServiceAccount that is there, without its name": (
        {"serviceAccount": {"create": False}},
        "serviceAccount.name: name an existing ServiceAccount, or set serviceAccount.create to true",
    ),
    "a monitor without metrics": (
        {"metrics": {"enabled": False, "serviceMonitor": {"enabled": True}}},
        "metrics.serviceMonitor.enabled: there is nothing to scrape, set metrics.enabled to true",
    ),
    "alerts without metrics": (
        {"metrics": {"enabled": False, "prometheusRule": {"enabled": True}}},
        "metrics.prometheusRule.enabled: the alerts need metrics, set metrics.enabled to true",
    ),
    "a setting past the schema": (
        {"extraEnv": [{"name": "INGESTION_WORKERS", "value": "100"}]},
        "extraEnv: INGESTION_WORKERS is a setting of the operator: use `settings` or the value that it belongs to",
    ),
    "a privileged port": ({"probes": {"port": 80}}, "at '/probes/port': minimum: got 80, want 1,024"),
    "a range of addresses that is none": (
        {"networkPolicy": {"aws": {"cidrs": ["aws"]}}},
        "at '/networkPolicy/aws/cidrs/0': 'aws' does not match pattern",
    ),
}
