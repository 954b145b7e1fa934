"""The benchmarks' own judgement: what counts, what has missed its aim, and what the page says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bench.__main__ import doubt
from bench.aims import FIGURES, Figure, Found
from bench.plot import svg
from bench.table import missed, replaced, row, table

FIGURE = Figure("start", "start to ready", 0.35, "s")


def truth(ringing: int, talking: int, *, started: int = 0, ended: int = 0) -> Mapping[str, Any]:
    """Return what a simulator tells of its calls."""
    calls = {"inbound": {"ringing": ringing, "in-progress": talking}}
    return {"total": ringing + talking, "calls": calls, "started": started, "ended": ended}


LISTED = {"inbound ringing": 1, "inbound in-progress": 2}


def test_a_listing_of_a_list_that_stands_still_must_have_each_count_right() -> None:
    """Not the total alone."""
    assert not doubt(LISTED, truth(1, 2), truth(1, 2))
    assert doubt(LISTED, truth(2, 1), truth(2, 1))
    assert doubt({}, truth(1, 2), truth(1, 2)) == "found 0 calls of 3"


def test_a_listing_of_a_list_that_moves_may_differ_by_what_changed_meanwhile() -> None:
    """By no more than that."""
    assert not doubt(LISTED, truth(2, 3), truth(1, 3, ended=2))
    assert doubt(LISTED, truth(2, 3), truth(2, 3, started=1))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Found("start", [0.3, 0.35, 0.9]), "reached"),
        (Found("start", [0.3, 0.36, 0.9]), "missed"),
        (Found("start", [0.3], void="found 1 call of 2"), "void: found 1 call of 2"),
    ],
    ids=["reached", "missed", "void"],
)
def test_a_row_shows_the_median_the_spread_and_whether_the_aim_is_reached(found: Found, verdict: str) -> None:
    """By the median."""
    low, median, high = min(found.values), found.median, max(found.values)
    value = f"{median:g} s ({low:g} to {high:g}; {len(found.values)})"
    assert row(FIGURE, found) == f"| start to ready | ≤ 0.35 s | {value} | {verdict} |  |"


def test_what_is_void_or_missed_fails_and_what_was_not_measured_is_said_to_be_so() -> None:
    """A figure without a value is in the table, and no aim of it is missed."""
    void, good = Found("start", [0.1], void="no"), Found("idle", [10])
    assert [figure.key for figure in missed({"start": void, "idle": good})] == ["start"]
    lines = table({"idle": good}).splitlines()
    assert len(lines) == len(FIGURES) + 2
    assert sum("not measured" in line for line in lines) == len(FIGURES) - 1


def test_the_page_keeps_all_but_the_table() -> None:
    """However often it is written."""
    page = "a\n<!-- make figures: begin -->\nold\n<!-- make figures: end -->\nb\n"
    once = replaced(page, "new")
    assert replaced(once, "new") == once
    assert "old" not in once
    assert once.startswith("a\n")
    assert once.endswith("\nb\n")


def test_the_curve_rises_where_costs_do() -> None:
    """Upwards is towards 0 in SVG."""
    costs = {"time": 1.0, "CPU": 2.0, "CPU of the plain reference": 5.0}
    points = [{"calls": 100.0, **costs}, {"calls": 1000.0, **costs, "time": 10.0}]
    line = svg(points).partition('polyline points="')[2].partition('"')[0]
    (x1, y1), (x2, y2) = (tuple(map(float, point.split(","))) for point in line.split())
    assert x1 < x2
    assert y1 > y2
