{{/*
One ScopedTokenBinding for each item of .Values.astro.bindings. The name of an item is made unique by the release's, and
everything else in it is the binding's spec; the connection is that of .Values.astro.connection unless the item has one.
*/}}
{{- define "astro-bindings.bindings" -}}
{{- $root := . }}
{{- range (.Values.astro).bindings }}
{{- $name := required "a binding of astro.bindings needs a name" .name }}
{{- include "astro-bindings.filled" (list (printf "astro.bindings: %s" $name) .) }}
{{- $connection := .connectionRef }}
{{- if not (hasKey . "connectionRef") }}{{ $connection = include "astro-bindings.connection" $root | fromYaml }}{{ end }}
---
apiVersion: astro.scopedtoken.dev/v1alpha1
kind: ScopedTokenBinding
metadata:
  name: {{ printf "%s-%s" $root.Release.Name $name | trunc 63 | trimSuffix "-" }}
  labels:
    app.kubernetes.io/name: {{ $root.Chart.Name }}
    app.kubernetes.io/instance: {{ $root.Release.Name }}
    app.kubernetes.io/managed-by: {{ $root.Release.Service }}
spec:
  {{- set (omit . "name") "connectionRef" $connection | toYaml | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The connection of bindings that name none. Its kind has to be said: Helm takes a key with nothing behind it out of these values
if a chart has a default for it, and without a kind it would be an AstroConnection, which may allow everything.
*/}}
{{- define "astro-bindings.connection" -}}
{{- $connection := required "astro.connection is needed where a binding has no connectionRef" .Values.astro.connection }}
{{- include "astro-bindings.filled" (list "astro.connection" $connection) }}
{{- $_ := required "astro.connection.kind is needed; write AstroConnection or ClusterAstroConnection" $connection.kind }}
{{- $_ := required "astro.connection.name is needed; write the name of the connection" $connection.name }}
{{- toYaml $connection }}
{{- end }}

{{/*
Fails if a key has nothing behind it, at any depth. The API server refuses such a key in an object. Helm 3's upgrade sends it no
object but the difference to what it sent last, in which the key takes the field away.
*/}}
{{- define "astro-bindings.filled" -}}
{{- $where := first . }}
{{- range $key, $value := last . }}
{{- $at := printf "%s.%s" $where $key }}
{{- if kindIs "invalid" $value }}{{ fail (printf "%s has nothing behind it; write its value, or take the key out" $at) }}{{ end }}
{{- if kindIs "map" $value }}{{ include "astro-bindings.filled" (list $at $value) }}{{ end }}
{{- end }}
{{- end }}
