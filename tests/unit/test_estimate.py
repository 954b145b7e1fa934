"""How many calls there are, from a part of the list: the figures, and how far off they say they may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.estimate import LEAST_PAGES, Estimate, estimate_calls, estimate_unproven
from exporter.collect.tallies import KNOWN_PAIRS, Pair
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call

TALKING, RINGING = (Direction.INBOUND, CallStatus.IN_PROGRESS), (Direction.INBOUND, CallStatus.RINGING)
ODD = Direction.OTHER, CallStatus.UNKNOWN
PAIRS = st.sampled_from([*KNOWN_PAIRS, ODD])
_numbers = count()


def page(**calls: int) -> list[Call]:
    """Return a page of so many calls of each status, all inbound, none of which stands anywhere else."""
    return [
        Call(f"call-{next(_numbers)}", Direction.INBOUND, CallStatus(status.replace("_", "-")))
        for status, number in calls.items()
        for _ in range(number)
    ]


def by_pair(estimates: Sequence[Estimate]) -> dict[Pair, Estimate]:
    """Return the estimates by direction and status."""
    return {(each.direction, each.status): each for each in estimates}


@given(st.lists(st.lists(PAIRS, min_size=1, max_size=20), min_size=3, max_size=20), st.integers(1, 3000))
def test_the_estimates_add_up_to_the_total(pages: list[list[Pair]], more: int) -> None:
    """Every call is of some pair; none is told below 0, nor with an error that isn't a number above it."""
    calls = [[Call(f"call-{next(_numbers)}", *pair) for pair in pairs] for pairs in pages]
    total = sum(map(len, calls)) + more
    found = estimate_calls(calls, total)
    assert sum(each.calls for each in found) == pytest.approx(total)
    assert all(each.calls >= 0 and each.error > 0 for each in found)


def test_what_stands_at_the_ends_is_counted_and_not_scaled_up() -> None:
    """Thirty calls ring at the young end alone; the pages in between speak for the other 270."""
    pages = [page(in_progress=30) for _ in range(4)]
    found = by_pair(estimate_calls(pages, 300, page(ringing=30)))
    assert (found[RINGING].calls, found[TALKING].calls) == (30, 270)


def test_a_call_that_two_pages_show_counts_once() -> None:
    """The list moved between them: a whole page came twice, or a call of it."""
    first, *rest = (page(ringing=5, in_progress=5) for _ in range(5))
    once = estimate_calls([first, *rest], 500)
    assert estimate_calls([first, first, *rest], 500) == once
    assert estimate_calls([first, [first[-1], *rest[0]], *rest[1:]], 500) == once


def test_a_known_pair_that_no_page_shows_is_0_at_most_a_few() -> None:
    """Of 100 calls none rings: of 1,000 there are hardly more than three times ten."""
    found = by_pair(estimate_calls([page(in_progress=10) for _ in range(10)], 1000))
    assert found[RINGING].calls == 0
    assert 20 < found[RINGING].error < 40
    assert found.keys() == set(KNOWN_PAIRS)


def test_a_pair_that_is_not_always_told_is_told_where_it_was_seen() -> None:
    """As in a listing: words that the exporter doesn't know have a figure while there are some."""
    odd = [Call("odd", *ODD)]
    pages = [page(in_progress=10) for _ in range(4)]
    assert ODD not in by_pair(estimate_calls(pages, 500))
    assert ODD in by_pair(estimate_calls([*pages, odd], 500))
    assert ODD in by_pair(estimate_calls(pages, 500, odd))


@pytest.mark.parametrize("pages", range(LEAST_PAGES))
def test_of_too_few_pages_nothing_is_told(pages: int) -> None:
    """Nor of pages that show the same calls, as from a server that ignores what is asked."""
    same = page(in_progress=10)
    assert not estimate_calls([page(in_progress=10) for _ in range(pages)], 500)
    assert not estimate_calls([same] * 10, 500)


def test_the_error_shrinks_as_more_is_read_and_is_0_of_a_whole_list() -> None:
    """Four pages, eight, all of them."""
    pages = [page(in_progress=8 + number % 3, ringing=2 - number % 3) for number in range(50)]
    errors = [by_pair(estimate_calls(pages[:: 50 // part], 500))[RINGING].error for part in (4, 8, 50)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0


def test_a_list_that_moved_while_all_of_it_was_read_has_an_error() -> None:
    """As if it had been drawn by chance; more where more calls were read than there are, or fewer."""
    pages = [page(in_progress=8, ringing=2) for _ in range(50)]
    by_total = {total: by_pair(estimate_unproven(pages, total)) for total in (470, 500, 530)}
    assert by_total[500][RINGING].calls == 100
    assert 15 < by_total[500][RINGING].error < 30
    for total in 470, 530:
        assert by_total[total][RINGING].calls == pytest.approx(total / 5)
        assert by_total[total][RINGING].error > 30
    assert not estimate_unproven(pages[: LEAST_PAGES - 1], 500)


def test_pages_that_are_alike_within_make_the_error_larger() -> None:
    """Forty calls that ring: on one page of eight, or five on each."""
    alike = by_pair(estimate_calls([page(ringing=40), *(page(in_progress=40) for _ in range(7))], 5000))
    mixed = by_pair(estimate_calls([page(ringing=5, in_progress=35) for _ in range(8)], 5000))
    assert alike[RINGING].calls == mixed[RINGING].calls
    assert alike[RINGING].error > 3 * mixed[RINGING].error
    outbound = Direction.OUTBOUND_API, CallStatus.QUEUED
    assert alike[outbound].error > mixed[outbound].error  # what nobody saw may hide in such a page too


def test_a_status_that_gets_rarer_along_the_list_does_not_make_it_as_large() -> None:
    """A trend is no error of pages that lie evenly: only the way from each page to the next counts."""
    rising = [page(ringing=number, in_progress=20 - number) for number in range(20)]
    mixed = [rising[7 * number % 20] for number in range(20)]
    trend, jumps = (by_pair(estimate_calls(pages, 4000))[RINGING] for pages in (rising, mixed))
    assert trend.calls == jumps.calls
    assert trend.error < jumps.error / 1.5


@pytest.mark.parametrize("order", ["by status", "by chance"])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(order: str) -> None:
    """A thousand samples of seeded lists; the benchmark (`make estimate`) has more orders and sizes."""
    random, held = Random(7), 0  # noqa: S311  # seeded: the same samples each time
    for _ in range(1000):
        statuses = random.choices(["ringing", "in-progress"], [1, 4], k=1200)
        calls = [
            Call(str(number), Direction.INBOUND, CallStatus(each)) for number, each in enumerate(statuses)
        ]
        if order == "by status":
            calls.sort(key=lambda call: call.status or "")
        start = random.randrange(5)
        pages = [calls[place : place + 20] for place in range(20 * start, 1200, 100)]
        true = Counter(statuses)["ringing"]
        found = by_pair(estimate_calls(pages, 1200))[RINGING]
        held += abs(found.calls - true) <= found.error
    assert held >= 930
