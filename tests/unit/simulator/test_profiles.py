"""Each profile is served over HTTP, and does what it says."""

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
    """A simulator that goes on only when it is told to."""
    profile = PROFILES[name]
    return Simulator(Settings(calls=calls, speed=0, epoch=EPOCH, day=FLAT_DAY, profile=profile))


def sids(rows: list[Row]) -> list[str]:
    """The calls of some rows."""
    return [row["call_sid"] for row in rows]


def started(row: Row) -> float:
    """The start time of a row, Unix seconds."""
    return datetime.fromisoformat(row["start_time"]).timestamp()


def answers(simulator: Simulator, times: int = 60, **asked: int) -> list[dict[str, Any]]:
    """What the same request is answered at one moment."""
    return [page(simulator, **(asked or {"limit": 100, "offset": 0})) for _ in range(times)]


def distinct(answers: list[dict[str, Any]]) -> int:
    """How many of them differ."""
    return len({str(answer) for answer in answers})


def moments(simulator: Simulator, count: int) -> Iterator[list[Row]]:
    """All rows, a second apart."""
    for _ in range(count):
        simulator.advance(1)
        yield every_row(simulator)


def sorted_by(key: Callable[[Row], Any], *, newest_first: bool = False) -> Check:
    """Rows of all pages are in this order, whatever changed."""

    def check(simulator: Simulator) -> None:
        simulator.advance(60)
        keys = [key(row) for row in every_row(simulator)]
        assert keys == sorted(keys, reverse=newest_first)
        assert len(set(keys)) > 1

    return check


def keeps_its_places(*, has_order: bool) -> Check:
    """Rows keep their order among one another, which isn't that of their start unless it has one."""

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
    """A request has this status, and the first page is served."""

    def check(simulator: Simulator) -> None:
        assert calls(simulator, **asked).status_code == status
        assert calls(simulator).status_code == 200

    return check


def serves(rows: int, **asked: int) -> Check:
    """A page has so many rows."""
    return lambda simulator: _equals(len(page(simulator, **asked)["active_calls"]), rows)


def same(asked: dict[str, int], as_asked: dict[str, int]) -> Check:
    """Two requests have the same answer."""
    return lambda simulator: _equals(page(simulator, **asked), page(simulator, **as_asked))


def tells(total: Callable[[Simulator, list[Row]], int | None], **asked: int) -> Check:
    """The total is this, of the truth and the rows of the page."""

    def check(simulator: Simulator) -> None:
        simulator.advance(60)
        found = page(simulator, **(asked or {"limit": 100, "offset": 100}))
        assert found.get("total_active") == total(simulator, found["active_calls"])

    return check


def differs(*, at_least: int, of: int = 60) -> Check:
    """Answers to one request differ though nothing has changed."""

    def check(simulator: Simulator) -> None:
        simulator.advance(70)
        assert distinct(answers(simulator, of)) >= at_least

    return check


def stays(seconds: float, *, counts_on: bool = False) -> Check:
    """An answer is given again for so long, though calls change."""

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


def is_made_anew(seconds: int) -> Check:
    """The list changes so often, as a whole."""

    def check(simulator: Simulator) -> None:
        lists = [str(rows) for rows in moments(simulator, 2 * seconds)]
        assert 2 <= len([*groupby(lists)]) <= 3

    return check


def starts_are(pattern: str) -> Check:
    """Start times are written so."""
    return lambda simulator: _equals(
        {bool(re.fullmatch(pattern, row["start_time"])) for row in page(simulator)["active_calls"]}, {True}
    )


def both(*checks: Check) -> Check:
    """More than one thing holds, each from the start."""

    def check(simulator: Simulator) -> None:
        for each in checks:
            each(simulator)

    return check


def _equals(found: object, wanted: object) -> None:
    assert found == wanted


def hops(to: Callable[[list[int], int], bool]) -> Check:
    """Rows whose status changes go to one end of the list; the others keep their order."""

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
    """Rows stand behind nine tenths of the list."""
    return min(places) > 0.9 * rows


def near_the_start(places: list[int], rows: int) -> bool:
    """Rows stand in the first tenth of the list."""
    return max(places) < 0.1 * rows


def is_skewed(simulator: Simulator) -> None:
    """Start times are out of order by 2 s at most."""
    times = [started(row) for row in every_row(simulator)]
    assert 0 < max(before - after for before, after in pairwise(times)) <= 2


def is_late(simulator: Simulator) -> None:
    """Each call shows within 2 s of its start, and some not at once."""
    truth, listed = dict[str, int](), dict[str, int]()
    simulator.advance(5)
    for second, rows in enumerate(moments(simulator, 10)):
        for seen, now in (truth, simulator.truth().call_sids), (listed, sids(rows)):
            seen.update({sid: second for sid in now if sid not in seen})
    delays = [listed[sid] - second for sid, second in truth.items() if sid in listed]
    assert {0, 1} <= {*delays} <= {0, 1, 2}


def has_ghosts(simulator: Simulator) -> None:
    """Calls that ended are listed as active, for up to 3 s."""
    gone, stays = dict[str, int](), list[int]()
    for second, rows in enumerate(moments(simulator, 12)):
        truth = simulator.truth().call_sids
        ghosts = {*sids(rows)} - truth
        assert {row["status"] for row in rows if row["call_sid"] in ghosts} <= LIVE
        stays += [second - gone[sid] for sid in ghosts if sid in gone]
        gone.update({sid: second for sid in ghosts if sid not in gone})
    assert 1 <= max(stays) <= 3


def lingers(*, is_counted: bool) -> Check:
    """Calls that ended are listed as ended, for 20 s."""

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


def moves_by_hash(simulator: Simulator) -> None:
    """Rows stay where they are until the map is rebuilt."""
    orders = []
    for _ in range(3):
        orders.append(sids(every_row(simulator)))
        simulator.advance(600)
    first, second, _ = orders
    common = {*first} & {*second}
    assert [sid for sid in first if sid in common] != [sid for sid in second if sid in common]


def fills_gaps(*, moves: bool) -> Check:
    """New rows stand in the middle; the others keep their order, unless one that is written moves."""

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
    """Where rows go, rows from the end stand; all others keep their places."""
    before = sids(every_row(simulator))
    simulator.advance(1)
    after = sids(every_row(simulator))
    moved = {sid for place, sid in enumerate(after) if sid in before and before.index(sid) != place}
    assert moved
    assert min(map(before.index, moved)) > 0.9 * CALLS


def shows_starts_anew(simulator: Simulator) -> None:
    """A call that is answered has another start time than before."""
    before = {row["call_sid"]: row for row in every_row(simulator) if row["status"] == "ringing"}
    simulator.advance(5)
    answered = [
        row for row in every_row(simulator) if row["call_sid"] in before and row["status"] == "in-progress"
    ]
    assert answered
    assert all(row["start_time"] > before[row["call_sid"]]["start_time"] for row in answered)


def lacks_names(simulator: Simulator) -> None:
    """A few rows name no call."""
    nameless = [row for row in page(simulator, limit=100)["active_calls"] if "call_sid" not in row]
    assert 0 < len([*nameless]) < 10


def is_rotated(simulator: Simulator) -> None:
    """Each answer goes on from another place, round and round."""
    one, *others = (sids(answer["active_calls"]) for answer in answers(simulator, 40, limit=100, offset=0))
    assert all(other != one for other in others)
    near = [other for other in others if one[0] in other[1:]]
    assert near
    assert all(other[other.index(one[0]) :] == one[: len(other) - other.index(one[0])] for other in near)


def comes_twice(*, is_counted: bool, beyond_limit: bool) -> Check:
    """Some calls come twice, one row behind the other."""

    def check(simulator: Simulator) -> None:
        found = page(simulator, limit=100, offset=100)
        rows = sids(found["active_calls"])
        twice = [sid for sid, each in groupby(rows) if len([*each]) == 2]
        assert 0 < len(twice) == len(rows) - len({*rows})
        assert len(rows) == 100 + beyond_limit * len(twice)
        assert is_counted == (found["total_active"] > len(simulator.truth().call_sids))

    return check


def takes_out(*, is_counted: bool) -> Check:
    """Pages are short by a tenth, the same calls each time."""

    def check(simulator: Simulator) -> None:
        found = page(simulator, limit=100, offset=100)
        assert 80 <= len(found["active_calls"]) < 100
        listed = sum(
            len(page(simulator, limit=100, offset=first)["active_calls"]) for first in range(0, CALLS, 100)
        )
        assert found["total_active"] == (CALLS if is_counted else listed)

    return check


def counts_pages(simulator: Simulator) -> None:
    """Offsets 0 to 3 are four pages of other calls."""
    rows = [row for offset in range(4) for row in page(simulator, limit=20, offset=offset)["active_calls"]]
    assert len({*sids(rows)}) == 80


def swaps_ties(simulator: Simulator) -> None:
    """Calls change their order as they are written, though answers of one moment don't differ."""
    before = sids(every_row(simulator))
    assert before == sids(every_row(simulator))
    simulator.advance(60)
    after = sids(every_row(simulator))
    common = {*before} & {*after}
    assert [sid for sid in before if sid in common] != [sid for sid in after if sid in common]


def is_estimated(simulator: Simulator) -> None:
    """The total is near the truth, and isn't it."""
    assert 0 < abs(page(simulator)["total_active"] - CALLS) <= 0.15 * CALLS


def total_stays(simulator: Simulator) -> None:
    """The total is told again for 15 s."""
    totals = []
    for _ in range(16):
        totals.append(page(simulator, limit=1)["total_active"])
        simulator.advance(1)
    assert len({*totals[:15]}) == 1
    assert totals[15] == len(simulator.truth().call_sids) or totals[15] != totals[0]


def total_is_behind(simulator: Simulator) -> None:
    """The total is what it was 2 s ago."""
    truth, totals = [], []
    for _ in range(20):
        simulator.advance(1)
        truth.append(len(simulator.truth().call_sids))
        totals.append(page(simulator, limit=1)["total_active"])
    assert totals[2:] == truth[:-2] != truth[2:]


def start_second(row: Row) -> str:
    """The second in which a call began."""
    return str(row["start_time"])[:19]


def truth(simulator: Simulator, _: list[Row]) -> int:
    """The active calls."""
    return len(simulator.truth().call_sids)


def by_start(row: Row) -> str:
    """When a call began, as it is written."""
    return str(row["start_time"])


def by_status(row: Row) -> tuple[str, str]:
    """The status of a call, then when it began."""
    return row["status"], row["start_time"]


CHECKS: dict[str, Check] = {
    "start": both(sorted_by(by_start), tells(truth)),
    "newest": both(sorted_by(by_start, newest_first=True), tells(truth)),
    "arbitrary": keeps_its_places(has_order=False),
    "insertion": is_skewed,
    "seconds": both(sorted_by(by_start), starts_are(r".*T\d\d:\d\d:\d\dZ")),
    "zoned": both(sorted_by(by_start, newest_first=True), starts_are(r"2024-06-15 \d\d:\d\d:\d\d\+05:30")),
    "direction": sorted_by(lambda row: (row["direction"] == "inbound", row["start_time"])),
    "shards": both(
        keeps_its_places(has_order=False),
        lambda simulator: _equals(
            sum(one > other for one, other in pairwise(map(by_start, every_row(simulator)))), 3
        ),
    ),
    "ties-move": both(sorted_by(start_second), differs(at_least=2)),
    "ties-newest": both(sorted_by(start_second, newest_first=True), differs(at_least=2)),
    "ties-touched": both(sorted_by(start_second), swaps_ties),
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
    "snapshot": is_made_anew(5),
    "snapshot-30": is_made_anew(30),
    "unreadable": lacks_names,
    "updated": hops(near_the_end),
    "updated-newest": hops(near_the_start),
    "status": sorted_by(by_status),
    "status-newest": sorted_by(lambda row: (row["status"], -started(row))),
    "status-ranked": sorted_by(
        lambda row: (["queued", "ringing", "in-progress"].index(row["status"]), row["start_time"])
    ),
    "duration": sorted_by(lambda row: row["duration"], newest_first=True),
    "agent": sorted_by(lambda row: row["status"] != "queued"),
    "start-anew": both(sorted_by(by_start), shows_starts_anew),
    "heap": fills_gaps(moves=True),
    "heap-in-place": fills_gaps(moves=False),
    "swap": swaps,
    "hash-map": moves_by_hash,
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
    "total-page": tells(lambda _, rows: len(rows)),
    "total-page-cut": both(tells(lambda _, rows: len(rows)), serves(20, limit=100)),
    "total-so-far": tells(lambda _, rows: 100 + len(rows)),
    "total-pages": tells(lambda simulator, rows: -(-truth(simulator, rows) // 100)),
    "total-none": tells(lambda *_: None),
    "total-capped": both(tells(lambda *_: 1_000), serves(50, limit=100, offset=950)),
    "total-capped-10000": both(tells(lambda *_: 10_000), serves(50, limit=100, offset=9_950)),
    "window-refused": both(refuses(400, limit=100, offset=9_950), serves(100, limit=100, offset=9_900)),
    "window-1000": both(tells(truth), serves(0, limit=100, offset=1_000)),
    "total-estimated": is_estimated,
    "total-cached": total_stays,
    "total-behind": total_is_behind,
    "total-other": tells(
        lambda simulator, _: sum(
            count for (_, status), count in simulator.truth().calls.items() if status != "queued"
        )
    ),
    "total-ever": tells(lambda simulator, _: CALLS + simulator.truth().started),
    "linger-active": lingers(is_counted=False),
    "offset-ignored": same({"offset": 40}, {"offset": 0}),
    "offset-pages": counts_pages,
    "copied": comes_twice(is_counted=False, beyond_limit=True),
    "filtered": takes_out(is_counted=True),
    "filtered-total": takes_out(is_counted=False),
    "doubled": comes_twice(is_counted=True, beyond_limit=False),
    "doubled-calls": comes_twice(is_counted=False, beyond_limit=False),
}
MANY = {
    "ties-touched": 1_100,
    "total-capped": 1_100,
    "window-1000": 1_100,
    "total-capped-10000": 11_000,
    "window-refused": 11_000,
}
"""How many calls it takes where it matters."""


def test_every_profile_is_checked() -> None:
    """A profile that is new has a check of its own."""
    assert CHECKS.keys() == PROFILES.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_a_profile_is_served_as_it_says(name: str) -> None:
    """Over HTTP, from a centre that lives."""
    with serving(name, MANY.get(name, CALLS)) as simulator:
        CHECKS[name](simulator)


@pytest.mark.parametrize("seed", range(20))
def test_a_profile_that_chance_makes_is_served(seed: int) -> None:
    """Whatever it is, it is another one than the plain one, and the rows are of calls that there are."""
    profile = random_profile(seeded_random(seed))
    assert profile == random_profile(seeded_random(seed))
    assert replace(profile, description="") != Profile("")
    with Simulator(Settings(calls=60, speed=0, epoch=EPOCH, profile=profile)) as simulator:
        known = simulator.truth().call_sids
        simulator.advance(5)
        named = [row["call_sid"] for row in page(simulator, limit=20)["active_calls"] if row]
        assert len([sid for sid in named if len(sid) == 32]) == len(named)
        assert known & {*named}
