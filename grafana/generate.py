"""Writes every dashboard into grafana/dashboards/: `python -m grafana.generate`."""

from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.load import load

FOLDER = Path(__file__).parent / "dashboards"


def dashboards() -> Iterator[tuple[str, str]]:
    """The name of each file and its content."""
    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    for name, dashboard in {"load": load()}.items():
        yield f"{name}.json", encoder.encode(dashboard) + "\n"


if __name__ == "__main__":
    for name, content in dashboards():
        (FOLDER / name).write_text(content, encoding="utf-8")
