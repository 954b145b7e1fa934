"""The pages of documentation: generated ones are current, and what they name and link to exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.config_schema import SECTIONS, inner_sections, own_keys
from docs.generate import FOLDER, PAGES
from docs.site_hooks import first_page, for_the_site
from exporter import repository_url
from exporter.cli import main
from exporter.web.config import WebConfig
from tests import markdown
from tests.offenders import for_each
from tests.tools import ROOT

CONFIGURATION = FOLDER / "configuration.md"

FLAGS = {name for option in main.params for name in option.opts}
FLAGS_OF_PROMETHEUS = {"--storage.tsdb.retention.time"}
FLAG = re.compile(r"(?<![\w-])--[a-z]+(?:\.[a-z][a-z-]*)+")


def keys(section: Any, path: str) -> Iterator[str]:
    """The path of every key in a section, and in those inside it."""
    inner = inner_sections(section)
    for key in own_keys(section):
        yield from keys(inner[key], f"{path}{key}.") if key in inner else [path + key]


KEYS = [
    *(key for name, section in SECTIONS.items() for key in keys(section, f"{name}.")),
    *keys(WebConfig, ""),
]


def test_generated_pages_are_current() -> None:
    """They are what `make generate` writes."""
    committed = {name: markdown.text(FOLDER / name) for name in PAGES}
    stale = [name for name, page in PAGES.items() if committed[name] != page()]
    assert stale == [], "run make generate"


def test_what_can_be_set_stands_on_the_page_of_the_configuration() -> None:
    """Every key of the schema, by its whole path, and every flag."""
    table = "\n".join(re.findall(r"^\|.*\|$", markdown.text(CONFIGURATION), re.MULTILINE))
    names = {*(key.replace("accounts.", "accounts[].") for key in KEYS), *FLAGS}
    assert {name for name in names if not re.search(rf"`{re.escape(name)}[` ]", table)} == set()


@for_each(markdown.PAGES.items())
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that it has."""
    for link in markdown.links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in markdown.anchors(target), link


@for_each(markdown.PAGES.items())
def test_every_flag_written_of_exists(page: Path) -> None:
    """A flag that is renamed breaks this before it breaks somebody's command."""
    assert set(FLAG.findall(markdown.text(page))) <= FLAGS | FLAGS_OF_PROMETHEUS


def test_source_files_that_pages_name_exist() -> None:
    """By their path from the root, or from the program's folder."""
    named = {(name, path) for name, page in markdown.PAGES.items() for path in markdown.sources(page)}
    assert named
    folders = ROOT, ROOT / "exporter"
    assert {(name, path) for name, path in named if not any((f / path).exists() for f in folders)} == set()


def test_links_of_the_site_that_leave_its_pages_lead_to_the_repository() -> None:
    """MkDocs checks those between pages; the README, its first page, has them relative to docs/."""
    assert for_the_site(
        "[a](../exporter/cli.py) [b](metrics.md#x) [c](#d) [e](https://example.com/../f)"
    ) == (f"[a]({repository_url('exporter/cli.py')}) [b](metrics.md#x) [c](#d) [e](https://example.com/../f)")
    assert for_the_site("[a](../README.md#run-it)") == "[a](index.md#run-it)"
    first = first_page()
    assert "](docs/" not in first
    assert "](install.md)" in first
    assert "](../CONTRIBUTING.md)" in first


PROJECT_ON_GITHUB = re.compile(r"https://github\.com/[\w.-]+/exotel-exporter(?=[/\s\"').#]|$)", re.MULTILINE)


def test_the_address_of_the_project_is_the_same_everywhere() -> None:
    """As pyproject.toml has it, which pages and rules take it from: a fork finds here where it stands."""
    folders = [
        path for name in (".github", "deploy", "docs", "exporter") for path in (ROOT / name).rglob("*")
    ]
    written = {".md", ".yml", ".yaml", ".html", ".service", ".socket"}
    files = [path for path in (*ROOT.glob("*.md"), *folders) if path.suffix in written]
    files += [ROOT / "deploy" / "Dockerfile", ROOT / "pyproject.toml"]
    found = {address for file in files for address in PROJECT_ON_GITHUB.findall(markdown.text(file))}
    assert found == {repository_url("").removesuffix("/blob/main/")}
