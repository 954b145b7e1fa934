"""The simulated centres: their calls are those of a contact centre, and scrapes show what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise

import pytest

from bench.centres.centre import CENTRES, SimulatedCentre
from bench.centres.draw import Call, Traffic
from bench.centres.model import DAY, HOUR, MINUTE, MONDAY, Event, Kind, Scrape
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.errors import Reason

BUSY = Kind("busy", inbound=60, outbound=20, history=1, judged=1)
SMALL = Kind("small", inbound=10, has_streams=True, history=0, judged=1, interval=60)
ONE = MONDAY + HOUR
"""When centres have calls."""


def looks(kind: Kind, *events: Event, every: float = MINUTE) -> Iterator[tuple[float, list[Call]]]:
    """Yield the moments of a day and the calls at each."""
    traffic, now = Traffic(kind, events, MONDAY, "seed"), MONDAY
    while now < MONDAY + DAY:
        yield now, list(traffic.at(now))
        now += every


def scrapes(*events: Event, kind: Kind = SMALL, hours: float = 1) -> list[Scrape]:
    """Return what was scraped in some hours from one o'clock on."""
    found = []
    for scrape in SimulatedCentre(kind, events).scrapes():
        if scrape.at >= ONE + hours * HOUR:
            break
        if scrape.at >= ONE:
            found.append(scrape)
    return found


def figures(scrape: Scrape, metric: str) -> dict[str, float]:
    """Return the samples of a metric."""
    return {series: value for series, value in scrape.samples if series.startswith(metric + "{")}


def test_as_many_calls_are_active_as_come_times_how_long_they_last() -> None:
    """Little's law, of a day."""
    number, calls = 0, {}
    for _, active in looks(BUSY, every=10):
        number += len(active)
        calls.update({call.call_sid: call for call in active})
    seconds = sum(min(call.end, MONDAY + DAY) - call.start for call in calls.values())
    assert number * 10 == pytest.approx(seconds, rel=0.02)


def test_agents_are_on_two_calls_only_for_a_transfer() -> None:
    """The other call is then the one to a colleague."""
    transfers = 0
    for now, calls in looks(BUSY):
        current = [next(phase for phase in call.phases if now < phase[0]) for call in calls]
        agents = Counter(agent.user_id for _, _, agent in current if agent)
        within = Counter(
            agent.user_id
            for call, (_, _, agent) in zip(calls, current, strict=True)
            if agent and call.direction is Direction.OUTBOUND_DIAL
        )
        assert all(number - within[agent] <= 1 for agent, number in agents.items())
        transfers += within.total()
    assert transfers


def test_the_same_seed_draws_the_same_calls() -> None:
    """Down to when each of them ends."""
    one, two = ([(call.call_sid, call.end) for _, calls in looks(BUSY) for call in calls] for _ in range(2))
    assert one == two


def test_no_more_calls_are_active_than_the_limit_allows() -> None:
    """The others are refused."""
    limit = 50
    most = max(len(calls) for _, calls in looks(replace(BUSY, call_limit=limit)))
    assert most == limit


def test_callers_wait_while_no_agent_is_there() -> None:
    """Talks that go on end as they would, but none begins."""
    away = Event(ONE, ONE + HOUR, agents=0.0)
    talks = {(call.talks_from, call.direction) for _, calls in looks(BUSY, away) for call in calls}
    assert not any(
        ONE + MINUTE < began < away.end and direction is not Direction.OUTBOUND_DIAL
        for began, direction in talks
    )
    waiting = {
        now: sum(call.phases[0][1] is CallStatus.QUEUED for call in calls) for now, calls in looks(BUSY, away)
    }
    assert waiting[ONE + 30 * MINUTE] > 10


def test_a_scrape_shows_the_calls_that_there_are() -> None:
    """In whatever status."""
    traffic = Traffic(SMALL, (), MONDAY, f"{SMALL.name} 1")
    for scrape in scrapes():
        assert sum(figures(scrape, "exotel_active_calls").values()) == len(traffic.at(scrape.at))
        assert set(figures(scrape, "exotel_up").values()) == set(figures(scrape, "up").values()) == {1.0}


def test_calls_are_counted_by_line_where_that_is_switched_on() -> None:
    """All of them are on one of the lines."""
    centre = SimulatedCentre(
        replace(SMALL, has_breakdowns=True), names={"exotel_line_calls", "exotel_calls_reported"}
    )
    for scrape in islice(centre.scrapes(), 30):
        by_line = figures(scrape, "exotel_line_calls")
        assert sum(by_line.values()) == sum(figures(scrape, "exotel_calls_reported").values())
        assert not any(value for series, value in by_line.items() if 'line="other"' in series)


def test_a_failing_api_is_counted_and_leaves_no_calls() -> None:
    """As the exporter has it."""
    fails = Event(ONE + HOUR / 2, ONE + HOUR, fault=Reason.TIMEOUT)
    for scrape in scrapes(fails):
        has_failed = scrape.at >= fails.start
        assert set(figures(scrape, "exotel_up").values()) == {0.0 if has_failed else 1.0}
        assert bool(figures(scrape, "exotel_active_calls")) is not has_failed
        failures = figures(scrape, "exotel_collector_failures_total")
        counted = sum(value for series, value in failures.items() if "timeout" in series)
        assert (counted > 0) is has_failed


def test_of_an_exporter_that_is_down_nothing_is_left_but_that() -> None:
    """Its counters then begin anew."""
    down = Event(ONE + HOUR / 2, ONE + 0.75 * HOUR, stops_exporters=1)
    found = scrapes(down)
    while_down = [scrape for scrape in found if down.start <= scrape.at < down.end]
    assert {len(scrape.samples) for scrape in while_down} == {1}
    started = [sum(figures(scrape, "exotel_observed_calls_started_total").values()) for scrape in found]
    assert started[-1] < started[25]


def test_nothing_is_scraped_while_prometheus_is_down() -> None:
    """Not even that it is."""
    gap = Event(ONE + HOUR / 2, ONE + 0.75 * HOUR, stops_prometheus=True)
    assert not any(gap.start <= scrape.at < gap.end for scrape in scrapes(gap))


def test_somebody_forgotten_on_hold_is_seen() -> None:
    """Where there are few calls, all of which are looked at."""
    forgotten = Event(ONE, ONE + 30 * MINUTE, forgotten=25 * MINUTE)
    held = [
        value
        for each in scrapes(forgotten, kind=replace(SMALL, interval=15), hours=0.5)
        for value in figures(each, "exotel_stream_longest_hold_seconds").values()
    ]
    assert max(held) > 20 * MINUTE


def test_a_share_of_the_talks_lacks_a_leg() -> None:
    """Spread over all of them."""
    by_legs = Counter[str]()
    for scrape in scrapes(Event(MONDAY, MONDAY + DAY, one_leg=0.1), hours=6):
        by_legs.update(figures(scrape, "exotel_stream_calls_by_legs"))
    legs = {series.split('legs="')[1][0]: number for series, number in by_legs.items()}
    assert legs["1"] / (legs["1"] + legs["2"]) == pytest.approx(0.1, abs=0.03)


def test_troubles_follow_one_another_in_the_time_that_is_judged() -> None:
    """So that what is told can be told by one of them."""
    for centre in CENTRES.values():
        for one, two in pairwise(centre.troubles):
            assert one.end < two.start
        assert all(centre.measured_from <= each.end <= centre.until for each in centre.troubles)


def test_troubled_centres_share_their_troubles() -> None:
    """Those that one of them can't show are named."""
    names = [
        [each.name for each in centre.troubles] for centre in CENTRES.values() if len(centre.troubles) > 1
    ]
    assert len(names) == 3
    assert names[0] == names[1] == names[2]
