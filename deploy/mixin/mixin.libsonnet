// The rules and dashboards for those who deploy with jsonnet, as the Prometheus monitoring mixins lay them out:
//
//     jb install github.com/exotel-exporter/exotel-exporter@main
//     local exotel = import 'github.com/exotel-exporter/exotel-exporter/deploy/mixin/mixin.libsonnet';
//
// Install the whole repository: what this imports lies outside its folder.
local groups = std.flatMap(function(file) std.parseYaml(file).groups, [
  importstr '../prometheus/rules/agents.yml',
  importstr '../prometheus/rules/calls.yml',
  importstr '../prometheus/rules/exporter.yml',
  importstr '../prometheus/rules/load.yml',
  importstr '../prometheus/rules/quality.yml',
  importstr '../prometheus/rules/recording.yml',
  importstr '../prometheus/rules/service.yml',
  importstr '../prometheus/rules/shares.yml',
  importstr '../prometheus/rules/thresholds.yml',
  importstr '../prometheus/rules/usual.yml',
]);
// Groups stay whole: their alerts read what the records before them have just recorded.
local alerts(group) = std.any([std.objectHas(rule, 'alert') for rule in group.rules]);

{
  prometheusAlerts+:: { groups+: std.filter(alerts, groups) },
  prometheusRules+:: { groups+: [group for group in groups if !alerts(group)] },
  grafanaDashboards+:: {
    'exotel-agents.json': import '../../grafana/dashboards/agents.json',
    'exotel-exporter.json': import '../../grafana/dashboards/exporter.json',
    'exotel-load.json': import '../../grafana/dashboards/load.json',
    'exotel-quality.json': import '../../grafana/dashboards/quality.json',
    'exotel-supervisor.json': import '../../grafana/dashboards/supervisor.json',
  },
}
