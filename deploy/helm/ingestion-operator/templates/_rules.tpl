{{- /* What the operator may do in a namespace with pipelines, and no more. */ -}}
{{- define "ingestion.pipelineRules" -}}
# Watch pipelines; keep the finalizer and Kopf's annotations.
- apiGroups: [ingestion-operator.io]
  resources: [ingestionpipelines]
  verbs: [get, list, watch, patch]
- apiGroups: [ingestion-operator.io]
  resources: [ingestionpipelines/status]
  verbs: [patch]
# Code in ConfigMaps, deployed when it changes.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
# Environment from Secrets: each is asked for by name when a pipeline names it. No list, no watch.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- define "ingestion.accountRules" -}}
# AWSAccounts are cluster-scoped: watch them, keep the finalizer and Kopf's annotations, say whether the role can be assumed.
- apiGroups: [ingestion-operator.io]
  resources: [awsaccounts]
  verbs: [get, list, watch, patch]
- apiGroups: [ingestion-operator.io]
  resources: [awsaccounts/status]
  verbs: [patch]
{{- end -}}

{{- define "ingestion.clusterIdRules" -}}
# The uid of kube-system tells this cluster from others in the same AWS account.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
{{- end -}}

{{- define "ingestion.ownRules" -}}
# Whether the operator's earlier pod, which a lock of the state names, is gone for certain.
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
{{- end -}}

{{- define "ingestion.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "ingestion.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}
