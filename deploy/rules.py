"""Writes the rules that record the thresholds: deploy/prometheus/rules/thresholds.yml."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.thresholds import SECTIONS, THRESHOLDS, Level
from exporter.collect.lifecycle import WAIT_BOUNDS

_FOLDER = Path(__file__).parent
FILE = _FOLDER / "prometheus" / "rules" / "thresholds.yml"


def thresholds_file() -> str:
    """Return the text of the file."""
    texts = Environment(  # noqa: S701  # YAML, not HTML
        loader=FileSystemLoader(_FOLDER), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return texts.get_template("thresholds.yml.jinja").render(
        sections=SECTIONS,
        buckets=[str(bound) for bound in WAIT_BOUNDS],
        own=[threshold.own for threshold in THRESHOLDS],
        own_of_all=[threshold.own for threshold in THRESHOLDS if threshold.level is Level.ALL],
    )
