"""Renders the chart into deploy/kubernetes/manifests/: `python -m deploy.generate`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python

CHART = Path(__file__).parent / "kubernetes" / "chart"
MANIFESTS = CHART.parent / "manifests"

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


if __name__ == "__main__":
    for old in MANIFESTS.glob("*.yaml"):
        old.unlink()
    for name, content in manifests():
        (MANIFESTS / name).write_text(content, encoding="utf-8")
