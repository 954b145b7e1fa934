"""Writes the thresholds, the chart's schema and the rendered chart: `python -m deploy.generate`."""

import json
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


_SOURCE = re.compile(r"^---\n# Source: \S+/templates/(\S+)\n", re.MULTILINE)
"""What Helm puts before each object: the template that made it."""


class HelmError(Exception):
    """Helm isn't there, or refused the values or the chart, for the reason that it gives."""


def helm(*arguments: str, values: dict[str, Any]) -> str:
    """Return what Helm writes, with these values for the chart. Raise HelmError if it refuses."""
    program = shutil.which("helm", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        raise HelmError("helm is not installed")
    command = [program, *arguments, "--values=-"]
    stdin = json.dumps(values)
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603  # Helm
    if done.returncode:
        raise HelmError(done.stderr)
    return done.stdout


def render(values: dict[str, Any], release: str = RELEASE, chart: Path = CHART) -> dict[str, str]:
    """Return the objects that Helm makes, by the name of their template. Raise HelmError if it refuses."""
    text = helm("template", release, str(chart), f"--namespace={NAMESPACE}", values=values)
    _, *parts = _SOURCE.split(text)
    rendered: dict[str, str] = {}
    for template, made in zip(parts[::2], parts[1::2], strict=True):
        rendered[template] = f"{rendered[template]}---\n{made}" if template in rendered else made
    return rendered


def manifests() -> Iterator[tuple[str, str]]:
    """Yield the name of each file and its content."""
    for name, text in render({}).items():
        yield name, f"{_HEAD}{text.rstrip()}\n"


def values_schema() -> str:
    """Return the chart's schema with the configuration's, but for what would put secrets into values."""
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
    rendered = dict(manifests())
    for old in MANIFESTS.glob("*.yaml"):
        old.unlink()
    for name, content in rendered.items():
        (MANIFESTS / name).write_text(content, encoding="utf-8")
