{{/* Prefix of every name. A release called scopedtoken has the names that config/default has. */}}
{{- define "scopedtoken.fullname" -}}
{{- $name := .Release.Name }}
{{- if not (contains "scopedtoken" $name) }}{{ $name = printf "%s-scopedtoken" $name }}{{ end }}
{{- .Values.fullnameOverride | default $name | trunc 36 | trimSuffix "-" }}
{{- end }}

{{- define "scopedtoken.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (printf "%s-controller-manager" (include "scopedtoken.fullname" .)) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "scopedtoken.subjects" -}}
- kind: ServiceAccount
  name: {{ include "scopedtoken.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* Labels by which the Pods are found. They never change, since a Deployment's selector cannot. */}}
{{- define "scopedtoken.selector" -}}
app.kubernetes.io/name: scopedtoken-operator
app.kubernetes.io/instance: {{ .Release.Name }}
control-plane: controller-manager
{{- end }}

{{- define "scopedtoken.labels" -}}
app.kubernetes.io/name: scopedtoken-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: scopedtoken-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | trunc 63 | trimSuffix "-" | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "scopedtoken.image" -}}
{{- with .Values.image }}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Namespaces other than the operator's whose Secrets the operator may read. */}}
{{- define "scopedtoken.secretNamespaces" -}}
{{- without (concat .Values.secretNamespaces .Values.watchNamespaces | uniq | sortAlpha) .Release.Namespace | toYaml }}
{{- end }}

{{/* A custom resource from values: its kind, and an item with name, namespace, labels, annotations and spec. */}}
{{- define "scopedtoken.object" -}}
---
apiVersion: astro.scopedtoken.dev/v1alpha1
kind: {{ .kind }}
metadata:
  name: {{ .item.name }}
  {{- if .namespaced }}
  namespace: {{ .item.namespace | default .root.Release.Namespace }}
  {{- end }}
  labels:
    {{- include "scopedtoken.labels" .root | nindent 4 }}
    {{- with .item.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .item.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- toYaml .item.spec | nindent 2 }}
{{ end }}
