"""The page /runbooks: what to do when an alert fires, also where there is no way out to the internet."""

from __future__ import annotations

from functools import cache

from exporter.http.pages import environment, headers, source

_STYLE = source("theme.css", "runbooks.css")

HEADERS = headers(_STYLE)
"""The headers of the page: no style but its own, and no script."""


@cache  # it is of files that don't change
def page() -> str:
    """Return the page; its text was made of docs/runbooks.md by `make generate`."""
    return environment.get_template("runbooks.html").render(style=_STYLE, text=source("runbooks_text.html"))
