"""Writes the thresholds, the chart's schema and the rendered chart: `python -m deploy.generate`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python

from deploy import rules
from docs.config_schema import config_object

CHART = Path(__file__).parent / "kubernetes" / "chart"
MANIFESTS = CHART.parent / "manifests"
SCHEMA = CHART / "values.schema.json"

RELEASE = "exotel-exporter"
NAMESPACE = "monitoring"

_HEAD = """\
# Rendered by `make generate` from deploy/kubernetes/chart with its default values. Put in your own image,
# accounts and Secret; after a change of the ConfigMap: kubectl rollout restart deployment/exotel-exporter.
"""


def render(values: dict[str, Any]) -> dict[str, str]:
    """The chart as Helm renders it with these values: the text of each template, by the name of its file.

    Raises helm_python.HelmError when the values or the chart don't allow it.
    """
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(values, name=RELEASE, namespace=NAMESPACE)
    return {Path(path).name: text.lstrip() for path, text in rendered.items() if text.strip()}


def manifests() -> Iterator[tuple[str, str]]:
    """The name of each file and its content."""
    for name, text in render({}).items():
        if name.endswith(".yaml"):
            yield name, f"{_HEAD}{text.rstrip()}\n"


def values_schema() -> str:
    """The chart's schema with that of the configuration, but for what would put secrets into values."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    config = config_object()
    account, collection = (
        config["properties"]["accounts"]["items"],
        config["properties"]["collection"],
    )
    del account["allOf"]
    account["required"] = ["account_sid", "base_url", "api_key_file", "api_token_file"]
    for section, key, kind in (
        (account, "api_key", "secretElsewhere"),
        (account, "api_token", "secretElsewhere"),
        (account, "api_key_file", "secretFile"),
        (account, "api_token_file", "secretFile"),
        (account, "proxy_url", "withoutCredentials"),
        (collection, "proxy_url", "withoutCredentials"),
    ):
        section["properties"][key] = {"$ref": f"#/definitions/{kind}"}
    schema["properties"]["config"] = config
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    rules.FILE.write_text(rules.thresholds_file(), encoding="utf-8")
    SCHEMA.write_text(values_schema(), encoding="utf-8")
    for old in MANIFESTS.glob("*.yaml"):
        old.unlink()
    for name, content in manifests():
        (MANIFESTS / name).write_text(content, encoding="utf-8")
