"""What to do about a failed collection: said for every reason, and as the runbooks say it."""

from __future__ import annotations

import re

from exporter.exotel.errors import ApiError, Cause, Incomplete, Reason
from exporter.http.remediation import DOCS, REMEDIATIONS, remediation_of
from tests.offenders import for_each
from tests.tools import ROOT

RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "config.example.yaml").read_text(encoding="utf-8")


@for_each((each, each) for each in [*Reason, *Cause])
def test_every_reason_and_cause_has_advice_in_a_sentence(reason: Reason | Cause) -> None:
    """One sentence, short enough for a telephone's screen, that says what to do."""
    assert re.fullmatch(r"[A-Z][^.!?]{30,150}(\.[^.!?\s]+)?[^.!?]*\.", REMEDIATIONS[reason].sentence)


@for_each((each, each) for each in Reason)
def test_the_runbook_of_a_reason_is_the_one_that_the_table_of_reasons_leads_to(reason: Reason) -> None:
    """The table sends the reader on to another runbook, or tells all there is itself."""
    [row] = re.findall(rf"^\| .*`{reason}`.* \| (.*) \|$", RUNBOOKS, re.MULTILINE)
    elsewhere = re.match(r"See \[(\w+)\]", row)
    alert = elsewhere[1] if elsewhere else "ExotelCollectionFailing"
    assert f"\n## {alert}\n" in RUNBOOKS
    assert REMEDIATIONS[reason].runbook == f"{DOCS}/runbooks.md#{alert.lower()}"


@for_each((each, each) for each in Cause)
def test_what_to_do_about_an_incomplete_listing_depends_on_its_cause(cause: Cause) -> None:
    """Each has a row in the runbook, and advice of its own; only a list that moves is told to."""
    assert re.findall(rf"^\| `{cause}` \| .* \|$", RUNBOOKS, re.MULTILINE)
    advice = remediation_of(Incomplete("between 3 pairs of pages calls could be missing", cause))
    assert advice.runbook == f"{DOCS}/runbooks.md#exotelcollectionincomplete"
    assert ("moves" in advice.sentence) is (cause is Cause.MOVING)
    assert list(REMEDIATIONS.values()).count(advice) == 1


def test_without_a_cause_the_reason_decides() -> None:
    """As for every other reason."""
    assert remediation_of(Incomplete("…", None)) is REMEDIATIONS[Reason.INCOMPLETE]
    assert remediation_of(ApiError(Reason.TLS, "…")) is REMEDIATIONS[Reason.TLS]
    assert not {*map(str, Reason)} & {*map(str, Cause)}  # they share a mapping


@for_each((each, each) for each in [*Reason, *Cause])
def test_settings_that_advice_names_are_settings(reason: Reason | Cause) -> None:
    """Whoever follows it finds each of them in the example of a configuration."""
    for setting in re.findall(r"[a-z]+(?:_[a-z]+)+", REMEDIATIONS[reason].sentence):
        assert re.search(rf"\b{setting}:", SETTINGS), setting
