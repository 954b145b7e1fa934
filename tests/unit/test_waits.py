"""How long callers waited and how long calls were handled, as listings tell: compared with what is true."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as with_fields

from exporter.collect.breakdowns import Lines
from exporter.collect.lifecycle import Lifecycle
from exporter.collect.waits import WaitOutcome
from exporter.config import CountsFrom, Line
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Call, PersonalCall
from tests.rows import call, personal_call

ANSWER, START, UNKNOWN = CountsFrom.ANSWER, CountsFrom.START, CountsFrom.UNKNOWN
BOUNDS = (5.0, 60.0, 600.0)
EPOCH = 1_718_447_400.0  # what the API's clock shows at 0
EXACT = ("answered", "start_time")
SEEN = ("answered", "listings")
ABANDONED = ("abandoned", "listings")
LINES = Lines([Line("sales", ("+918012345678",))])


@dataclass(frozen=True)
class TrueCall:
    """A call as it truly is: when it began, how long it waited, how long it was in progress, in seconds."""

    began: float
    waited: float
    handled: float | None
    """None of one that was abandoned."""

    @property
    def ended(self) -> float:
        """Return when it ended."""
        return self.began + self.waited + (self.handled or 0.0)

    def row(self, sid: str, at: float, counts_from: CountsFrom) -> Call | None:
        """Return its row at a moment, if it is listed then; durations are cut to whole seconds."""
        if not self.began <= at < self.ended:
            return None
        is_answered = at >= self.began + self.waited
        since = self.began if counts_from is START else self.began + self.waited
        duration = max(0.0, math.floor(at - since))
        status = "in-progress" if is_answered else "ringing"
        return call(sid, "inbound", status, duration, start_time=written(self.began))


def written(at: float) -> str:
    """Return a time as the API writes it."""
    return datetime.fromtimestamp(EPOCH + at, UTC).isoformat(timespec="milliseconds")


def listed(
    calls: Sequence[TrueCall],
    times: Sequence[float],
    counts_from: CountsFrom,
    clock: float = 0.0,
    **known: Any,
) -> Lifecycle:
    """Return what listings at these times tell, where the exporter's clock shows `clock` at 0."""
    life = Lifecycle.before(BOUNDS, counts_from)
    for at in times:
        rows = (each.row(f"call-{number}", at, counts_from) for number, each in enumerate(calls))
        present = {row.call_sid: row for row in rows if row is not None}
        life = life.after(present, clock + at, **{"api_time": EPOCH + at, **known})
    return life


def waits(life: Lifecycle) -> dict[tuple[str, ...], tuple[int, float]]:
    """Return count and sum of waits by outcome and source, where there are any."""
    totals: dict[tuple[str, ...], tuple[int, float]] = {}
    for (_, _, outcome, source), histogram in life.counts.waits.items():
        count, seconds = totals.get((outcome, source), (0, 0.0))
        totals[outcome, source] = count + histogram.buckets[-1].cumulative, seconds + histogram.sum
    return {how: total for how, total in totals.items() if total[0]}


def handled(life: Lifecycle) -> tuple[int, float]:
    """Return count and sum of what calls were handled."""
    histograms = life.counts.handling.values()
    return sum(each.buckets[-1].cumulative for each in histograms), sum(each.sum for each in histograms)


def every(interval: float, until: float, first: float = 0.0) -> list[float]:
    """Return when listings are made."""
    return [first + interval * number for number in range(int((until - first) / interval) + 1)]


# Single calls


@pytest.mark.parametrize("interval", [5, 15, 60, 240])
def test_a_wait_is_exact_at_any_interval_where_durations_count_from_the_answer(interval: float) -> None:
    """No listing need have shown the caller waiting."""
    life = listed([TrueCall(61, 7.25, 400)], every(interval, 480), ANSWER)
    [(how, (count, seconds))] = waits(life).items()
    assert (how, count) == (EXACT, 1)
    assert seconds == pytest.approx(7.25, abs=0.51)


def test_a_fraction_of_a_duration_is_taken_as_it_is() -> None:
    """Only whole seconds are cut off."""
    life = Lifecycle.before(BOUNDS, ANSWER).after({}, 0, api_time=EPOCH)
    talking = call("a", "inbound", "in-progress", 4.25, start_time=written(3))
    life = life.after({"a": talking}, 15, api_time=EPOCH + 15)
    assert waits(life) == {EXACT: (1, 7.75)}


def test_calls_in_progress_in_the_first_listing_have_no_wait() -> None:
    """They may have been answered before there was an exporter; those that wait then are answered later."""
    calls = [TrueCall(-100, 10, 300), TrueCall(-7, 20, 300)]
    life = listed(calls, every(15, 60), ANSWER)
    assert waits(life)[EXACT][0] == 1
    assert waits(life)[EXACT][1] == pytest.approx(20, abs=0.51)
    assert not waits(listed(calls, every(15, 60), UNKNOWN))  # since when it waited isn't known


@pytest.mark.parametrize(
    ("start_time", "why"),
    [
        (None, "missing"),
        ("yesterday", "unreadable"),
        ("1970-01-01 05:30:00+05:30", "unset"),
        ("2024-06-15T10:30:05", "no zone"),
        (written(5 + 19_800), "a zone that is wrong"),
        (written(5 - 19_800), "a zone that is wrong"),
    ],
)
def test_a_start_time_that_cannot_be_is_not_believed(start_time: str | None, why: str) -> None:
    """Listings tell instead, if one showed the caller waiting."""
    ringing = call("a", "inbound", "ringing", 0, start_time=start_time)
    talking = call("a", "inbound", "in-progress", 10, start_time=start_time)
    life = Lifecycle.before(BOUNDS, ANSWER)
    for number, rows in enumerate([[], [ringing], [ringing], [talking]]):
        life = life.after({row.call_sid: row for row in rows}, 15 * number, api_time=EPOCH + 15 * number)
    assert waits(life) == {SEEN: (1, 45 - 10.5 - 7.5)}, why
    unseen = Lifecycle.before(BOUNDS, ANSWER).after({}, 0, api_time=EPOCH)
    assert not waits(unseen.after({"a": talking}, 15, api_time=EPOCH + 15))


@pytest.mark.parametrize("duration", [None, -1.0, math.nan, math.inf, 1e9])
def test_a_duration_that_cannot_be_is_not_believed(duration: float | None) -> None:
    """When the call was answered listings tell, if one showed the caller waiting."""
    life = Lifecycle.before(BOUNDS, ANSWER)
    rows = [
        *([], [call("a", "inbound", "ringing", 0, start_time=written(5))]),
        [call("a", "inbound", "in-progress", duration, start_time=written(5))],
    ]
    for number, row in enumerate([*rows, [], []]):
        life = life.after({each.call_sid: each for each in row}, 15 * number, api_time=EPOCH + 15 * number)
    assert waits(life) == {SEEN: (1, 22.5 - 5)}
    assert handled(life) == (0, 0)


def test_a_wait_below_nothing_is_none_where_clocks_may_be_that_far_off() -> None:
    """A start time after the answer; what is further off isn't believed."""
    for ahead, expected in [(2, {EXACT: (1, 0.0)}), (60, {})]:
        talking = call("a", "inbound", "in-progress", 5, start_time=written(10 + ahead))
        life = Lifecycle.before(BOUNDS, ANSWER).after({}, 0, api_time=EPOCH)
        life = life.after({"a": talking}, 15, window=1, api_time=EPOCH + 15)
        assert waits(life) == expected


def test_a_start_time_that_the_answer_resets_costs_no_wait_that_was_seen() -> None:
    """When it began is kept as it was told first."""
    life = Lifecycle.before(BOUNDS, ANSWER).after({}, 0, api_time=EPOCH)
    life = life.after(
        {"a": call("a", "inbound", "ringing", 0, start_time=written(5))}, 15, api_time=EPOCH + 15
    )
    talking = call("a", "inbound", "in-progress", 4.5, start_time=written(25.5))
    assert waits(life.after({"a": talking}, 30, api_time=EPOCH + 30)) == {EXACT: (1, 20.5)}


def test_without_the_clock_of_the_api_listings_tell() -> None:
    """A start time says nothing then."""
    life = listed([TrueCall(5, 20, 100)], every(15, 60), ANSWER, api_time=None)
    assert set(waits(life)) == {SEEN}


@pytest.mark.parametrize("counts_from", [UNKNOWN, ANSWER])
def test_listings_take_what_lies_between_two_for_halfway(counts_from: CountsFrom) -> None:
    """The caller was first seen waiting at 15, last at 30, and was in the list no more at 45."""
    life = listed([TrueCall(5, 30, None)], every(15, 75), counts_from, api_time=None)
    assert waits(life) == {ABANDONED: (1, 37.5 - 7.5)}


def test_a_start_time_tells_since_when_one_waited_who_gave_up() -> None:
    """Only the end depends on listings."""
    assert waits(listed([TrueCall(5, 30, None)], every(15, 75), ANSWER)) == {ABANDONED: (1, 37.5 - 5)}


@pytest.mark.parametrize("status", ["failed", "busy", "no-answer", "canceled"])
def test_who_lingers_without_an_answer_has_given_up(status: str) -> None:
    """In the list, as a call that ended; once."""
    life = Lifecycle.before(BOUNDS, ANSWER)
    ringing = call("a", "inbound", "ringing", 0, start_time=written(5))
    over = with_fields(ringing, status=CallStatus(status))
    for number, rows in enumerate([[], [ringing], [over], [over], [], []]):
        life = life.after({row.call_sid: row for row in rows}, 15 * number, api_time=EPOCH + 15 * number)
    assert waits(life) == {ABANDONED: (1, 22.5 - 5)}


def test_a_call_that_rings_again_after_its_answer_waits_once() -> None:
    """It is transferred."""
    for counts_from in CountsFrom:
        life = Lifecycle.before(BOUNDS, counts_from)
        rows = [
            *(None, call("a", "inbound", "ringing", 0, start_time=written(10))),
            call("a", "inbound", "in-progress", 5, start_time=written(10)),
            call("a", "inbound", "ringing", 20, start_time=written(10)),
            call("a", "inbound", "in-progress", 35, start_time=written(10)),
            *(None, None),
        ]
        for number, row in enumerate(rows):
            present = {} if row is None else {row.call_sid: row}
            life = life.after(present, 15 * number, api_time=EPOCH + 15 * number)
        assert sum(count for count, _ in waits(life).values()) == 1
        assert handled(life)[0] == 1


def test_durations_from_the_start_tell_when_a_wait_began() -> None:
    """It ended between two listings, or else since it began."""
    life = listed([TrueCall(5, 35, 100)], every(15, 45), START)
    assert waits(life) == {SEEN: (1, 40 - 7.5)}
    life = listed([TrueCall(5, 6, 100)], every(15, 15), START)
    assert waits(life) == {SEEN: (1, 5)}


def test_a_gap_hides_waits_unless_they_are_exact() -> None:
    """Of a call that was answered in it, and of one that waited before; who gave up in it isn't known."""
    calls = [TrueCall(100, 20, 900), TrueCall(10, 40, 900), TrueCall(10, 40, None)]
    assert waits(listed(calls, [0, 15, 400, 415], UNKNOWN)) == {}
    [(how, (count, seconds))] = waits(listed(calls, [0, 15, 400, 415], ANSWER)).items()
    assert (how, count) == (EXACT, 2)
    assert seconds == pytest.approx(60, abs=1.02)


def test_a_call_that_the_last_listing_should_have_shown_in_progress_is_not_counted() -> None:
    """It was answered before, and may have been counted before two listings lacked it."""
    life = listed([TrueCall(5, 5, 600)], every(15, 30), ANSWER)
    for at in (45, 60):
        life = life.after({}, at, api_time=EPOCH + at)
    back = TrueCall(5, 5, 600).row("call-0", 75, ANSWER)
    assert back is not None
    assert waits(life.after({"call-0": back}, 75, api_time=EPOCH + 75))[EXACT][0] == 1


def test_handling_is_the_last_duration_where_it_counts_from_the_answer() -> None:
    """Of calls that were answered before the first listing as well; not of unanswered ones."""
    calls = [TrueCall(-100, 10, 130), TrueCall(20, 10, 33), TrueCall(0, 20, None)]
    assert handled(listed(calls, every(15, 120), ANSWER)) == (2, (30 + 90) + (60 - 30))


def test_handling_lasts_from_the_answer_that_listings_saw() -> None:
    """Of calls that were answered later than the first listing."""
    calls = [TrueCall(-100, 10, 130), TrueCall(20, 25, 63)]
    for counts_from in (START, UNKNOWN):
        count, seconds = handled(listed(calls, every(15, 180), counts_from))
        assert count == 1
        assert seconds == pytest.approx(63, abs=15)


def test_waits_and_handling_are_those_of_the_line() -> None:
    """By the number that was called; other is the rest."""
    rows = [
        personal_call("a", "inbound", "ringing", to="08012345678"),
        personal_call("b", "inbound", "ringing"),
    ]
    life, calls = Lifecycle.before(BOUNDS, UNKNOWN, LINES), dict[str, PersonalCall]()
    assert {line for _, line, _, _ in life.counts.waits} == {"sales", "other"}
    later = [with_fields(row, status=CallStatus.IN_PROGRESS, duration=9.0) for row in rows]
    for number, listing in enumerate([[], rows, later, later, [], []]):
        calls = {row.call_sid: row for row in listing}
        life = life.after(calls, 15 * number, lines=LINES.of_each(calls.values()))
    counts = Counter(
        {
            (direction, line): histogram.buckets[-1].cumulative
            for (direction, line, outcome, _), histogram in life.counts.waits.items()
            if outcome is WaitOutcome.ANSWERED
        }
    )
    assert counts == {(Direction.INBOUND, "sales"): 1, (Direction.INBOUND, "other"): 1}
    assert {key: each.buckets[-1].cumulative for key, each in life.counts.handling.items()} == counts


def test_series_of_inbound_calls_begin_at_zero() -> None:
    """As they will be told where nothing is odd."""
    for counts_from, answered in [(ANSWER, EXACT), (START, SEEN), (UNKNOWN, SEEN)]:
        life = Lifecycle.before(BOUNDS, counts_from)
        assert set(life.counts.waits) == {("inbound", "other", *how) for how in (answered, ABANDONED)}
        assert set(life.counts.handling) == {("inbound", "other")}
        assert not waits(life)


# Whatever happens

SECONDS = st.floats(0.01, 400).map(lambda seconds: round(seconds, 3))
CALLS = st.lists(
    st.builds(TrueCall, st.floats(-300, 900).map(lambda at: round(at, 3)), SECONDS, st.none() | SECONDS),
    max_size=8,
)
INTERVALS = st.sampled_from([5.0, 15.0, 60.0])


def shown(each: TrueCall, times: Sequence[float]) -> str:
    """Return how each listing has a call: `w` waiting, `a` answered, `-` not at all."""
    statuses: Mapping[CallStatus | None, str] = {CallStatus.RINGING: "w", CallStatus.IN_PROGRESS: "a"}
    rows = (each.row("a", at, ANSWER) for at in times)
    return "".join("-" if row is None else statuses[row.status] for row in rows)


@settings(max_examples=150)
@given(CALLS, INTERVALS, st.floats(-1e6, 1e6), st.sampled_from(CountsFrom))
def test_each_call_is_counted_once_as_far_as_listings_can_tell(
    calls: Sequence[TrueCall], interval: float, clock: float, counts_from: CountsFrom
) -> None:
    """Exact waits equal the truth within rounding, whatever our own clock shows."""
    times = every(interval, 1800)
    life = listed(calls, times, counts_from, round(clock, 3))
    stories = [shown(each, times) for each in calls]
    answered = [
        each for each, story in zip(calls, stories, strict=True) if "a" in story[1:] and story[0] != "a"
    ]
    seen = [story for story in stories if "wa" in story and story[0] == "-"]
    gone = [story for story in stories if "w" in story and "a" not in story and story.endswith("--")]
    given_up = [story for story in gone if story[0] == "-" or counts_from is not UNKNOWN]
    found = waits(life)
    assert found.get(ABANDONED, (0, 0.0))[0] == len(given_up)
    if counts_from is ANSWER:
        count, seconds = found.get(EXACT, (0, 0.0))
        assert SEEN not in found
        assert count == len(answered)
        assert abs(seconds - sum(each.waited for each in answered)) <= 0.51 * count
    else:
        count, seconds = found.get(SEEN, (0, 0.0))
        assert EXACT not in found
        assert count == len(seen if counts_from is UNKNOWN else answered)
    if counts_from is START:
        error = interval / 2 + 1.01
        assert abs(seconds - sum(each.waited for each in answered)) <= error * count


@given(CALLS, INTERVALS, st.sampled_from(CountsFrom))
def test_each_answered_call_that_ended_is_handled_once(
    calls: Sequence[TrueCall], interval: float, counts_from: CountsFrom
) -> None:
    """For no longer than it truly was, but for half an interval."""
    times = every(interval, 1800)
    stories = {shown(each, times): each for each in calls}
    ended = {story: each for story, each in stories.items() if "a" in story and story.endswith("--")}
    if counts_from is not ANSWER:
        ended = {story: each for story, each in ended.items() if story[0] != "a"}
    count, seconds = handled(listed([*stories.values()], times, counts_from))
    assert count == len(ended)
    assert seconds <= sum((each.handled or 0.0) + interval / 2 + 1 for each in ended.values())


@given(CALLS, INTERVALS, st.floats(0, 15))
def test_when_listings_are_made_makes_no_difference_to_a_wait(
    calls: Sequence[TrueCall], interval: float, phase: float
) -> None:
    """Of a call that both show."""
    for each in (replace(each, began=abs(each.began) + 20, handled=300.0) for each in calls):
        found = [waits(listed([each], times, ANSWER))[EXACT] for times in phases(interval, phase)]
        assert all(count == 1 and abs(seconds - each.waited) <= 0.51 for count, seconds in found)


def phases(interval: float, phase: float) -> Iterator[Sequence[float]]:
    """Yield when listings are made, and the same somewhat later."""
    for first in (0.0, phase):
        yield every(interval, 1800, first)
