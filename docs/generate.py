"""Writes the pages that are generated: `python -m docs.generate`."""

from __future__ import annotations

from pathlib import Path

from docs.alerts import alerts_page
from docs.config_schema import config_schema
from docs.configuration import configuration_page
from docs.files import files_page
from docs.live_calls_schema import live_calls_schema
from docs.metrics import metrics_page
from docs.runbooks import runbooks_page
from docs.runbooks_html import runbooks_html

FOLDER = Path(__file__).parent
PAGES = {
    "alerts.md": alerts_page,
    "configuration.md": configuration_page,
    "files.md": files_page,
    "live-calls.schema.json": live_calls_schema,
    "metrics.md": metrics_page,
    "runbooks.md": runbooks_page,
    "../exporter/http/runbooks_text.html": runbooks_html,
    "../config.schema.json": config_schema,
}
"""What writes each page of the folder, the schema beside the example, and the runbooks as they are served."""


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
