"""Writes the pages that are generated: `python -m docs.generate`."""

from __future__ import annotations

from pathlib import Path

from docs.config_schema import config_schema
from docs.configuration import configuration_page
from docs.files import files_page
from docs.live_calls_schema import live_calls_schema
from docs.metrics import metrics_page
from docs.runbooks import runbooks_page

FOLDER = Path(__file__).parent
PAGES = {
    "configuration.md": configuration_page,
    "files.md": files_page,
    "live-calls.schema.json": live_calls_schema,
    "metrics.md": metrics_page,
    "runbooks.md": runbooks_page,
    "../config.schema.json": config_schema,
}
"""What writes each page of the folder, and the schema beside the example."""


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
