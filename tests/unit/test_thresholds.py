"""The thresholds: the committed file is the generated one, and what they follow from is recorded."""

import re

import pytest
import yaml

from deploy import rules
from deploy.thresholds import THRESHOLDS

READ = sorted(
    {
        found
        for threshold in THRESHOLDS
        if threshold.usual
        for found in re.findall(r'(account_figure:\w+:\w+){figure="(\w+)"}', threshold.usual.promql)
    }
)
RECORDED = [
    rule
    for file in rules.FILE.parent.glob("*.yml")
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
    if "record" in rule
]


def test_the_committed_thresholds_are_the_generated_ones() -> None:
    """Nobody edits them by hand, and nobody forgets to generate them."""
    assert rules.FILE.read_text(encoding="utf-8") == rules.thresholds_file(), "run make generate"


@pytest.mark.parametrize(("record", "figure"), READ)
def test_what_a_threshold_follows_from_is_recorded_of_its_figure(record: str, figure: str) -> None:
    """By a rule of that figure, or of all figures, or of some among which it is."""
    figures = [
        rule.get("labels", {}).get("figure") or _figures(rule["expr"])
        for rule in RECORDED
        if rule["record"] == record
    ]
    assert any(re.fullmatch(each, figure) for each in figures), (record, figure, figures)


def _figures(expression: str) -> str:
    chosen = re.search(r'figure=~"([^"]+)"', expression)
    return chosen[1] if chosen else ".*"
