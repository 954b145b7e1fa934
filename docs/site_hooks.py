"""What MkDocs makes of docs/: README.md is its first page, and files outside of it are in the repository."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from exporter import repository_url

ROOT = Path(__file__).parent.parent

_OWN = re.compile(r"(?<=\]\()docs/")
_OUTSIDE = re.compile(r"(?<=\]\()\.\./")
_BESIDE = re.compile(r"(?<=\]\()(?![a-z]+:|#|docs/)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the first page."""
    files.append(File.generated(config, "index.md", content=first_page()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  # MkDocs names its arguments
    """Return a page for the site."""
    return for_the_site(markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001  # as above
    """Return a page without the backslashes before bars that GitHub needs in tables, and MkDocs shows."""
    return html.replace("\\|", "|")


def first_page() -> str:
    """Return the README as a page of docs/."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return _OWN.sub("", _BESIDE.sub("../", readme))


def for_the_site(markdown: str) -> str:
    """Return a page whose links out of docs/ lead to the first page, or into the repository."""
    return _OUTSIDE.sub(repository_url(""), markdown.replace("](../README.md", "](index.md"))
