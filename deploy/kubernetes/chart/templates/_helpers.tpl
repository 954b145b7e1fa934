{{- define "exotel-exporter.fullname" -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" .Release.Name) -}}
{{- fail (printf "name of the release: found %s; accepted: a letter, then letters, digits and -, as in the name of a Service" .Release.Name) -}}
{{- end -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "exotel-exporter.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ toYaml .Release.Name }}
{{- end -}}

{{- define "exotel-exporter.labels" -}}
{{ include "exotel-exporter.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimAll "-_." | quote }}
{{- end -}}

{{- define "exotel-exporter.scheme" -}}
{{- if and .Values.webConfig.secret .Values.webConfig.tls }}https{{ else }}http{{ end -}}
{{- end -}}

{{- define "exotel-exporter.address" -}}
{{ include "exotel-exporter.fullname" . }}.{{ .Release.Namespace }}.svc:9927
{{- end -}}

{{- /* A probe of this path. The kubelet has neither password nor certificate: where one may be wanted, a command
       asks, for which a refusal is an answer. */ -}}
{{- define "exotel-exporter.probe" -}}
{{- if .root.Values.webConfig.secret -}}
exec:
  command:
    - python
    - /opt/exotel-exporter/healthcheck.py
    - {{ include "exotel-exporter.scheme" .root }}://127.0.0.1:9927{{ .path }}
{{- else -}}
httpGet: {path: {{ .path }}, port: http}
{{- end }}
periodSeconds: 10
timeoutSeconds: 5
{{- end -}}

{{- /* What Prometheus brings when the exporter has TLS or basic auth. */ -}}
{{- define "exotel-exporter.access" -}}
{{- with .Values.serviceMonitor.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.serviceMonitor.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
