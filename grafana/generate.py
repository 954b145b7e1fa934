"""Writes every dashboard, once to provision and once to import: `python -m grafana.generate`."""

from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.agents import agents
from grafana.exporter import exporter
from grafana.importable import importable
from grafana.load import load
from grafana.quality import quality
from grafana.supervisor import supervisor

FOLDER = Path(__file__).parent

BOARDS = (supervisor, load, quality, agents, exporter)


def dashboards() -> Iterator[tuple[str, str]]:
    """The path of each file, from this folder, and its content."""
    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    for board in BOARDS:
        name, text = f"{board.__name__}.json", encoder.encode(board()) + "\n"
        yield f"dashboards/{name}", text
        yield f"importable/{name}", importable(text)


if __name__ == "__main__":
    for name, content in dashboards():
        (FOLDER / name).write_text(content, encoding="utf-8")
