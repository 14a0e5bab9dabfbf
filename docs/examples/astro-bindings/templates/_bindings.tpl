{{/*
One ScopedTokenBinding for each item of .Values.astro.bindings. The name of an item is made unique by the release's, and
everything else in it is the binding's spec; the connection is that of .Values.astro.connection unless the item has one.
*/}}
{{- define "astro-bindings.bindings" -}}
{{- $root := . }}
{{- range (.Values.astro).bindings }}
---
apiVersion: astro.scopedtoken.dev/v1alpha1
kind: ScopedTokenBinding
metadata:
  name: {{ printf "%s-%s" $root.Release.Name (required "a binding of astro.bindings needs a name" .name) | trunc 63 | trimSuffix "-" }}
  labels:
    app.kubernetes.io/name: {{ $root.Chart.Name }}
    app.kubernetes.io/instance: {{ $root.Release.Name }}
    app.kubernetes.io/managed-by: {{ $root.Release.Service }}
spec:
  {{- $spec := merge (omit . "name") (dict "connectionRef" (required "astro.connection is needed where a binding has no connectionRef" $root.Values.astro.connection)) }}
  {{- toYaml $spec | nindent 2 }}
{{- end }}
{{- end }}
