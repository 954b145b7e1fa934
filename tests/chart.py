"""The Helm chart, rendered by Helm's own engine."""

from __future__ import annotations

from typing import Any

import yaml

from tests.tools import ROOT, require_module

CHART = ROOT / "deploy" / "kubernetes" / "chart"
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

#: Everything switched on.
EVERYTHING: dict[str, Any] = {
    "imagePullSecrets": [{"name": "registry"}],
    "webConfig": {"secret": "exotel-web"},
    "serviceMonitor": {
        "enabled": True,
        "tlsConfig": {"serverName": "exporter.example.com"},
        "basicAuth": {name: {"name": "exotel-web", "key": name} for name in ("username", "password")},
    },
    "scrapeConfig": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "Exotel"}},
    "podAnnotations": {"example.com/team": "voice"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "example.com/spot", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
}


def render(values: dict[str, Any]) -> dict[str, str]:
    """The text of each template with these values, by the name of its file."""
    require_module("helm_python")
    text: dict[str, str] = require_module("deploy.generate").render(values)
    return text


def objects(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Every object that Kubernetes would be given."""
    texts = [text for name, text in render(values).items() if name.endswith(".yaml")]
    return [made for text in texts for made in yaml.load_all(text, yaml.CSafeLoader) if made]


def one(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """The only object of this kind."""
    [made] = [made for made in objects(values) if made["kind"] == kind]
    return made
