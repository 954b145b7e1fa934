"""Each profile is served over HTTP, and does what its description says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

import pytest

from exporter.simulator import Settings, Simulator
from exporter.simulator.profile import Profile
from exporter.simulator.profiles import PROFILES, random_profile
from exporter.simulator.settings import FLAT_DAY
from exporter.simulator.traffic import seeded_random
from tests.unit.simulator.ask import EPOCH, calls, every_row, page

Row = dict[str, Any]
Check = Callable[[Simulator], None]
LIVE = {"queued", "ringing", "in-progress"}
CALLS = 250


def serving(name: str, calls: int = CALLS) -> Simulator:
    """Return a simulator of a profile, with a stopped clock."""
    profile = PROFILES[name]
    return Simulator(Settings(calls=calls, speed=0, epoch=EPOCH, day=FLAT_DAY, profile=profile))


def sids(rows: list[Row]) -> list[str]:
    """Return the call_sids of rows."""
    return [row["call_sid"] for row in rows]


def started(row: Row) -> float:
    """Return the start time of a row in Unix seconds."""
    return datetime.fromisoformat(row["start_time"]).timestamp()


def answers(simulator: Simulator, times: int = 60, **asked: int) -> list[dict[str, Any]]:
    """Return the responses to the same request at one moment."""
    return [page(simulator, **(asked or {"limit": 100, "offset": 0})) for _ in range(times)]


def distinct(answers: list[dict[str, Any]]) -> int:
    """Return how many of them differ."""
    return len({str(answer) for answer in answers})


def moments(simulator: Simulator, count: int) -> Iterator[list[Row]]:
    """Yield all rows, once a second."""
    for _ in range(count):
        simulator.advance(1)
        yield every_row(simulator)


def sorted_by(key: Callable[[Row], Any], *, newest_first: bool = False) -> Check:
    """Check that the rows of all pages are in this order after a while."""

    def check(simulator: Simulator) -> None:
        simulator.advance(60)
        keys = [key(row) for row in every_row(simulator)]
        assert keys == sorted(keys, reverse=newest_first)
        assert len(set(keys)) > 1

    return check


def keeps_its_order(*, has_order: bool) -> Check:
    """Check that rows keep their order, and whether that is by start."""

    def check(simulator: Simulator) -> None:
        before = every_row(simulator)
        simulator.advance(30)
        after = every_row(simulator)
        common = {*sids(before)} & {*sids(after)}
        assert [sid for sid in sids(before) if sid in common] == [sid for sid in sids(after) if sid in common]
        assert has_order == (sorted(before, key=started) == before)
        assert {*sids(after)} - common

    return check


def refuses(status: int, **asked: int) -> Check:
    """Check that a request gets this status, but the first page is served."""

    def check(simulator: Simulator) -> None:
        assert calls(simulator, **asked).status_code == status
        assert calls(simulator).status_code == 200

    return check


def serves(rows: int, **asked: int) -> Check:
    """Check the number of rows on a page."""
    return lambda simulator: _equals(len(page(simulator, **asked)["active_calls"]), rows)


def same(asked: dict[str, int], as_asked: dict[str, int]) -> Check:
    """Check that two requests get the same response."""
    return lambda simulator: _equals(page(simulator, **asked), page(simulator, **as_asked))


def total_is(total: Callable[[Simulator, list[Row]], int | None], **asked: int) -> Check:
    """Check the total, calculated from the truth and the rows of the page."""

    def check(simulator: Simulator) -> None:
        simulator.advance(60)
        found = page(simulator, **(asked or {"limit": 100, "offset": 100}))
        assert found.get("total_active") == total(simulator, found["active_calls"])

    return check


def differs(*, at_least: int, of: int = 60) -> Check:
    """Check that responses to one request differ at the same moment: replicas agree while nothing happens."""

    def check(simulator: Simulator) -> None:
        simulator.advance(70)
        assert any(distinct(answers(simulator, of)) >= at_least for _ in moments(simulator, 10))

    return check


def stays(seconds: float, *, counts_on: bool = False) -> Check:
    """Check that a response is cached for so long, though calls change."""

    def check(simulator: Simulator) -> None:
        simulator.advance(30)
        before = page(simulator, limit=100)["active_calls"]
        simulator.advance(seconds - 0.5)
        again = page(simulator, limit=100)["active_calls"]
        simulator.advance(1.5)
        after = page(simulator, limit=100)["active_calls"]
        assert sids(before) == sids(again) != sids(after)
        assert counts_on == (before != again)

    return check


def is_rebuilt_every(seconds: int) -> Check:
    """Check that the list only changes at this interval."""

    def check(simulator: Simulator) -> None:
        lists = [str(rows) for rows in moments(simulator, 2 * seconds)]
        assert 2 <= len([*groupby(lists)]) <= 3

    return check


def starts_are(pattern: str) -> Check:
    """Check the format of start times."""
    return lambda simulator: _equals(
        {bool(re.fullmatch(pattern, row["start_time"])) for row in page(simulator)["active_calls"]}, {True}
    )


def both(*checks: Check) -> Check:
    """Combine checks."""

    def check(simulator: Simulator) -> None:
        for each in checks:
            each(simulator)

    return check


def _equals(found: object, wanted: object) -> None:
    assert found == wanted


def moves(to: Callable[[list[int], int], bool]) -> Check:
    """Check where rows are whose status changed."""

    def check(simulator: Simulator) -> None:
        simulator.advance(200)  # each row was written since the start
        before = {row["call_sid"]: row["status"] for row in every_row(simulator)}
        simulator.advance(1)
        rows = every_row(simulator)
        places = [
            place for place, row in enumerate(rows) if before.get(row["call_sid"]) not in {row["status"]}
        ]
        assert places
        assert to(places, len(rows))

    return check


def near_the_end(places: list[int], rows: int) -> bool:
    """Return whether rows are in the last tenth of the list."""
    return min(places) > 0.9 * rows


def near_the_start(places: list[int], rows: int) -> bool:
    """Return whether rows are in the first tenth of the list."""
    return max(places) < 0.1 * rows


def is_skewed(simulator: Simulator) -> None:
    """Check that start times are out of order, by 2 s at most."""
    times = [started(row) for row in every_row(simulator)]
    assert 0 < max(before - after for before, after in pairwise(times)) <= 2


def is_late(simulator: Simulator) -> None:
    """Check that each call appears within 2 s of its start, some not at once."""
    truth, listed = dict[str, int](), dict[str, int]()
    simulator.advance(5)
    for second, rows in enumerate(moments(simulator, 10)):
        for seen, now in (truth, simulator.truth().call_sids), (listed, sids(rows)):
            seen.update({sid: second for sid in now if sid not in seen})
    delays = [listed[sid] - second for sid, second in truth.items() if sid in listed]
    assert {0, 1} <= {*delays} <= {0, 1, 2}


def has_ghosts(simulator: Simulator) -> None:
    """Check that ended calls are listed as active for up to 3 s."""
    gone, stays = dict[str, int](), list[int]()
    for second, rows in enumerate(moments(simulator, 12)):
        truth = simulator.truth().call_sids
        ghosts = {*sids(rows)} - truth
        assert {row["status"] for row in rows if row["call_sid"] in ghosts} <= LIVE
        stays += [second - gone[sid] for sid in ghosts if sid in gone]
        gone.update({sid: second for sid in ghosts if sid not in gone})
    assert 1 <= max(stays) <= 3


def lingers(*, is_counted: bool) -> Check:
    """Check that ended calls are listed as ended for 20 s."""

    def check(simulator: Simulator) -> None:
        simulator.advance(60)
        rows, truth = every_row(simulator), simulator.truth().call_sids
        ended = [row for row in rows if row["call_sid"] not in truth]
        assert ended
        assert not {row["status"] for row in ended} & LIVE
        assert page(simulator)["total_active"] == (len(rows) if is_counted else len(truth))
        simulator.advance(21)
        assert not {*sids(ended)} & {*sids(every_row(simulator))}

    return check


def is_reordered_when_rebuilt(simulator: Simulator) -> None:
    """Check that rows have another order once the map is rebuilt."""
    orders = []
    for _ in range(3):
        orders.append(sids(every_row(simulator)))
        simulator.advance(600)
    first, second, _ = orders
    common = {*first} & {*second}
    assert [sid for sid in first if sid in common] != [sid for sid in second if sid in common]


def fills_gaps(*, moves: bool) -> Check:
    """Check that new rows fill gaps, and whether changed rows move."""

    def check(simulator: Simulator) -> None:
        before = sids(every_row(simulator))
        assert before == sids(sorted(every_row(simulator), key=started))
        simulator.advance(20)
        after = sids(every_row(simulator))
        common = {*before} & {*after}
        kept = [sid for sid in before if sid in common] == [sid for sid in after if sid in common]
        assert kept is not moves
        assert min(after.index(sid) for sid in {*after} - common) < CALLS / 2

    return check


def swaps(simulator: Simulator) -> None:
    """Check that only rows from the end move, into the gaps of removed ones."""
    before = sids(every_row(simulator))
    simulator.advance(1)
    after = sids(every_row(simulator))
    moved = {sid for place, sid in enumerate(after) if sid in before and before.index(sid) != place}
    assert moved
    assert min(map(before.index, moved)) > 0.9 * CALLS


def resets_start_times(simulator: Simulator) -> None:
    """Check that the answer changes a call's start time."""
    before = {row["call_sid"]: row for row in every_row(simulator) if row["status"] == "ringing"}
    simulator.advance(5)
    answered = [
        row for row in every_row(simulator) if row["call_sid"] in before and row["status"] == "in-progress"
    ]
    assert answered
    assert all(row["start_time"] > before[row["call_sid"]]["start_time"] for row in answered)


def lacks_call_sids(simulator: Simulator) -> None:
    """Check that a few rows have no call_sid."""
    unnamed = [row for row in page(simulator, limit=100)["active_calls"] if "call_sid" not in row]
    assert 0 < len([*unnamed]) < 10


def is_rotated(simulator: Simulator) -> None:
    """Check that each response begins elsewhere and wraps around."""
    one, *others = (sids(answer["active_calls"]) for answer in answers(simulator, 40, limit=100, offset=0))
    assert all(other != one for other in others)
    near = [other for other in others if one[0] in other[1:]]
    assert near
    assert all(other[other.index(one[0]) :] == one[: len(other) - other.index(one[0])] for other in near)


def is_repeated(*, is_counted: bool, beyond_limit: bool) -> Check:
    """Check that some calls have two successive rows."""

    def check(simulator: Simulator) -> None:
        found = page(simulator, limit=100, offset=100)
        rows = sids(found["active_calls"])
        twice = [sid for sid, each in groupby(rows) if len([*each]) == 2]
        assert 0 < len(twice) == len(rows) - len({*rows})
        assert len(rows) == 100 + beyond_limit * len(twice)
        assert is_counted == (found["total_active"] > len(simulator.truth().call_sids))

    return check


def leaves_out(*, is_counted: bool) -> Check:
    """Check that pages are shorter by about a tenth, and whether the total counts the missing rows."""

    def check(simulator: Simulator) -> None:
        found = page(simulator, limit=100, offset=100)
        assert 80 <= len(found["active_calls"]) < 100
        listed = sum(
            len(page(simulator, limit=100, offset=first)["active_calls"]) for first in range(0, CALLS, 100)
        )
        assert found["total_active"] == (CALLS if is_counted else listed)

    return check


def counts_pages(simulator: Simulator) -> None:
    """Check that offsets 0 to 3 are four different pages."""
    rows = [row for offset in range(4) for row in page(simulator, limit=20, offset=offset)["active_calls"]]
    assert len({*sids(rows)}) == 80


def reorders_ties(simulator: Simulator) -> None:
    """Check that updates reorder calls, though responses at the same moment are equal."""
    before = sids(every_row(simulator))
    assert before == sids(every_row(simulator))
    simulator.advance(60)
    after = sids(every_row(simulator))
    common = {*before} & {*after}
    assert [sid for sid in before if sid in common] != [sid for sid in after if sid in common]


def is_estimated(simulator: Simulator) -> None:
    """Check that the total is near the truth, but not equal."""
    assert 0 < abs(page(simulator)["total_active"] - CALLS) <= 0.15 * CALLS


def total_is_cached(simulator: Simulator) -> None:
    """Check that the total is constant for 15 s."""
    totals = []
    for _ in range(15):
        totals.append(page(simulator, limit=1)["total_active"])
        simulator.advance(1)
    assert len({*totals}) == 1
    assert page(simulator, limit=1)["total_active"] == len(simulator.truth().call_sids)


def total_is_behind(simulator: Simulator) -> None:
    """Check that the total is 2 s old."""
    truth, totals = [], []
    for _ in range(20):
        simulator.advance(1)
        truth.append(len(simulator.truth().call_sids))
        totals.append(page(simulator, limit=1)["total_active"])
    assert totals[2:] == truth[:-2] != truth[2:]


def start_second(row: Row) -> str:
    """Return the second in which a call began."""
    return str(row["start_time"])[:19]


def truth(simulator: Simulator, _: list[Row]) -> int:
    """Return the number of active calls."""
    return len(simulator.truth().call_sids)


def by_start(row: Row) -> str:
    """Return the start time as it is written."""
    return str(row["start_time"])


def by_status(row: Row) -> tuple[str, str]:
    """Return the status of a call, then its start time."""
    return row["status"], row["start_time"]


CHECKS: dict[str, Check] = {
    "start": both(sorted_by(by_start), total_is(truth)),
    "newest": both(sorted_by(by_start, newest_first=True), total_is(truth)),
    "arbitrary": keeps_its_order(has_order=False),
    "insertion": is_skewed,
    "seconds": both(sorted_by(by_start), starts_are(r".*T\d\d:\d\d:\d\dZ")),
    "zoned": both(sorted_by(by_start, newest_first=True), starts_are(r"2024-06-15 \d\d:\d\d:\d\d\+05:30")),
    "direction": sorted_by(lambda row: (row["direction"] == "inbound", row["start_time"])),
    "shards": both(
        keeps_its_order(has_order=False),
        lambda simulator: _equals(
            sum(one > other for one, other in pairwise(map(by_start, every_row(simulator)))), 3
        ),
    ),
    "ties-move": both(sorted_by(start_second), differs(at_least=2)),
    "ties-newest": both(sorted_by(start_second, newest_first=True), differs(at_least=2)),
    "ties-touched": both(sorted_by(start_second), reorders_ties),
    "ties-minutes": both(sorted_by(by_start), differs(at_least=2), starts_are(r".*T\d\d:\d\d:00Z")),
    "no-start": lambda simulator: _equals({row["start_time"] for row in every_row(simulator)}, {None}),
    "end-404": refuses(404, offset=CALLS),
    "end-400": refuses(400, offset=CALLS),
    "end-500": refuses(500, offset=CALLS),
    "limit-10": serves(10, limit=20),
    "limit-50": serves(50, limit=100),
    "limit-ignored": both(serves(20, limit=100), serves(20, limit=5)),
    "limit-rejected": both(refuses(400, limit=51), serves(50, limit=50)),
    "whole": serves(CALLS, limit=20, offset=40),
    "rounded": same({"limit": 20, "offset": 39}, {"limit": 20, "offset": 20}),
    "from-one": both(
        same({"offset": 0}, {"offset": 1}),
        lambda simulator: _equals(
            page(simulator, offset=2)["active_calls"][0], page(simulator)["active_calls"][1]
        ),
    ),
    "late": is_late,
    "ghosts": has_ghosts,
    "linger": lingers(is_counted=True),
    "snapshot": is_rebuilt_every(5),
    "snapshot-30": is_rebuilt_every(30),
    "unreadable": lacks_call_sids,
    "updated": moves(near_the_end),
    "updated-newest": moves(near_the_start),
    "status": sorted_by(by_status),
    "status-newest": sorted_by(lambda row: (row["status"], -started(row))),
    "status-ranked": sorted_by(
        lambda row: (["queued", "ringing", "in-progress"].index(row["status"]), row["start_time"])
    ),
    "duration": sorted_by(lambda row: row["duration"], newest_first=True),
    "agent": sorted_by(lambda row: row["status"] != "queued"),
    "start-anew": both(sorted_by(by_start), resets_start_times),
    "heap": fills_gaps(moves=True),
    "heap-in-place": fills_gaps(moves=False),
    "swap": swaps,
    "hash-map": is_reordered_when_rebuilt,
    "rotated": is_rotated,
    "shuffled": differs(at_least=60),
    "shards-race": differs(at_least=4),
    "shard-lost": lambda simulator: _equals(
        len({answer["total_active"] == CALLS for answer in answers(simulator, 100)}), 2
    ),
    "replicas": differs(at_least=3),
    "replicas-arbitrary": differs(at_least=3),
    "replicas-now": differs(at_least=3),
    "replica-lost": differs(at_least=2),
    "cache": stays(20),
    "cache-5": stays(5),
    "cache-now": stays(20, counts_on=True),
    "snapshots": differs(at_least=2),
    "total-page": total_is(lambda _, rows: len(rows)),
    "total-page-cut": both(total_is(lambda _, rows: len(rows)), serves(20, limit=100)),
    "total-so-far": total_is(lambda _, rows: 100 + len(rows)),
    "total-pages": total_is(lambda simulator, rows: -(-truth(simulator, rows) // 100)),
    "total-none": total_is(lambda *_: None),
    "total-capped": both(total_is(lambda *_: 1_000), serves(50, limit=100, offset=950)),
    "total-capped-10000": both(total_is(lambda *_: 10_000), serves(50, limit=100, offset=9_950)),
    "window-refused": both(refuses(400, limit=100, offset=9_950), serves(100, limit=100, offset=9_900)),
    "window-1000": both(total_is(truth), serves(0, limit=100, offset=1_000)),
    "total-estimated": is_estimated,
    "total-cached": total_is_cached,
    "total-behind": total_is_behind,
    "total-other": total_is(
        lambda simulator, _: sum(
            count for (_, status), count in simulator.truth().calls.items() if status != "queued"
        )
    ),
    "total-ever": total_is(lambda simulator, _: CALLS + simulator.truth().started),
    "linger-active": lingers(is_counted=False),
    "offset-ignored": same({"offset": 40}, {"offset": 0}),
    "offset-pages": counts_pages,
    "copied": is_repeated(is_counted=False, beyond_limit=True),
    "filtered": leaves_out(is_counted=True),
    "filtered-total": leaves_out(is_counted=False),
    "doubled": is_repeated(is_counted=True, beyond_limit=False),
    "doubled-calls": is_repeated(is_counted=False, beyond_limit=False),
}
MANY = {
    "ties-touched": 1_100,
    "total-capped": 1_100,
    "window-1000": 1_100,
    "total-capped-10000": 11_000,
    "window-refused": 11_000,
}
"""The number of calls where it matters."""


def test_every_profile_is_checked() -> None:
    """A new profile needs a check of its own."""
    assert CHECKS.keys() == PROFILES.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_a_profile_does_what_it_says(name: str) -> None:
    """Over HTTP."""
    with serving(name, MANY.get(name, CALLS)) as simulator:
        CHECKS[name](simulator)


@pytest.mark.parametrize("seed", range(20))
def test_a_random_profile_is_served(seed: int) -> None:
    """It differs from the default, depends only on the seed, and its rows are of real calls."""
    profile = random_profile(seeded_random(seed))
    assert profile == random_profile(seeded_random(seed))
    assert replace(profile, description="") != Profile("")
    with Simulator(Settings(calls=60, speed=0, epoch=EPOCH, profile=profile)) as simulator:
        known = simulator.truth().call_sids
        simulator.advance(5)
        named = [row["call_sid"] for row in page(simulator, limit=20)["active_calls"] if row]
        assert len([sid for sid in named if len(sid) == 32]) == len(named)
        assert known & {*named}
