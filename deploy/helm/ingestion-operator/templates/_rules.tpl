{{- /* Exactly what the operator may do in a namespace with pipelines. */ -}}
{{- define "ingestion.pipelineRules" -}}
# Watch pipelines, and patch the finalizer.
- apiGroups: [ingestion-operator.io]
  resources: [ingestionpipelines]
  verbs: [get, list, watch, patch]
- apiGroups: [ingestion-operator.io]
  resources: [ingestionpipelines/status]
  verbs: [patch]
# Watch ConfigMaps with code, and deploy the code when it changes.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
# Get each Secret that a pipeline names, by its name. The operator neither lists nor watches Secrets.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- define "ingestion.accountRules" -}}
# Watch AWSAccounts, patch the finalizer, and report whether the role can be assumed.
- apiGroups: [ingestion-operator.io]
  resources: [awsaccounts]
  verbs: [get, list, watch, patch]
- apiGroups: [ingestion-operator.io]
  resources: [awsaccounts/status]
  verbs: [patch]
{{- end -}}

{{- define "ingestion.clusterIdRules" -}}
# Get the uid of kube-system, which identifies this cluster among others in the same AWS account.
- apiGroups: [""]
  resources: [namespaces]
  resourceNames: [kube-system]
  verbs: [get]
{{- end -}}

{{- define "ingestion.ownRules" -}}
# Check that the earlier pod named by a lock of the state no longer exists.
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
