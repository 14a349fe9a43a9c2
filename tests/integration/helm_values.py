"""Values that people give to the chart: each combination is rendered and shown to a real API server."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ingestion_local.environment import ROOT

ROLE = "arn:aws:iam::123456789012:role/ingestion-operator"
BOUNDARY = "arn:aws:iam::123456789012:policy/ingestion-boundary"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0123abcd-01ab-23cd-45ef-0123456789ab"
DIGEST = "sha256:" + "0123456789abcdef" * 4
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ingestion-operator"

IRSA = {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}}
S3_STATE = {"backend": "s3", "s3": {"bucket": "team-pulumi", "prefix": "prod/", "region": "eu-west-1"}}
TEAMS = {"watchNamespaces": ["team-a", "team-b"]}
MONITORING = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
}
PRODUCTION: dict[str, Any] = {
    **IRSA,
    **TEAMS,
    "image": {"repository": REGISTRY, "digest": DIGEST},
    "clusterId": "prod",
    "settings": {"region": "eu-west-1", "permissionsBoundary": BOUNDARY, "workers": 8, "logFormat": "json"},
    "state": {**S3_STATE, "passphrase": {"existingSecret": "pulumi", "key": "value"}},
    "metrics": MONITORING,
    "podDisruptionBudget": {"enabled": True},
    "priorityClassName": "system-cluster-critical",
    "resources": {"requests": {"cpu": "1", "memory": "5Gi"}, "limits": {"memory": "5Gi"}},
}
MINIMAL: dict[str, Any] = {
    "rbac": {"create": False},
    "serviceAccount": {"create": False, "name": "mine"},
    "networkPolicy": {"enabled": False},
    "metrics": {"enabled": False},
    "state": {"file": {"existingClaim": "state"}, "passphrase": {"existingSecret": "pulumi"}},
    "settings": {"region": "us-east-1"},
}
GOLDEN: dict[str, dict[str, Any]] = {"defaults": {}, "production": PRODUCTION, "minimal": MINIMAL}

# What docs/backup.md says.
(FOLLOWING,) = re.findall(r"^```yml\n(.*?)^```", (ROOT / "docs" / "backup.md").read_text(), re.DOTALL | re.MULTILINE)
PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
        }
    }
}
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "ingestion-operator"}},
}
SECRET_VALUE = {"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": {"secretKeyRef": {"name": "aws", "key": "secret"}}}

COMBINATIONS: dict[str, dict[str, Any]] = {
    **GOLDEN,
    "with the CRD": {"crds": {"install": True}},
    "IRSA": IRSA,
    "image by tag": {"image": {"repository": REGISTRY, "tag": "1.2.3", "pullPolicy": "Always"}},
    "image by digest": {"image": {"repository": REGISTRY, "tag": "1.2.3", "digest": DIGEST}},
    "image from a private registry": {"imagePullSecrets": [{"name": "registry"}]},
    "a short name": {"nameOverride": "ingest"},
    "a full name": {"fullnameOverride": "x"},
    "the longest name": {"fullnameOverride": "n" * 50},
    "labels for all": {"commonLabels": {"team": "platform", "cost-center": "42"}},
    "a ServiceAccount of another name": {"serviceAccount": {"name": "pipelines"}},
    "a ServiceAccount that is there": {"serviceAccount": {"create": False, "name": "mine"}},
    "one namespace": {"watchNamespaces": ["team-a"]},
    "two namespaces": TEAMS,
    "two namespaces and nothing cluster-wide": {
        **TEAMS,
        "clusterId": "c1",
        "accounts": {"enabled": False},
        "rbac": {"userRoles": {"create": False}},
    },
    "two namespaces and their AWSAccounts": {**TEAMS, "clusterId": "c1"},
    "no other accounts": {"accounts": {"enabled": False}},
    "all namespaces with a cluster id": {"clusterId": "c1"},
    "rights given by somebody else": {"rbac": {"create": False}},
    "roles for users are aggregated": {"rbac": {"userRoles": {"aggregate": True}}},
    "state on a class of storage": {
        "state": {"file": {"storageClass": "gp3", "size": "5Gi", "accessModes": ["ReadWriteOncePod"]}}
    },
    "state on a claim that is there": {"state": {"file": {"existingClaim": "state"}}},
    "state in S3": {"state": S3_STATE},
    "state in S3 by the node's region": {"state": {"backend": "s3", "s3": {"bucket": "team-pulumi"}}},
    "state in another store": {
        "state": {
            "backend": "s3",
            "s3": {
                "bucket": "state",
                "parameters": {"endpoint": "minio.storage:9000", "s3ForcePathStyle": True, "disableSSL": "true"},
            },
        },
        "networkPolicy": {"extraEgress": [{"to": [PEER], "ports": [{"port": 9000}]}]},
    },
    "a key of KMS": {"state": {**S3_STATE, "secretsProvider": "awskms://alias/pulumi?region=eu-west-1"}},
    "a key of KMS for state on a volume": {"state": {"secretsProvider": f"awskms:///{KEY}?region=eu-west-1"}},
    "a passphrase that is there": {"state": {"passphrase": {"existingSecret": "pulumi", "key": "a.b_c"}}},
    "settings": {
        "settings": {
            "region": "eu-west-1",
            "workers": 64,
            "retryCapSeconds": 1000000,
            "pollSeconds": 0.5,
            "s3PathStyle": True,
            "logLevel": "DEBUG",
        }
    },
    "no metrics": {"metrics": {"enabled": False}},
    "everything watched": {"metrics": MONITORING},
    "rules of one's own": {
        "metrics": {
            "prometheusRule": {
                "enabled": True,
                "extraGroups": [{"name": "mine", "rules": [{"alert": "A", "expr": "vector(1)"}]}],
            }
        }
    },
    "other ports": {"metrics": {"port": 19090}, "probes": {"port": 18080}},
    "patient probes": {"probes": {"startup": {"failureThreshold": 300}, "liveness": {"initialDelaySeconds": 30}}},
    "no drain disturbs it": {"podDisruptionBudget": {"enabled": True, "maxUnavailable": 0}},
    "no network policy": {"networkPolicy": {"enabled": False}},
    "a strict network policy": {
        "networkPolicy": {
            "dnsPeers": [PEER],
            "apiServer": {"cidrs": ["10.100.0.1/32"], "ports": [443]},
            "aws": {"cidrs": ["10.0.0.0/8", "fd00::/8"]},
            "podIdentity": False,
            "metricsPeers": [PEER],
        }
    },
    "the node's role": {"networkPolicy": {"instanceMetadata": True}},
    "placement": {
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": AFFINITY,
        "topologySpreadConstraints": [SPREAD],
        "priorityClassName": "system-cluster-critical",
    },
    "DNS": {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.10"]}},
    "annotations and labels": {
        "podAnnotations": {"a/b": "c"},
        "podLabels": {"x": "y", "app.kubernetes.io/name": "not-to-be-changed"},
        "deploymentAnnotations": {"a/b": "c"},
        "service": {"annotations": {"a/b": "c"}},
    },
    "keys from a Secret": {
        "extraEnv": [{"name": "AWS_ACCESS_KEY_ID", "value": "AKIA"}, SECRET_VALUE],
        "extraEnvFrom": [{"secretRef": {"name": "aws-credentials"}}],
    },
    "further volumes": {
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/ours", "readOnly": True}],
    },
    "no limits": {"resources": None},
    "a cluster that follows a lost one": yaml.safe_load(FOLLOWING),
    "kind": {
        **yaml.safe_load((ROOT / "deploy" / "kind" / "values.yaml").read_text()),
        "podAnnotations": {"aws-user": "x"},
    },
    "a long end": {"terminationGracePeriodSeconds": 1800, "tmpSizeLimit": "4Gi"},
}
