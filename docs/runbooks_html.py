"""The runbooks as the exporter serves them at /runbooks: HTML, with a list of the alerts before it."""

from __future__ import annotations

import re

from markdown import Markdown

from docs.runbooks import runbooks_page
from exporter import repository_url

_BESIDE = re.compile(r"\]\((?=[\w-]+\.md)")


def runbooks_html() -> str:
    """Return the text of the page: what it links to beside itself is in the repository."""
    reader = Markdown(extensions=["tables", "toc"], extension_configs={"toc": {"toc_depth": "2-2"}})
    text = reader.convert(_BESIDE.sub(f"]({repository_url('docs/')}", runbooks_page()))
    alerts = reader.toc  # type: ignore[attr-defined]  # which the extension of that name sets
    return f'<nav aria-label="Alerts">\n{alerts}</nav>\n<main>\n{text}\n</main>\n'
