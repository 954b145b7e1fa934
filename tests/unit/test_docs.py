"""The pages of documentation: generated ones are current, and what they name and link to exists."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.config_schema import SECTIONS, inner_sections, own_keys
from docs.generate import FOLDER, PAGES
from exporter.cli import main
from exporter.web.config import WebConfig
from tests import markdown
from tests.tools import ROOT

CONFIGURATION = FOLDER / "configuration.md"

FLAGS = {name for option in main.params for name in option.opts}
FLAG = re.compile(r"(?<![\w-])--[a-z]+(?:\.[a-z][a-z-]*)+")

each_page = pytest.mark.parametrize("page", markdown.PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def keys(section: Any, path: str) -> Iterator[str]:
    """The path of every key in a section, and in those inside it."""
    inner = inner_sections(section)
    for key in own_keys(section):
        yield from keys(inner[key], f"{path}{key}.") if key in inner else [path + key]


KEYS = [
    *(key for name, section in SECTIONS.items() for key in keys(section, f"{name}.")),
    *keys(WebConfig, ""),
]


@pytest.mark.parametrize(("name", "page"), PAGES.items(), ids=PAGES)
def test_a_generated_page_is_current(name: str, page: Callable[[], str]) -> None:
    """It is what `make generate` writes."""
    assert (FOLDER / name).read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", sorted({*(key.replace("accounts.", "accounts[].") for key in KEYS), *FLAGS}))
def test_what_can_be_set_stands_on_the_page_of_the_configuration(name: str) -> None:
    """Every key of the schema, by its whole path, and every flag."""
    assert re.search(rf"^\|.*`{re.escape(name)}[` ].*\|$", markdown.text(CONFIGURATION), re.MULTILINE)


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that it has."""
    for link in markdown.links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in markdown.anchors(target), link


@each_page
def test_every_flag_written_of_exists(page: Path) -> None:
    """A flag that is renamed breaks this before it breaks somebody's command."""
    assert set(FLAG.findall(markdown.text(page))) <= FLAGS
