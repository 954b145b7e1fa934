"""What doctor concludes from pages of the list, whatever they hold: the truth, or that it can't be told."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.doctor.asker import ListReply, Question, Reply
from exporter.doctor.counting import judge_doubled, judge_total
from exporter.doctor.ends import judge_ends
from exporter.doctor.filters import judge_agent, judge_direction, judge_filtered_total, judge_outbound
from exporter.doctor.finding import Check, Finding
from exporter.doctor.inquiry import Answer, Told, read_answer
from exporter.doctor.lingering import judge_lingering
from exporter.doctor.list_findings import Context, findings_of
from exporter.doctor.offsets import Layout, judge_offset
from exporter.doctor.order import judge_order
from exporter.doctor.paging import judge_limits
from exporter.doctor.readings import Reading, plan
from exporter.doctor.rows import count_unknown, judge_duration, judge_fields, judge_missing
from exporter.exotel.body import parse
from exporter.exotel.enums import Endpoint
from exporter.exotel.models import Call
from tests.rows import JSON, ROW, WORDS, call

LAYOUT = Layout(100, "honoured")
MOMENTS = (0.0, 4.0, 14.0, 27.0, 45.0)


def answer_of(calls: Sequence[Call], at: float = 0.0, **keys: Any) -> Answer:
    """Return a page of these calls."""
    fields = {"limit": 100, "offset": 0, "rows": len(calls), "total": len(calls), "at": at, **keys}
    return Answer(calls=tuple(calls), **fields)


def reading_of(calls: Sequence[Call], at: float = 0.0, size: int = 100_000, **keys: Any) -> Reading:
    """Return a reading of the whole list, in pages of a size."""
    firsts = range(0, max(1, len(calls)), size)
    pages = [(first, answer_of(calls[first : first + size], at, offset=first, **keys)) for first in firsts]
    return Reading(tuple(pages), is_whole=True)


def numbered(count: int) -> list[Call]:
    """Return calls that differ by their call_sid alone."""
    return [call(f"c{number}", status="in-progress") for number in range(count)]


# Any rows


PERSONAL = ("Priya Sharma", "mary_jane", "O'Brien", "+918012345678", "priya.s", "Ca7f00d5id", "Zoë", "deepak")
"""Names, numbers and identifiers, which stand in rows' own fields for these, and wherever else."""
_PARTS = (
    "Priya",
    "sharma",
    "PriyaSharma",
    "Sharma-Priya",
    "mary_jane",
    "MARY-JANE",
    "Mary",
    "Deepak",
    "deepak",
)
_ANYTHING = st.sampled_from([*PERSONAL, *_PARTS]) | WORDS | JSON
_OWNERS = [
    {"call_sid": f"{PERSONAL[5]}{number}", "from": PERSONAL[3], "to": f"sip:{PERSONAL[7]}@example.com"}
    | {"agent_details": {"user_id": PERSONAL[4], "name": name}}
    for number, name in enumerate([*PERSONAL[:3], PERSONAL[6]])
]
_HOSTILE = st.fixed_dictionaries(
    {"call_sid": st.sampled_from(["a1", "b2", "c3", "d4", "e5", "f6"])},
    optional={
        "direction": _ANYTHING,
        "status": _ANYTHING,
        "from": _ANYTHING,
        "to": _ANYTHING,
        "start_time": _ANYTHING
        | st.sampled_from(
            [
                *("2024-06-15T10:30:00.000Z", "2022-11-03 22:54:40+05:30", "0001-01-01T00:00:00Z"),
                *("0001-01-01T00:00:00+05:30", "9999-12-31T23:59:59-12:00", "2024-06-15"),
            ]
        ),
        "duration": st.integers(0, 500)
        | st.sampled_from([1e308, "NaN", "Infinity", "-inf", 10**400])
        | _ANYTHING,
        "agent_details": st.fixed_dictionaries({}, optional={"status": _ANYTHING, "user_id": _ANYTHING})
        | _ANYTHING,
        "Priya": _ANYTHING,
    },
)
PAGES = st.lists(st.lists(_HOSTILE | ROW, max_size=8), min_size=1, max_size=4)


def decoded(rows: Sequence[Any], total: Any, at: float) -> Answer:
    """Return an answer with these rows, as doctor decodes it."""
    body = json.dumps({"response": {"active_calls": rows, "total_active": total}}).encode()
    date = {"Date": formatdate(1.7e9 + at, usegmt=True)}
    reply = Reply(Question(Endpoint.CALLS, ""), at, at, 0.0, 200, date, body)
    raw = parse(body)["response"]["active_calls"]
    return read_answer(ListReply(100, 0, reply, raw, total, is_page=True))


def judged(answers: Sequence[Answer], *, counts_from_start: bool) -> tuple[Finding, ...]:
    """Return all findings on a list that was answered so."""
    readings = [Reading(((0, answer),), is_whole=True) for answer in answers if answer.is_page]
    rows = [row for answer in answers for row in answer.raw]
    calls = [each for answer in answers for each in answer.calls]
    first, last = answers[0], answers[-1]
    fields = judge_fields(rows)
    direction = judge_direction(first, last, calls)
    counts, shown = count_unknown(rows)
    agent = judge_agent(PERSONAL[4], first, calls)
    limits = judge_limits([Answer(**{**_fields(first), "limit": limit}) for limit in (3, 100, 1000)], last)
    window = judge_ends([end[0] for each in readings if (end := each.end)] or [0], readings, first.total)
    told: dict[Check, Told[Any]] = {
        Check.PAGE_SIZE: Told(limits.rows),
        Check.LARGER_LIMIT: limits.larger,
        Check.OFFSET: judge_offset(first, last, answers),
        Check.WINDOW: window,
        Check.ORDER: judge_order(readings, answers[:2]),
        Check.TOTAL: judge_total(readings, answers, LAYOUT),
        Check.DOUBLED: judge_doubled(readings, None),
        Check.LINGERING: judge_lingering(readings, counts_from_start=counts_from_start),
        Check.FIELDS: fields,
        Check.MISSING: judge_missing(rows, fields.value or {}),
        Check.VALUES: Told(counts),
        Check.DURATION: judge_duration(answers),
        Check.DIRECTION_FILTER: direction,
        Check.OUTBOUND: judge_outbound(direction.value, last, calls),
        Check.AGENT_FILTER: agent,
        Check.FILTERED_TOTAL: judge_filtered_total(first, last, first.total),
    }
    return findings_of(told, Context(100, len(calls), limits.accepted, shown))


def _fields(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer, name) for name in Answer.__slots__}


@given(
    pages=PAGES,
    total=st.none() | st.integers(0, 900) | JSON,
    word=st.sampled_from([*PERSONAL, *_PARTS]),
    counts_from_start=st.booleans(),
)
def test_any_rows_are_judged_and_nothing_personal_is_told(
    pages: list[list[Any]], total: Any, word: str, *, counts_from_start: bool
) -> None:
    """No rows raise an error; findings are printable, and JSON that every parser reads."""
    said = {"direction": word, "status": word, "agent_details": {"status": word}}
    twice = [{"call_sid": sid, **said} for sid in ("x1", "x2")]
    answers = [
        decoded([*_OWNERS, *twice, *rows], total, at) for rows, at in zip(pages, MOMENTS, strict=False)
    ]
    for finding in judged(answers, counts_from_start=counts_from_start):
        told = json.dumps(
            [finding.value, finding.text, finding.evidence], ensure_ascii=False, allow_nan=False
        )
        assert told.isprintable()
        words = {*told.casefold().translate(_SPACES).split()}
        assert words.isdisjoint({"priya", "sharma", "priyasharma", "mary", "jane", "deepak", "brien", "zoë"})
        assert not any(each in told for each in ("8012345678", PERSONAL[5], "priya.s"))


_SPACES = str.maketrans(dict.fromkeys(string.punctuation, " "))


_ODD_ROW = st.fixed_dictionaries(
    {
        "call_sid": st.sampled_from([f"c{number}" for number in range(14)]),
        "status": st.sampled_from(["completed", "in-progress", "in-progress", "ringing"]),
        "duration": st.sampled_from(["NaN", "Infinity", "-inf", 1e308, -1e308, 10**400, 5, 30, 60.5, -5]),
        "start_time": st.sampled_from(
            ["2024-01-01T00:00:00Z", "2024-01-01T00:00:10Z", "0001-01-02T00:00:00Z", "9999-12-31T00:00:00Z"]
        ),
    }
)


@given(
    readings=st.lists(
        st.lists(_ODD_ROW, min_size=5, max_size=14, unique_by=lambda row: row["call_sid"]),
        min_size=3,
        max_size=5,
    ),
    counts_from_start=st.booleans(),
)
def test_durations_and_times_that_cannot_be_leave_every_number_one(
    readings: list[list[Any]], *, counts_from_start: bool
) -> None:
    """Not a number, endless, before our era: nothing of that comes through."""
    answers = [decoded(rows, len(rows), at) for rows, at in zip(readings, MOMENTS, strict=False)]
    for finding in judged(answers, counts_from_start=counts_from_start):
        json.dumps(finding.value, allow_nan=False)
        assert not {"nan", "inf"} & {*finding.text.translate(_SPACES).split()}


@given(statuses=st.lists(st.sampled_from([None, 200, 204, 302, 429]), min_size=1, max_size=3))
def test_without_a_page_nothing_is_told(statuses: list[int | None]) -> None:
    """Unknown is None for each check: no order, no count, no type is guessed."""
    answers = [Answer(100, 0, status=status, is_page=False) for status in statuses]
    told = {each.check: each.value for each in judged(answers, counts_from_start=False)}
    assert told.pop(Check.VALUES) == {}  # of no rows none is unknown; who calls it knows that there were none
    assert told.pop(Check.WINDOW) in (None, False)
    assert set(told.values()) == {None}


@pytest.mark.parametrize("word", [*PERSONAL, *_PARTS])
def test_what_is_part_of_a_name_is_never_shown(word: str) -> None:
    """Though two calls have it where a status is expected, and however it is written."""
    rows = [*_OWNERS, *({"call_sid": sid, "status": word, "direction": word} for sid in "ab")]
    counts, shown = count_unknown(rows)
    assert counts == {"direction": 1, "status": 1}
    assert not any(shown.values())


@given(value=st.sampled_from(["on-hold", "transferred", "Callback"]), secret=st.booleans())
def test_a_new_value_is_shown_unless_it_is_a_secret(value: str, *, secret: bool) -> None:
    """Two calls have it, and it stands nowhere else."""
    rows = [{"call_sid": sid, "status": value} for sid in "ab"]
    counts, shown = count_unknown(rows, [value] if secret else ["other"])
    assert counts == {"status": 1}
    assert shown["status"] == (() if secret else (value,))


# Lingering


@dataclass(frozen=True)
class Past:
    """What became of a call, in seconds: it starts, is answered, and ends."""

    start: float
    ring: float
    talk: float

    @property
    def end(self) -> float:
        """Return when it ends."""
        return self.start + self.ring + self.talk

    def row(self, sid: str, at: float, stay: float, *, from_start: bool) -> Call | None:
        """Return its row at a time, in a list where ended calls stay for so long."""
        if not self.start <= at <= self.end + stay:
            return None
        answered = self.start + self.ring
        since = self.start if from_start else answered
        duration = float(int(max(0.0, min(at, self.end) - since)))
        status = "completed" if at > self.end else "in-progress" if at >= answered else "ringing"
        started = datetime.fromtimestamp(1.7e9 + self.start, UTC).isoformat()
        return call(sid, "inbound", status, duration, start_time=started)


def watched(history: Sequence[Past], stay: float, *, from_start: bool = False) -> list[Reading]:
    """Return what is read of these calls."""
    found = []
    for at in MOMENTS:
        rows = [
            each.row(f"c{number}", at, stay, from_start=from_start) for number, each in enumerate(history)
        ]
        found.append(reading_of([row for row in rows if row is not None], at))
    return found


HISTORY = st.lists(
    st.builds(Past, st.floats(-300, 40), st.floats(0, 40), st.floats(0, 300)), min_size=1, max_size=9
)


@given(history=HISTORY, stay=st.floats(0, 90))
def test_bounds_on_lingering_contain_the_truth(history: list[Past], stay: float) -> None:
    """Of so few calls that nothing is concluded from their number, and at whatever times they end."""
    value = judge_lingering(watched(history, stay)).value
    if value is None:
        return
    if value is False:
        assert stay < max(after - before for before, after in pairwise(MOMENTS))
        return
    assert isinstance(value, tuple)
    least, most = value
    assert least <= stay + 0.1
    assert most is None or stay <= most + 0.1


@pytest.mark.parametrize("from_start", [False, True])
@pytest.mark.parametrize("stay", [3.0, 20.0, 120.0])
def test_bounds_by_numbers_and_ages_hold_nearly_always(stay: float, *, from_start: bool) -> None:
    """They are of chance: of a hundred busy accounts not more than a dozen are told wrong bounds."""
    wrong = 0
    for seed in range(100):
        random = Random(seed)  # noqa: S311  # to be repeated
        history = [
            Past(random.uniform(-600, 45), random.expovariate(1 / 8), random.expovariate(1 / 90))
            for _ in range(600)
        ]
        value = judge_lingering(
            watched(history, stay, from_start=from_start), counts_from_start=from_start
        ).value
        assert isinstance(value, tuple)
        wrong += not value[0] <= stay + 0.1 or (value[1] is not None and stay > value[1] + 0.1)
    assert wrong <= 12


# Order


@given(
    starts=st.lists(st.integers(0, 100_000), min_size=5, max_size=40),
    gone=st.sets(st.integers(0, 39)),
    order=st.sampled_from(["oldest first", "newest first", "by identifier"]),
)
def test_an_order_is_told_only_if_it_is_there(starts: list[int], gone: set[int], order: str) -> None:
    """Lists in no order of start are never said to have one, and those that have it get no other."""
    rows = [
        call(f"c{number}", "inbound", "in-progress", start_time=datetime.fromtimestamp(at, UTC).isoformat())
        for number, at in enumerate(starts)
    ]
    if order != "by identifier":
        rows.sort(key=lambda row: row.start_time or "", reverse=order == "newest first")
    later = [row for number, row in enumerate(rows) if number not in gone]
    value = judge_order([reading_of(rows), reading_of(later, 10.0)], [answer_of(rows), answer_of(rows)]).value
    listed = [row.start_time or "" for row in rows]
    late = len(rows) // 20  # may stand elsewhere in a list that is sorted otherwise
    if value == "oldest first":
        assert _moved(listed) <= late
    elif value == "newest first":
        assert _moved(listed[::-1]) <= late
    else:
        assert value in {None, "by status"} or order == "by identifier"
        assert value != "none"


def _moved(values: Sequence[str]) -> int:
    """Return the fewest values that spoil a rising order, by trying each as the end of what doesn't."""
    longest: list[int] = []
    for number, value in enumerate(values):
        longest.append(1 + max((longest[i] for i in range(number) if values[i] <= value), default=0))
    return len(values) - max(longest, default=0)


@given(seed=st.integers(), count=st.integers(16, 80))
def test_a_list_that_is_shuffled_each_time_has_no_order(seed: int, count: int) -> None:
    """Two answers of the same moment show it."""
    random, rows = Random(seed), numbered(count)  # noqa: S311  # to be repeated
    lists = [random.sample(rows, count) for _ in range(4)]
    readings = [reading_of(each, at) for each, at in zip(lists, MOMENTS, strict=False)]
    assert judge_order(readings, [answer_of(lists[0]), answer_of(lists[1])]).value in {"none", None}


# Counts


_TOTALS: dict[str, Callable[[int, int, int, int], int | None]] = {
    "rows": lambda whole, *_: whole,
    "page": lambda _, __, rows, ___: rows,
    "so far": lambda _, first, rows, __: first + rows,
    "pages": lambda whole, _, __, size: -(-whole // size),
    "absent": lambda *_: None,
}


@given(meaning=st.sampled_from([*_TOTALS]), whole=st.integers(60, 400), size=st.integers(10, 50))
def test_what_a_total_counts_is_told_right(meaning: str, whole: int, size: int) -> None:
    """Of a list that stands still; what fits two meanings may be either's."""
    calls, readings = numbered(whole), []
    for at in MOMENTS[:3]:
        pages = []
        for first in range(0, whole, size):
            rows = calls[first : first + size]
            total = _TOTALS[meaning](whole, first, len(rows), size)
            pages.append((first, answer_of(rows, at, limit=size, offset=first, total=total)))
        readings.append(Reading(tuple(pages), is_whole=True))
    few = answer_of(calls[:3], limit=3, total=_TOTALS[meaning](whole, 0, 3, 3))
    answers = [few, *(answer for reading in readings for _, answer in reading.pages)]
    assert judge_total(readings, answers, Layout(size, "honoured")).value in {meaning, None}


@given(whole=st.integers(1, 300), doubled=st.integers(0, 300), size=st.integers(20, 100))
def test_calls_with_two_rows_are_counted(whole: int, doubled: int, size: int) -> None:
    """Neighbouring rows, on whichever page they come."""
    calls = numbered(whole)
    rows = [each for number, each in enumerate(calls) for _ in range(1 + (number < doubled))]
    value = judge_doubled([reading_of(rows, size=size)], "stable").value
    truth = min(doubled, whole)
    split = len(rows) // size  # a page's end may lie between the two
    assert value is not None
    assert truth - split <= round(value * whole) <= truth


# Offsets


_MEANINGS: dict[str, Callable[[int, int], int]] = {
    "honoured": lambda offset, _: offset,
    "rounded": lambda offset, size: offset // size * size,
    "ignored": lambda *_: 0,
    "from one": lambda offset, _: max(0, offset - 1),
    "pages": lambda offset, size: offset * size,
}


@pytest.mark.parametrize("meaning", [*_MEANINGS])
@given(
    whole=st.integers(8, 300),
    cap=st.integers(8, 200),
    shift=st.integers(-1, 1),
)
def test_what_an_offset_means_is_told_right(meaning: str, whole: int, cap: int, shift: int) -> None:
    """By where pages begin within the first one, also in a list that has moved by a row."""
    calls = numbered(whole + 2)
    now = calls[1 + shift : 1 + shift + whole]
    rows = min(cap, whole)
    size = min(10, max(2, rows // 4))
    offsets = sorted({1, max(1, size - 3), size, min(3 * size + 3, max(2, rows - 2))})
    pages = []
    for offset in offsets:
        first = _MEANINGS[meaning](offset, size)
        pages.append(answer_of(now[first : first + size], limit=size, offset=offset))
    told = judge_offset(answer_of(calls[1 : 1 + rows]), answer_of(now[:size], limit=size), pages)
    assert told.value in {meaning, None}
    assert told.value or shift or rows < 40, "it stands still, and is long enough to tell"


# Pages


@given(
    behaviour=st.sampled_from(["cut", "refused", "ignored", "whole list"]),
    cap=st.integers(1, 1500),
    whole=st.integers(0, 2000),
    has_total=st.booleans(),
)
def test_what_limits_do_is_told_right(behaviour: str, cap: int, whole: int, *, has_total: bool) -> None:
    """What the account has too few calls for isn't told, and no larger page is promised than was served."""
    assume(behaviour != "refused" or cap >= 3)
    calls = numbered(whole)

    def page(limit: int, offset: int = 0) -> Answer:
        size = {"cut": min(limit, cap), "refused": limit, "ignored": cap, "whole list": whole}[behaviour]
        if behaviour == "refused" and limit > cap:
            return Answer(limit, offset, status=422, is_page=False)
        first = 0 if behaviour == "whole list" else offset
        rows = calls[first : first + size]
        return answer_of(rows, limit=limit, offset=offset, total=whole if has_total else None)

    answers = [page(limit) for limit in (3, 100, 1000)]
    longest = max((each for each in answers if each.is_page), key=lambda each: each.rows)
    found = judge_limits(answers, page(3, longest.rows) if longest.rows else None)
    right: dict[str, set[object]] = {
        "cut": {"cut"}
        if cap < min(1000, whole)
        else {"honoured", None}
        if cap >= 1000 or whole <= cap
        else {None},
        "refused": {422} if cap < 1000 else {"honoured", None},
        "ignored": {"ignored"} | ({"whole list"} if whole <= cap else set()),
        "whole list": {"whole list", "ignored"},
    }
    few = whole <= 3 or (behaviour == "ignored" and cap <= 3)
    assert found.larger.value in right[behaviour] | {None} or few
    assert found.rows == (longest.rows or None)
    if behaviour == "cut" and found.larger.value == "cut":
        assert found.accepted == min(cap, 1000)


# Plans


@given(
    rows=st.integers(0, 20_000),
    size=st.integers(1, 1000),
    requests=st.integers(-20, 60),
    is_single=st.booleans(),
    has_first=st.booleans(),
)
def test_a_plan_takes_no_more_requests_than_there_are(
    rows: int, size: int, requests: int, *, is_single: bool, has_first: bool
) -> None:
    """And has no reading of no page, which would only wait."""
    scheme = plan(rows, size, requests, is_single=is_single, first=reading_of([]) if has_first else None)
    made = scheme.pages[has_first:]
    assert len(scheme.moments) == len(scheme.pages)
    assert sum(made) <= max(0, requests)
    assert all(made)


# Filters


DIRECTIONS = ("inbound", "outbound-api", "outbound-dial")


@given(
    directions=st.lists(st.sampled_from(DIRECTIONS), max_size=60),
    is_honoured=st.booleans(),
    total=st.sampled_from(["filter", "account"]),
)
def test_what_filters_do_is_told_right(directions: list[str], total: str, *, is_honoured: bool) -> None:
    """Also of accounts that have one direction alone; of none nothing is told."""
    calls = [call(f"c{number}", each, "in-progress") for number, each in enumerate(directions)]
    selected = [
        [each for each in calls if not is_honoured or str(each.direction).startswith(name)]
        for name in ("inbound", "outbound")
    ]
    whole = len(calls)
    inbound, outbound = (
        answer_of(each, total=len(each) if total == "filter" else whole) for each in selected
    )
    direction = judge_direction(inbound, outbound, calls)
    assert direction.value in ({"works" if is_honoured else "ignored"} if calls else {None})
    there = {each for each in directions if each != "inbound"}
    found = judge_outbound(direction.value, outbound, calls).value
    assert found == (tuple(sorted(there)) if there and is_honoured else None)
    if is_honoured:
        value = judge_filtered_total(inbound, outbound, whole or None).value
        assert value in ({total, None} if whole else {None})


@given(agents=st.lists(st.sampled_from("abc"), min_size=1, max_size=30), is_honoured=st.booleans())
def test_what_the_agent_filter_does_is_told_right(agents: list[str], *, is_honoured: bool) -> None:
    """Where only one agent is on calls, nobody can tell."""
    rows = [
        {"call_sid": f"c{number}", "status": "in-progress", "agent_details": {"user_id": each}}
        for number, each in enumerate(agents)
    ]
    calls = decoded(rows, len(rows), 0.0).calls
    selected = [
        each for each, agent in zip(calls, agents, strict=True) if agent == agents[0] or not is_honoured
    ]
    value = judge_agent(agents[0], answer_of(selected), calls).value
    assert value == (None if len({*agents}) == 1 else "works" if is_honoured else "ignored")
