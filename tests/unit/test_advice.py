"""What to do about a failed collection: said for every reason, and as the runbooks say it."""

from __future__ import annotations

import re

import pytest

from exporter.api.errors import Reason
from exporter.serve.advice import ADVICE, DOCS
from tests.tools import ROOT

RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "config.example.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_advice_in_a_sentence(reason: Reason) -> None:
    """One sentence, short enough for a telephone's screen, that says what to do."""
    assert re.fullmatch(r"[A-Z][^.!?]{30,150}(\.[^.!?\s]+)?[^.!?]*\.", ADVICE[reason].sentence)


@pytest.mark.parametrize("reason", Reason)
def test_the_runbook_of_a_reason_is_the_one_that_the_table_of_reasons_leads_to(reason: Reason) -> None:
    """The table sends the reader on to another runbook, or tells all there is itself."""
    [row] = re.findall(rf"^\| .*`{reason}`.* \| (.*) \|$", RUNBOOKS, re.MULTILINE)
    elsewhere = re.match(r"See \[(\w+)\]", row)
    alert = elsewhere[1] if elsewhere else "ExotelCollectionFailing"
    assert f"\n## {alert}\n" in RUNBOOKS
    assert ADVICE[reason].runbook == f"{DOCS}/runbooks.md#{alert.lower()}"


@pytest.mark.parametrize("reason", Reason)
def test_settings_that_advice_names_are_settings(reason: Reason) -> None:
    """Whoever follows it finds each of them in the example of a configuration."""
    for setting in re.findall(r"[a-z]+(?:_[a-z]+)+", ADVICE[reason].sentence):
        assert re.search(rf"\b{setting}:", SETTINGS), setting
