"""A dashboard as Grafana's import and grafana.com want it: it asks for its data source once, as an input."""

import json

#: The input's name, where Grafana itself exports a dashboard.
INPUT = "DS_PROMETHEUS"

#: The Grafana of deploy/compose.yaml.
GRAFANA = "12.1.0"

#: What Grafana calls the kinds of panels.
PANELS = {
    "bargauge": "Bar gauge",
    "heatmap": "Heatmap",
    "stat": "Stat",
    "table": "Table",
    "timeseries": "Time series",
}


def importable(text: str) -> str:
    """Return the JSON of this dashboard with an input in place of its variable for the data source."""
    dashboard = json.loads(text.replace("${datasource}", f"${{{INPUT}}}"))
    variables = dashboard["templating"]["list"]
    dashboard["templating"]["list"] = [each for each in variables if each["type"] != "datasource"]
    kinds = sorted({panel["type"] for panel in dashboard["panels"]} - {"row"})
    dashboard["__inputs"] = [
        {
            "name": INPUT,
            "label": "Prometheus",
            "description": "",
            "type": "datasource",
            "pluginId": "prometheus",
            "pluginName": "Prometheus",
        }
    ]
    dashboard["__requires"] = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": kind, "name": PANELS[kind], "version": ""} for kind in kinds),
    ]
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
