{{/*
One ScopedTokenBinding for each item of .Values.astro.bindings. The name of an item is made unique by the release's, and
everything else in it is the binding's spec; the connection is that of .Values.astro.connection unless the item has one.
*/}}
{{- define "astro-bindings.bindings" -}}
{{- $root := . }}
{{- $names := dict }}
{{- range (.Values.astro).bindings }}
{{- $item := required "a binding of astro.bindings needs a name" .name | toString }}
{{- $where := printf "astro.bindings: %s" $item }}
{{- include "astro-bindings.known" (list $where . (include "astro-bindings.fields" . | fromYaml)) }}
{{- include "astro-bindings.filled" (list $where .) }}
{{- $name := include "astro-bindings.name" (list $where (printf "%s-%s" $root.Release.Name $item)) }}
{{- if hasKey $names $name }}{{ fail (printf "%s is there twice, and only one of the two would be; give each a name of its own" $where) }}{{ end }}
{{- $_ := set $names $name true }}
{{- $connection := .connectionRef }}
{{- if not (hasKey . "connectionRef") }}{{ $connection = include "astro-bindings.connection" $root | fromYaml }}{{ end }}
---
apiVersion: astro.scopedtoken.dev/v1alpha1
kind: ScopedTokenBinding
metadata:
  name: {{ $name | quote }}
  labels:
    app.kubernetes.io/name: {{ $root.Chart.Name | quote }}
    app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
    app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
spec:
  {{- set (omit . "name") "connectionRef" $connection | toYaml | nindent 2 }}
{{- end }}
{{- end }}

{{/* The name of an object, whole: two that were cut off might become one. */}}
{{- define "astro-bindings.name" -}}
{{- $name := last . }}
{{- if or (gt (len $name) 253) (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $name)) }}
{{- fail (printf "%s would be called %s, which is no name in Kubernetes; write one of at most 253 lower case letters, digits, '-' and '.', with a letter or a digit at its end" (first .) $name) }}
{{- end }}
{{- $name }}
{{- end }}

{{/*
The connection of bindings that name none. Its kind has to be said: Helm takes a key with nothing behind it out of these values
if a chart has a default for it, and without a kind it would be an AstroConnection, which may allow everything.
*/}}
{{- define "astro-bindings.connection" -}}
{{- $connection := required "astro.connection is needed where a binding has no connectionRef" .Values.astro.connection }}
{{- include "astro-bindings.known" (list "astro.connection" $connection (include "astro-bindings.fields" . | fromYaml).connectionRef) }}
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

{{/* What an item may have: its name, and the fields of a binding's spec. */}}
{{- define "astro-bindings.fields" -}}
name:
connectionRef: {kind: , name: }
token: {scope: , id: , name: , workspaceId: }
target: {kind: , id: , name: , workspaceId: }
role:
mode:
adopt:
deletionPolicy:
expiresAt:
suspend:
{{- end }}

{{/*
Fails if a key is none of these, at any depth. Helm 3 sends objects without asking the API server to refuse such a key, which is
then dropped: a binding with "rol" in place of "role" would have the widest role.
*/}}
{{- define "astro-bindings.known" -}}
{{- $where := first . }}
{{- $fields := last . }}
{{- range $key, $value := index . 1 }}
{{- if not (hasKey $fields $key) }}{{ fail (printf "%s has no field %s; write one of %s" $where $key (keys $fields | sortAlpha | join ", ")) }}{{ end }}
{{- $below := get $fields $key }}
{{- if and (kindIs "map" $below) (kindIs "map" $value) }}{{ include "astro-bindings.known" (list (printf "%s.%s" $where $key) $value $below) }}{{ end }}
{{- end }}
{{- end }}
