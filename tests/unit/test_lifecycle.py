"""What complete listings tell of the life of calls."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.collect.lifecycle import Lifecycle, ObservedCounts
from exporter.collect.tallies import Histogram
from exporter.collect.waits import Outcome
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call
from tests.rows import call

BOUNDS = (5.0, 60.0, 600.0)
GAP = 301  # seconds; of what happens between listings that far apart nobody knows when
WEEK = 7 * 86_400.0  # seconds; no call lasts longer

Listing = Sequence[Call]
History = Sequence[tuple[int, Listing]]
"""Listings, each with the seconds since the one before."""

_K = TypeVar("_K")


def ringing(sid: str = "a", direction: str = "inbound") -> Call:
    """Return a call that rings."""
    return call(sid, direction, "ringing", 0)


def talking(sid: str = "a", seconds: float | None = 30) -> Call:
    """Return a call in progress."""
    return call(sid, "inbound", "in-progress", seconds)


def one_more(life: Lifecycle, listing: Listing, at: float) -> Lifecycle:
    """Return what is known after one more listing."""
    return life.after({call.call_sid: call for call in listing}, at)


def known(history: History) -> list[Lifecycle]:
    """Return what is known after each listing of a history."""
    life, at, lives = Lifecycle.before(BOUNDS), 0, []
    for seconds, listing in history:
        at += seconds
        life = one_more(life, listing, at)
        lives.append(life)
    return lives


def seeded(*listings: Listing) -> Lifecycle:
    """Return what is known after these listings, one every 15 s; the first is the first there ever was."""
    return known([(15, listing) for listing in listings])[-1]


def after(*listings: Listing) -> Lifecycle:
    """Return what is known after these listings, one every 15 s, with an empty one before them."""
    return seeded([], *listings)


def started(life: Lifecycle) -> int:
    """Count the calls that started."""
    return sum(life.counts.started.values())


def ended(life: Lifecycle) -> int:
    """Count the calls that ended."""
    return sum(life.counts.ended.values())


def counted(counts: Mapping[_K, float]) -> dict[_K, float]:
    """Leave out what is 0."""
    return {key: count for key, count in counts.items() if count}


def totals(histograms: Mapping[_K, Histogram]) -> dict[_K, tuple[int, float]]:
    """Return count and sum of those that count something."""
    each = {key: (histogram.buckets[-1].cumulative, histogram.sum) for key, histogram in histograms.items()}
    return {key: total for key, total in each.items() if total[0]}


# Single calls


def test_known_directions_begin_at_zero() -> None:
    """A counter that begins with its first call would hide that call from rate()."""
    counts = Lifecycle.before(BOUNDS).counts
    directions = ("inbound", "outbound-api", "outbound-dial")
    statuses = ("queued", "ringing", "in-progress")
    assert counts.started == dict.fromkeys(directions, 0)
    assert counts.ended == {(direction, status): 0 for direction in directions for status in statuses}
    assert set(counts.rings) == {(direction, outcome) for direction in directions for outcome in Outcome}
    assert set(counts.durations) == set(directions)
    assert not totals(counts.rings)
    assert not totals(counts.durations)


def test_the_first_listing_counts_nothing() -> None:
    """Its calls may have started long ago."""
    assert seeded([ringing("a"), talking("b")]).counts == Lifecycle.before(BOUNDS).counts


def test_a_call_that_appears_has_started() -> None:
    """By the direction in which it is first seen."""
    life = after([ringing("a"), ringing("b", "outbound-dial")])
    assert counted(life.counts.started) == {"inbound": 1, "outbound-dial": 1}


def test_a_call_has_ended_when_two_listings_in_a_row_lack_it() -> None:
    """By its last status, and once; one listing that lacks it may err."""
    assert not ended(seeded([talking()], []))
    assert counted(seeded([talking()], [], []).counts.ended) == {("inbound", "in-progress"): 1}
    assert ended(seeded([talking()], [], [], [])) == 1


def test_a_call_that_is_missing_from_one_listing_and_back_in_the_next_is_counted_once() -> None:
    """It neither ended nor started again, however often it blinks."""
    life = after([talking()], [], [talking()], [], [talking()], [], [])
    assert (started(life), ended(life)) == (1, 1)


def test_a_call_that_one_listing_lacks_and_the_next_has_again_has_returned() -> None:
    """Each time; one that two listings lack has ended, and starts again."""
    assert after([talking()], []).counts.returned == 0
    assert after([talking()], [], [talking()], [], [talking()]).counts.returned == 2
    assert after([talking()], [], [], [talking()]).counts.returned == 0


def test_calls_of_the_first_listing_return_as_others_do() -> None:
    """It was complete, and so was the one that lacked them."""
    assert seeded([talking("a"), talking("b")], [], [talking("a"), talking("b")]).counts.returned == 2


def test_a_call_that_comes_back_after_two_listings_has_started_again() -> None:
    """Its end was counted: the balance has to hold."""
    life = after([talking()], [], [], [talking()])
    assert (started(life), ended(life)) == (2, 1)


def test_a_call_lasted_as_long_as_it_was_last_seen_to() -> None:
    """What the API said of it counts, not how far the listings were apart."""
    durations = after([talking(seconds=10)], [talking(seconds=25)], [], []).counts.durations
    assert totals(durations) == {"inbound": (1, 25)}
    assert [bucket.cumulative for bucket in durations[Direction.INBOUND].buckets] == [0, 1, 1, 1]


@pytest.mark.parametrize("duration", [None, -1.0, math.nan, math.inf, 1e300, math.nextafter(WEEK, math.inf)])
def test_a_duration_that_no_call_can_have_is_not_counted(duration: float | None) -> None:
    """The end is."""
    life = after([talking(seconds=duration)], [], [])
    assert ended(life) == 1
    assert not totals(life.counts.durations)


def test_a_duration_of_seven_days_is_counted() -> None:
    """What is longer, such as seconds since 1970, would be the mean for ever."""
    life = after([talking("a", WEEK), talking("b", 1_700_000_000)], [], [])
    assert totals(life.counts.durations) == {"inbound": (1, WEEK)}


def test_an_ended_call_that_lingers_in_the_list_ends_when_it_leaves_it() -> None:
    """By the status it ended with."""
    counts = after([talking()], [call("a", "inbound", "completed", 40)], [], []).counts
    assert counted(counts.ended) == {("inbound", "completed"): 1}
    assert totals(counts.durations) == {"inbound": (1, 40)}


def test_a_call_without_direction_and_status_is_counted_as_unknown() -> None:
    """The API left them out."""
    counts = after([call("a")], [], []).counts
    assert counted(counts.started) == {"unknown": 1}
    assert counted(counts.ended) == {("unknown", "unknown"): 1}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("in-progress", "answered"),
        ("completed", "answered"),
        ("failed", "unanswered"),
        ("busy", "unanswered"),
        ("no-answer", "unanswered"),
        ("canceled", "unanswered"),
    ],
)
def test_a_ring_ends_with_the_listing_that_shows_how(status: str, outcome: str) -> None:
    """Queued and ringing are one wait."""
    life = after([call("a", "inbound", "queued")], [ringing()], [call("a", "inbound", status)])
    assert totals(life.counts.rings) == {("inbound", outcome): (1, 30)}


def test_a_ring_ends_with_the_first_listing_that_lacks_the_call() -> None:
    """It is counted one listing later, when the call is taken for ended."""
    assert not totals(after([ringing()], [ringing()], []).counts.rings)
    life = after([ringing()], [ringing()], [], [])
    assert totals(life.counts.rings) == {("inbound", "unanswered"): (1, 30)}


def test_a_ring_goes_on_through_a_listing_that_lacks_the_call() -> None:
    """It is one ring, over the whole time."""
    life = after([ringing()], [], [ringing()], [], [talking()])
    assert totals(life.counts.rings) == {("inbound", "answered"): (1, 60)}


def test_a_ring_that_ends_with_a_status_that_is_not_known_is_not_counted() -> None:
    """Nobody can tell whether it was answered."""
    life = after([ringing()], [call("a", "inbound", "on-the-moon")], [talking()], [], [])
    assert not totals(life.counts.rings)


@pytest.mark.parametrize("status", [None, ""])
def test_a_ring_goes_on_while_no_status_is_told(status: str | None) -> None:
    """What isn't said is no end; it is one ring, over the whole time."""
    unsaid = call("a", "inbound", status)
    assert after([ringing()], [unsaid]).longest_rings[Direction.INBOUND] == 15
    assert totals(after([ringing()], [unsaid], [talking()]).counts.rings) == {
        ("inbound", "answered"): (1, 30)
    }
    life = after([ringing()], [unsaid], [], [])
    assert totals(life.counts.rings) == {("inbound", "unanswered"): (1, 30)}


@pytest.mark.parametrize("status", ["in-progress", "on-the-moon", None, ""])
def test_a_ring_whose_begin_was_not_seen_is_never_counted(status: str | None) -> None:
    """The call was there before, as something else; the ring may be the longest that is seen all the same."""
    before = call("a", "inbound", status)
    life = after([before], [ringing()], [ringing()])
    assert life.longest_rings[Direction.INBOUND] == 15
    life = after([before], [ringing()], [ringing()], [talking()], [], [])
    assert not totals(life.counts.rings)


def test_a_ring_that_was_under_way_at_the_first_listing_is_never_counted() -> None:
    """Nobody knows when it began; it may be the longest that is seen all the same."""
    assert not totals(seeded([ringing()], [ringing()], [talking()]).counts.rings)
    assert not totals(seeded([ringing()], [], [ringing()], [], []).counts.rings)
    assert seeded([ringing()], [ringing()]).longest_rings[Direction.INBOUND] == 15


def test_the_longest_ring_is_that_of_the_call_that_has_been_seen_waiting_longest() -> None:
    """By direction; 0 when none waits."""
    both = [ringing("a"), ringing("b"), ringing("c", "outbound-api"), talking("d")]
    life = after([ringing("a")], both, both)
    assert life.longest_rings == {"inbound": 30, "outbound-api": 15, "outbound-dial": 0}


def test_a_call_that_the_last_listing_lacks_is_not_waiting() -> None:
    """If it comes back, it has been all along."""
    assert not counted(after([ringing()], [ringing()], []).longest_rings)
    assert after([ringing()], [], [ringing()]).longest_rings[Direction.INBOUND] == 30


def test_calls_that_come_and_go_in_a_long_gap_are_counted() -> None:
    """They did start and end, whenever that was; what goes on counts as neither."""
    before = after([ringing("a"), talking("b")])
    life = one_more(before, [talking("a"), ringing("c")], before.at + GAP)
    life = one_more(life, [talking("a"), ringing("c")], life.at + 15)
    assert (started(before), ended(before)) == (2, 0)
    assert (started(life), ended(life)) == (3, 1)


def test_how_long_a_call_lasted_that_ended_in_a_long_gap_is_not_counted() -> None:
    """It was last seen long before its end; one that was seen to have gone before the gap is counted."""
    before = after([talking("a", 40), talking("b", 50)], [talking("b", 65)])
    life = one_more(before, [], before.at + GAP)
    life = one_more(life, [], life.at + 15)
    assert ended(life) == 2
    assert totals(life.counts.durations) == {"inbound": (1, 40)}


def test_a_ring_that_a_long_gap_interrupts_is_never_counted() -> None:
    """Nobody saw when it began or how it ended; from then on it may be the longest that is seen."""
    before = after([ringing("a"), ringing("b")], [ringing("a"), ringing("b")])
    life = one_more(before, [ringing("a"), talking("b"), ringing("c")], before.at + GAP)
    assert not counted(life.longest_rings)
    life = one_more(life, [ringing("a"), ringing("c")], life.at + 15)
    assert life.longest_rings[Direction.INBOUND] == 15
    life = one_more(life, [talking("a")], life.at + 15)
    life = one_more(life, [], life.at + 15)
    assert not totals(life.counts.rings)


def test_five_minutes_between_listings_are_no_long_gap() -> None:
    """A ring and a duration are still told."""
    life = known(
        [(1, []), (15, [ringing("a"), talking("b", 30)]), (300, [talking("a")]), (15, [talking("a")])]
    )[-1]
    assert totals(life.counts.rings) == {("inbound", "answered"): (1, 300)}
    assert totals(life.counts.durations) == {"inbound": (1, 30)}


def test_a_listing_that_is_given_again_changes_nothing() -> None:
    """A clock that stands still, or goes back, tells of no new one."""
    life = after([ringing()], [talking("b")])
    assert one_more(life, [talking("b")], life.at) is life
    assert one_more(life, [], life.at - 1) is life


# Whatever the listings

ROWS = st.tuples(
    st.sampled_from(["inbound", "outbound-api", "outbound-dial", "outbound", "sideways", None]),
    st.sampled_from(
        [
            *("queued", "ringing", "ringing", "in-progress", "completed"),
            *("failed", "busy", "no-answer", "canceled", "on-the-moon", "", None),
        ]
    ),
    st.integers(0, 10_000) | st.sampled_from([None, -1.0, math.nan, math.inf, WEEK, WEEK + 1]),
)
LISTINGS = st.dictionaries(st.sampled_from("abcd"), ROWS).map(
    lambda rows: [call(sid, *fields) for sid, fields in rows.items()]
)
#: Calls come and go, blink, change their mind; now and then no listing succeeds for more than five minutes.
HISTORIES = st.lists(st.tuples(st.integers(1, 300) | st.sampled_from([15, 300, GAP]), LISTINGS), max_size=12)

_LETTERS = {
    **dict.fromkeys(("queued", "ringing"), "w"),
    **dict.fromkeys(("in-progress", "completed"), "a"),
    **dict.fromkeys(("failed", "busy", "no-answer", "canceled"), "u"),
    **dict.fromkeys(("unknown", "None"), "s"),
}
_LIFE = re.compile("[^-]+(?:-[^-]+)*")
"""A call's time in the lists, a letter for each; `-` for one that lacks it."""
_RETURN = re.compile("(?<=[^-])-(?=[^-])")
_STILL_RINGING = re.compile(r"w[ws]*(?:-[ws]+)*\Z")
_RING = re.compile("w[ws]*(?:-[ws]+)*(?:-?(?P<answered>a)|-?u|(?P<gone>--))")


@dataclass
class Told:
    """What a history tells."""

    started: Counter[Direction] = field(default_factory=Counter)
    ended: Counter[tuple[Direction, CallStatus]] = field(default_factory=Counter)
    returned: int = 0
    rings: dict[tuple[Direction, Outcome], list[float]] = field(default_factory=dict)
    durations: dict[Direction, list[float]] = field(default_factory=dict)
    longest_rings: dict[Direction, float] = field(default_factory=dict)


def told(history: History) -> Told:
    """Read the story of each call off a string of letters, one for each listing."""
    told = Told()
    times = list(accumulate(seconds for seconds, _ in history))
    gaps = [number for number, (seconds, _) in enumerate(history) if number and seconds >= GAP]
    rows = [{each.call_sid: each for each in listing} for _, listing in history]
    for sid in set[str]().union(*rows):
        seen = [each.get(sid) for each in rows]
        tell(told, times, gaps, seen)
        last_gap = max(gaps, default=0)
        tell_longest_ring(told, times[last_gap:], seen[last_gap:])
    return told


def story_of(seen: Sequence[Call | None]) -> str:
    """Write down how each listing has a call."""
    return "".join("-" if each is None else _LETTERS.get(str(each.status), "?") for each in seen)


def tell(told: Told, times: Sequence[int], gaps: Collection[int], seen: Sequence[Call | None]) -> None:
    """Tell of one call, as each listing has it; what `gaps` are the numbers of came after a long gap."""
    story = story_of(seen)
    told.returned += len(_RETURN.findall(story))
    for life in _LIFE.finditer(story):
        began, rest = life.start(), story[life.start() :]
        direction, _, _ = fields_of(seen[began])
        if began > 0:  # else it was there at first
            told.started[direction] += 1
            ring = _RING.match(rest)
            if ring and not any(began <= gap < began + ring.end() for gap in gaps):
                outcome = Outcome.ANSWERED if ring["answered"] else Outcome.UNANSWERED
                over = ring.start("gone") if ring["gone"] else ring.end() - 1
                told.rings.setdefault((direction, outcome), []).append(times[began + over] - times[began])
        if story.startswith("--", life.end()):
            direction, status, duration = fields_of(seen[life.end() - 1])
            told.ended[direction, status] += 1
            if duration is not None and 0 <= duration <= WEEK and life.end() not in gaps:
                told.durations.setdefault(direction, []).append(duration)


def tell_longest_ring(told: Told, times: Sequence[int], seen: Sequence[Call | None]) -> None:
    """Return how long one call has been seen ringing since the last long gap, if it still does."""
    story = story_of(seen)
    for life in _LIFE.finditer(story):
        if life.end() == len(story) and (ring := _STILL_RINGING.search(life[0])):
            began = life.start() + ring.start()
            direction, _, _ = fields_of(seen[began])
            longest = told.longest_rings.get(direction, 0)
            told.longest_rings[direction] = max(longest, times[-1] - times[began])


def fields_of(row: Call | None) -> tuple[Direction, CallStatus, float | None]:
    """Return what counts of a row that is there."""
    assert row is not None
    return row.direction or Direction.UNKNOWN, row.status or CallStatus.UNKNOWN, row.duration


@settings(max_examples=100)
@given(HISTORIES)
def test_the_figures_are_those_of_each_call_by_itself(history: History) -> None:
    """Read off the story of one call after the other, all comes out the same."""
    [*_, life], expected = [Lifecycle.before(BOUNDS), *known(history)], told(history)
    assert counted(life.counts.started) == expected.started
    assert counted(life.counts.ended) == expected.ended
    assert life.counts.returned == expected.returned
    rings = {key: (len(seconds), sum(seconds)) for key, seconds in expected.rings.items()}
    assert totals(life.counts.rings) == rings
    assert totals(life.counts.durations).keys() == expected.durations.keys()
    for direction, seconds in expected.durations.items():
        assert life.counts.durations[direction] == Histogram.of(seconds, BOUNDS)
    assert counted(life.longest_rings) == counted(expected.longest_rings)


@given(HISTORIES)
def test_starts_less_ends_are_the_calls_of_the_last_two_listings_less_those_of_the_first(
    history: History,
) -> None:
    """Always, however many listings there were, and however far apart."""
    present = [{each.call_sid for each in listing} for _, listing in history]
    for number, life in enumerate(known(history)):
        last_two = present[number] | present[max(0, number - 1)]
        assert started(life) - ended(life) == len(last_two) - len(present[0])


@given(HISTORIES)
def test_counters_never_fall(history: History) -> None:
    """Nor do the buckets and sums of histograms, or Prometheus would take the exporter for restarted."""
    before = figures(Lifecycle.before(BOUNDS).counts)
    for life in known(history):
        now = figures(life.counts)
        assert all(now[key] >= figure for key, figure in before.items())
        before = now


def figures(counts: ObservedCounts) -> dict[object, float]:
    """Return every figure that may only rise."""
    rises: dict[object, float] = {
        ("started", direction): calls for direction, calls in counts.started.items()
    }
    rises["returned"] = counts.returned
    rises |= {("ended", pair): calls for pair, calls in counts.ended.items()}
    for key, histogram in [*counts.rings.items(), *counts.durations.items()]:
        rises["sum", key] = histogram.sum
        rises |= {(key, bucket.bound): bucket.cumulative for bucket in histogram.buckets}
    return rises


@given(HISTORIES)
def test_the_first_listing_after_a_long_gap_counts_no_ring(history: History) -> None:
    """Whatever there was before; the very first listing counts nothing at all."""
    before = Lifecycle.before(BOUNDS)
    for number, ((seconds, _), life) in enumerate(zip(history, known(history), strict=True)):
        if number == 0:
            assert life.counts == before.counts
        if seconds >= GAP:
            assert life.counts.rings == before.counts.rings
        before = life


@given(HISTORIES)
def test_listings_that_are_given_twice_are_listings_given_once(history: History) -> None:
    """All comes out the same."""
    twice = [again for seconds, listing in history for again in ((seconds, listing), (0, listing))]
    for one, two in zip(known(history), known(twice)[1::2], strict=True):
        assert (two.counts, two.longest_rings) == (one.counts, one.longest_rings)
