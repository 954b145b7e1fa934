"""What to do about a failed collection: said for every reason and cause, the same wherever it is read."""

from __future__ import annotations

import re

import pytest

from docs.runbooks import runbooks_page
from exporter.exotel.errors import Cause, Failure, Reason
from exporter.exotel.remediation import REMEDIATIONS, remediation_of
from tests import markdown
from tests.tools import ROOT

SETTINGS = (ROOT / "config.example.yaml").read_text(encoding="utf-8")


def test_every_reason_and_cause_has_a_remediation_in_a_sentence() -> None:
    """One sentence, short enough for a telephone's screen, that says what to do."""
    pattern = re.compile(r"[A-Z][^.!?]{30,150}(\.[^.!?\s]+)?[^.!?]*\.")
    assert [each for each in (*Reason, *Cause) if not pattern.fullmatch(REMEDIATIONS[each].sentence)] == []


def test_every_remediation_leads_to_a_runbook_that_exists() -> None:
    """And the tables of reasons and causes in the runbooks have a row for each."""
    page, anchors = runbooks_page(), markdown.anchors(markdown.PAGES["runbooks.md"])
    for each in (*Reason, *Cause):
        assert f"\n## {REMEDIATIONS[each].alert}\n" in page
        assert REMEDIATIONS[each].anchor in anchors
        assert f"\n| `{each}` | " in page


@pytest.mark.parametrize("cause", Cause)
def test_what_to_do_about_an_incomplete_listing_depends_on_its_cause(cause: Cause) -> None:
    """Each has a remediation of its own; only that of a list that moves speaks of its moving."""
    remediation = remediation_of(Failure(Reason.INCOMPLETE, "…", cause))
    assert remediation.anchor == "exotelcollectionincomplete"
    assert ("moves" in remediation.sentence) is (cause is Cause.MOVING)
    assert list(REMEDIATIONS.values()).count(remediation) == 1


def test_without_a_cause_the_reason_decides() -> None:
    """As for every other reason."""
    assert remediation_of(Failure(Reason.INCOMPLETE, "…")) is REMEDIATIONS[Reason.INCOMPLETE]
    assert remediation_of(Failure(Reason.TLS, "…")) is REMEDIATIONS[Reason.TLS]
    assert not {*map(str, Reason)} & {*map(str, Cause)}  # they share a mapping


def test_settings_that_a_remediation_names_are_settings() -> None:
    """Whoever follows it finds each of them in the example of a configuration."""
    for each in (*Reason, *Cause):
        for setting in re.findall(r"[a-z]+(?:_[a-z]+)+", REMEDIATIONS[each].sentence):
            assert re.search(rf"\b{setting}:", SETTINGS), setting
