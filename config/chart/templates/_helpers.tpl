{{/* Prefix of every name. A release called scopedtoken has the names that config/default has. */}}
{{- define "scopedtoken.fullname" -}}
{{- $name := .Release.Name }}
{{- if not (contains "scopedtoken" $name) }}{{ $name = printf "%s-scopedtoken" $name }}{{ end }}
{{- if regexMatch "^[0-9]" $name }}{{ $name = printf "r%s" $name }}{{ end }}
{{- .Values.fullnameOverride | default $name | replace "." "-" | trunc 36 | trimSuffix "-" }}
{{- end }}

{{- define "scopedtoken.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (printf "%s-controller-manager" (include "scopedtoken.fullname" .)) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "scopedtoken.subjects" -}}
- kind: ServiceAccount
  name: {{ include "scopedtoken.serviceAccount" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end }}

{{/* Accounts as the policies compare them: CEL, as kustomize's config/default has it too. */}}
{{- define "scopedtoken.accounts" -}}
[{{ range $i, $name := . }}{{ if $i }}, {{ end }}'{{ $name }}'{{ end }}]
{{- end }}

{{/* The operator's account, and those of the other operators of the cluster. */}}
{{- define "scopedtoken.operators" -}}
['system:serviceaccount:' + '{{ .Release.Namespace }}' + ':' + '{{ include "scopedtoken.serviceAccount" . }}'
{{- range .Values.policies.operators }}, '{{ . }}'{{ end }}]
{{- end }}

{{/* Labels by which the Pods are found. They never change, since a Deployment's selector cannot. */}}
{{- define "scopedtoken.selector" -}}
app.kubernetes.io/name: scopedtoken-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
control-plane: controller-manager
{{- end }}

{{/*
Labels of an object: of a list the root, those that somebody finds the object by, and those that the values have for it.
Of one that is there twice the last counts, except that commonLabels take nothing from what objects are found by, and add no
ClusterRole to others, which would give its rights to their users.
*/}}
{{- define "scopedtoken.labels" -}}
{{- $root := first . }}
{{- $general := dict
  "app.kubernetes.io/part-of" "scopedtoken-operator"
  "app.kubernetes.io/managed-by" $root.Release.Service
  "app.kubernetes.io/version" ($root.Chart.AppVersion | trunc 63 | trimSuffix "-")
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
}}
{{- $found := dict "app.kubernetes.io/name" "scopedtoken-operator" "app.kubernetes.io/instance" $root.Release.Name }}
{{- $common := dict }}
{{- range $key, $value := $root.Values.commonLabels }}
{{- if not (hasPrefix "rbac.authorization.k8s.io/" $key) }}{{ $_ := set $common $key $value }}{{ end }}
{{- end }}
{{- include "scopedtoken.merged" (concat (list $general $common $found) (rest .)) }}
{{- end }}

{{/* Labels or annotations of a list of maps: those of later ones go before, those with nothing behind them are left out. */}}
{{- define "scopedtoken.merged" -}}
{{- $all := dict }}
{{- range . }}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{- $_ := set $all $key (kindIs "string" $value | ternary $value (toJson $value)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $all }}{{ toYaml $all }}{{ end }}
{{- end }}

{{/* Annotations of what `helm test` makes, in the order of the weight given, and takes away when the test has passed. */}}
{{- define "scopedtoken.test" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* The environment of the manager. A variable of extraEnv takes the place of the chart's own: a name may be there once. */}}
{{- define "scopedtoken.env" -}}
{{- $env := list (dict "name" "POD_NAMESPACE" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.namespace"))) }}
{{- with .Values.goMemLimit }}{{ $env = append $env (dict "name" "GOMEMLIMIT" "value" .) }}{{ end }}
{{- /* Go trusts what is there besides the authorities of the image. */}}
{{- if include "scopedtoken.ca" . }}{{ $env = append $env (dict "name" "SSL_CERT_DIR" "value" "/etc/scopedtoken/ca") }}{{ end }}
{{- with .Values.proxy.httpsProxy }}{{ $env = append $env (dict "name" "HTTPS_PROXY" "value" .) }}{{ end }}
{{- $given := dict }}
{{- range .Values.extraEnv }}{{ $_ := set $given .name true }}{{ end }}
{{- if or .Values.proxy.httpsProxy $given.HTTPS_PROXY $given.https_proxy }}
{{- /* The API server is no business of the proxy. Kubernetes puts its address in. */}}
{{- $direct := prepend .Values.proxy.noProxy "$(KUBERNETES_SERVICE_HOST)" | join "," }}
{{- if not $given.no_proxy }}{{ $env = append $env (dict "name" "NO_PROXY" "value" $direct) }}{{ end }}
{{- end }}
{{- range $env }}
{{- if not (hasKey $given .name) }}{{ toYaml (list .) }}
{{ end }}
{{- end }}
{{- with .Values.extraEnv }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* The ConfigMap with certificate authorities, if there is one. */}}
{{- define "scopedtoken.ca" -}}
{{- if .Values.caBundle }}{{ include "scopedtoken.fullname" . }}-ca-bundle{{ else }}{{ .Values.caBundleConfigMap.name }}{{ end }}
{{- end }}

{{/*
Fills in the default of every value that has nothing behind it, or that went with its section: `metrics:` alone means the
defaults and not that there are none. Every template begins with it, since none is sure to be the first.
*/}}
{{- define "scopedtoken.defaults" -}}
{{- if and .Chart.IsRoot (hasKey .Values "enabled") }}
{{- fail "enabled is the condition of a parent chart, and there is none: operator.enabled and crds.enabled are what there is to switch" }}
{{- end }}
{{- range $key, $all := dict "watchNamespaces" "[]" "connectionSelector" "\"\"" }}
{{- if kindIs "invalid" (index $.Values $key) }}
{{- fail (printf "%s has nothing behind it, which would be everything: write what it is limited to, or %s if everything is meant" $key $all) }}
{{- end }}
{{- end }}
{{- range $path, $default := .Files.Get "files/defaults.yaml" | fromYaml }}
{{- $section := $.Values }}
{{- $keys := splitList "." $path }}
{{- range initial $keys }}
{{- if not (kindIs "map" (get $section .)) }}{{ $_ := set $section . dict }}{{ end }}
{{- $section = get $section . }}
{{- end }}
{{- if kindIs "invalid" (index $section (last $keys)) }}{{ $_ := set $section (last $keys) $default }}{{ end }}
{{- end }}
{{- range $key := list "affinity" "extraEnv" "tolerations" "topologySpreadConstraints" }}
{{- include "scopedtoken.filled" (list $key (get $.Values $key)) }}
{{- end }}
{{- include "scopedtoken.filled" (list "auditLog.volume" .Values.auditLog.volume) }}
{{- include "scopedtoken.filled" (list "metrics.serviceMonitor.tlsConfig" .Values.metrics.serviceMonitor.tlsConfig) }}
{{- include "scopedtoken.filled" (list "networkPolicy.metricsFrom" .Values.networkPolicy.metricsFrom) }}
{{- include "scopedtoken.filled" (list "networkPolicy.egressTo" .Values.networkPolicy.egressTo) }}
{{- end }}

{{/*
Fails if something has nothing behind it, at any depth, in a value that Kubernetes gets as it is: it would be taken for left out,
and a selector without its labels selects everything, a volume without its claim is empty and goes with the Pod.
*/}}
{{- define "scopedtoken.filled" -}}
{{- $at := first . }}
{{- $value := last . }}
{{- if kindIs "invalid" $value }}
{{- fail (printf "%s has nothing behind it, which Kubernetes would take for left out: write its value, or take the key out" $at) }}
{{- end }}
{{- if or (kindIs "map" $value) (kindIs "slice" $value) }}
{{- range $key, $below := $value }}{{ include "scopedtoken.filled" (list (printf "%s.%v" $at $key) $below) }}{{ end }}
{{- end }}
{{- end }}

{{/* The image: by a digest or a tag of the user's, else by the digest that the release has put into the chart, else by the appVersion. */}}
{{- define "scopedtoken.image" -}}
{{- $released := index .Chart.Annotations "astro.scopedtoken.dev/image-digest" }}
{{- with .Values.image }}
{{- $digest := .digest | default (ternary "" $released (not (empty .tag))) }}
{{- .repository }}{{ if $digest }}@{{ $digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Namespaces other than the operator's whose Secrets the operator may read. */}}
{{- define "scopedtoken.secretNamespaces" -}}
{{- without (concat .Values.secretNamespaces .Values.watchNamespaces | uniq | sortAlpha) .Release.Namespace | toYaml }}
{{- end }}

{{/*
A custom resource from values: its kind, and an item with name, namespace, labels, annotations and spec. Of two of one name only
one would be there.
*/}}
{{- define "scopedtoken.object" -}}
{{- if and .namespaced (hasKey .item "namespace") (empty .item.namespace) }}
{{- fail (printf "the namespace of %s %s has nothing behind it, which would be the release's: write it, or take the key out" .kind .item.name) }}
{{- end }}
{{- $id := ternary (printf "%s %s/%s" .kind (.item.namespace | default .root.Release.Namespace) .item.name) (printf "%s %s" .kind .item.name) .namespaced }}
{{- if hasKey .seen $id }}{{ fail (printf "%s is in the values twice, and only one of the two would be; give each a name of its own" $id) }}{{ end }}
{{- $_ := set .seen $id true }}
---
apiVersion: astro.scopedtoken.dev/v1alpha1
kind: {{ .kind }}
metadata:
  name: {{ .item.name | quote }}
  {{- if .namespaced }}
  namespace: {{ .item.namespace | default .root.Release.Namespace | quote }}
  {{- end }}
  labels:
    {{- include "scopedtoken.labels" (list .root .item.labels) | nindent 4 }}
  {{- with include "scopedtoken.merged" (list .item.annotations) }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- toYaml .item.spec | nindent 2 }}
{{ end }}
