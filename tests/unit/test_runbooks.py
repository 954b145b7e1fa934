"""The page /runbooks: each alert has its part of it, and nothing else is needed to read it."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from exporter import repository_url
from exporter.http.runbooks import HEADERS, page
from tests import markdown
from tests.expressions import rules
from tests.html import Read
from tests.tools import ROOT

READ = Read(page())
IDS = {element.attributes["id"] for element in READ.elements if "id" in element.attributes}
LISTED = {link for link in READ.links() if link.startswith("#")}


def test_every_alert_has_its_runbook_where_its_link_leads() -> None:
    """At the anchor that `runbook_url` ends with, and in the list of alerts."""
    anchors = {rule["alert"].lower() for rule in rules() if "alert" in rule}
    assert anchors <= IDS
    assert {f"#{anchor}" for anchor in anchors} <= LISTED


def test_links_of_the_runbooks_lead_somewhere() -> None:
    """To a section of the page, to the exporter's first page, or into the repository, whose files exist."""
    assert {link.removeprefix("#") for link in LISTED} <= IDS
    others = {*READ.links()} - LISTED - {"./"}
    assert others
    for link in others:
        path, _, anchor = link.removeprefix(repository_url("")).partition("#")
        assert (ROOT / path).is_file(), link
        assert not anchor or anchor in markdown.anchors(ROOT / path), link


def test_the_runbooks_are_shown_without_their_markup() -> None:
    """Tables, lists, emphasis and code were all understood."""
    code = {element.text for element in READ.elements if element.tag == "code"}
    said = READ.text
    for each in sorted(code, key=len, reverse=True):
        said = said.replace(" ".join(each.split()), "")
    assert not re.search(r"\*\*|`|\|---|\]\(|^ *[-*] ", said)
    assert len(READ.texts("pre")) > 30
    assert len(READ.texts("table")) > 30


def test_nothing_but_the_style_of_the_page_applies_to_the_runbooks() -> None:
    """There is no script, and no element has a style or a source of its own."""
    [style] = READ.texts("style")
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        **dict.fromkeys(("default-src", "script-src", "connect-src"), "'none'"),
        "style-src": f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
        "img-src": "data:",
        **dict.fromkeys(("base-uri", "form-action", "frame-ancestors"), "'none'"),
    }
    assert not [each for each in READ.elements if {"style", "src", "onclick"} & each.attributes.keys()]
