"""Writes every dashboard into grafana/dashboards/: `python -m grafana.generate`."""

from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.agents import agents
from grafana.exporter import exporter
from grafana.load import load
from grafana.quality import quality
from grafana.supervisor import supervisor

FOLDER = Path(__file__).parent / "dashboards"

BOARDS = (supervisor, load, quality, agents, exporter)


def dashboards() -> Iterator[tuple[str, str]]:
    """The name of each file and its content."""
    encoder = JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False)
    for board in BOARDS:
        yield f"{board.__name__}.json", encoder.encode(board()) + "\n"


if __name__ == "__main__":
    for name, content in dashboards():
        (FOLDER / name).write_text(content, encoding="utf-8")
