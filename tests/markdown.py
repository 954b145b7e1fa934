"""The pages of documentation, and what stands in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.tools import ROOT

PAGES = {path.name: path for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])}

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SOURCE = re.compile(r"`([a-z_/]+/[a-z_]+\.py)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text(page: Path) -> str:
    """The page as it stands."""
    return page.read_text(encoding="utf-8")


def links(page: Path) -> Iterator[str]:
    """Where the page's links and pictures lead, but for those to other sites."""
    for target in _LINK.findall(_FENCED.sub("", text(page))):
        if not target.startswith(("https://", "http://")):
            yield target


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives the page's headings."""
    headings = _HEADING.findall(_FENCED.sub("", text(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def sources(page: Path) -> Iterator[str]:
    """The Python files that the page names by a path."""
    yield from _SOURCE.findall(text(page))
