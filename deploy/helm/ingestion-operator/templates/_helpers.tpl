{{- define "ingestion.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* The longest name made from this one ends in "-passphrase". A Service's name may have 63 characters. */ -}}
{{- define "ingestion.fullname" -}}
{{- $name := include "ingestion.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ingestion.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "ingestion.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: name an existing ServiceAccount, or set serviceAccount.create to true" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "ingestion.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ingestion.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "ingestion.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "ingestion.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/part-of: ingestion-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ingestion.labels" -}}
{{ include "ingestion.commonLabels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "ingestion.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "ingestion.usesPassphrase" -}}
{{- if eq .Values.state.secretsProvider "passphrase" }}true{{ end -}}
{{- end -}}

{{- define "ingestion.passphraseSecret" -}}
{{- default (printf "%s-passphrase" (include "ingestion.fullname" .)) .Values.state.passphrase.existingSecret -}}
{{- end -}}

{{- define "ingestion.stateClaim" -}}
{{- default (printf "%s-state" (include "ingestion.fullname" .)) .Values.state.file.existingClaim -}}
{{- end -}}

{{- define "ingestion.backendUrl" -}}
{{- if eq .Values.state.backend "file" -}}
file:///var/lib/ingestion-operator/state
{{- else -}}
{{- $s3 := .Values.state.s3 -}}
{{- $parameters := deepCopy $s3.parameters -}}
{{- with $s3.region }}{{ $_ := set $parameters "region" . }}{{ end -}}
{{- $pairs := list -}}
{{- range $name := keys $parameters | sortAlpha -}}
{{- $pairs = append $pairs (printf "%s=%s" $name (get $parameters $name | toString | urlquery)) -}}
{{- end -}}
s3://{{ required "state.s3.bucket: name the bucket for Pulumi's state (state.backend is s3)" $s3.bucket }}
{{- with $s3.prefix | trimAll "/" }}/{{ . }}{{ end }}
{{- with $pairs }}?{{ join "&" . }}{{ end }}
{{- end -}}
{{- end -}}

{{- /* Helm reads a whole number in a values file as a float, which would be printed as 1e+06. */ -}}
{{- define "ingestion.text" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end -}}

{{- define "ingestion.env" -}}
- name: INGESTION_LIVENESS_ADDRESS
  value: "0.0.0.0:{{ include "ingestion.text" .Values.probes.port }}"
- name: INGESTION_METRICS_ADDRESS
  value: {{ if .Values.metrics.enabled }}"0.0.0.0:{{ include "ingestion.text" .Values.metrics.port }}"{{ else }}""{{ end }}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: INGESTION_POD
  value: "$(POD_NAMESPACE)/$(POD_NAME)/$(POD_UID)"
- name: INGESTION_BACKEND_URL
  value: {{ include "ingestion.backendUrl" . | quote }}
- name: INGESTION_SECRETS_PROVIDER
  value: {{ .Values.state.secretsProvider | quote }}
{{- if include "ingestion.usesPassphrase" . }}
- name: INGESTION_PASSPHRASE_FILE
  value: /etc/ingestion-operator/passphrase
{{- end }}
- name: INGESTION_ACCOUNTS
  value: {{ .Values.accounts.enabled | quote }}
{{- with .Values.watchNamespaces }}
- name: INGESTION_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.clusterId }}
- name: INGESTION_CLUSTER_ID
  value: {{ . | quote }}
{{- end }}
{{- range $name := keys .Values.settings | sortAlpha }}
{{- $value := get $.Values.settings $name }}
{{- if not (kindIs "invalid" $value) }}
- name: INGESTION_{{ regexReplaceAll "([A-Z])" $name "_${1}" | upper }}
  value: {{ include "ingestion.text" $value | quote }}
{{- end }}
{{- end }}
{{- range .Values.extraEnv }}
{{- if hasPrefix "INGESTION_" .name }}
{{- fail (printf "extraEnv: %s is a setting of the operator: use `settings` or the value that it belongs to" .name) }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
