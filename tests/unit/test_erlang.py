"""Erlang's loss formula: against tables, exact fractions, all states written out, and chance."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from math import factorial, log, prod
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.erlang import blocking, capacity, offered, slots_needed
from exporter.simulator.traffic import seeded_random

#: The offered load in erlangs of which so many lines refuse this share, as tables have it.
TABLE = [
    *((1, 0.01, "0.0101"), (2, 0.01, "0.1526"), (5, 0.01, "1.3608"), (10, 0.01, "4.4612")),
    *((20, 0.01, "12.031"), (50, 0.01, "37.901"), (100, 0.01, "84.064"), (500, 0.01, "474.0")),
    *((10, 0.001, "3.0920"), (10, 0.02, "5.0840"), (10, 0.05, "6.2157"), (10, 0.1, "7.5106")),
    *((100, 0.001, "75.242"), (100, 0.02, "87.972"), (100, 0.05, "95.240"), (100, 0.1, "104.11")),
]
LOADS = st.dictionaries(st.integers(1, 4), st.floats(0, 60), min_size=1, max_size=3)
SHARES = st.floats(0.0001, 0.5)


def by_formula(load: Fraction, limit: int) -> Fraction:
    """Return Erlang's formula as it is written, exactly."""
    terms = [load**lines / factorial(lines) for lines in range(limit + 1)]
    return terms[-1] / sum(terms)


def by_long_decimals(load: str, limit: int) -> Decimal:
    """Return Erlang's formula, calculated with sixty digits."""
    with localcontext() as context:
        context.prec = 60
        term = total = Decimal(1)
        for lines in range(1, limit + 1):
            term = term * Decimal(load) / lines
            total += term
        return term / total


def by_states(load: Mapping[int, Fraction], limit: int) -> dict[int, Fraction]:
    """Return the share refused of each size of call, from every state that there can be."""
    weights = dict[int, Fraction]()
    for calls in product(*(range(limit // slots + 1) for slots in load)):
        in_use = sum(map(prod, zip(load, calls, strict=True)))
        powers = (each**number for each, number in zip(load.values(), calls, strict=True))
        weight = prod(powers, start=Fraction(1)) / prod(map(factorial, calls))
        if in_use <= limit:
            weights[in_use] = weights.get(in_use, Fraction(0)) + weight
    full = {slots: [each for used, each in weights.items() if used > limit - slots] for slots in load}
    return {slots: sum(each, Fraction(0)) / sum(weights.values()) for slots, each in full.items()}


@pytest.mark.parametrize(("limit", "share", "load"), TABLE)
def test_it_is_as_in_published_tables(limit: int, share: float, load: str) -> None:
    """To all of the digits that they have."""
    half_of_last_digit = 0.5 * 10.0 ** -len(load.partition(".")[2])
    below, above = (
        blocking({1: float(load) + each}, limit) for each in (-half_of_last_digit, half_of_last_digit)
    )
    assert below <= share <= above


@pytest.mark.parametrize("limit", [1, 2, 7, 30, 60])
@pytest.mark.parametrize("load", ["1/1000", "1/3", "5", "40", "1000"])
def test_it_is_the_closed_formula(limit: int, load: str) -> None:
    """In exact fractions."""
    exact = by_formula(Fraction(load), limit)
    assert blocking({1: float(Fraction(load))}, limit) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize(
    ("load", "limit"),
    [
        *(("0.000001", 3), ("950", 1000), ("1300", 1000), ("700", 1000), ("9900", 10_000), ("20000", 10_000)),
        *(("9000", 10_000), ("99000", 100_000), ("100500", 100_000), ("500", 100_000)),
    ],
)
def test_it_is_exact_for_large_limits_and_any_load(load: str, limit: int) -> None:
    """Where neither a power nor a factorial fits into a float."""
    exact = float(by_long_decimals(load, limit))
    assert blocking({1: float(load)}, limit) == pytest.approx(exact, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    "load",
    [
        *({1: "3", 2: "2"}, {2: "4"}, {1: "1/1000", 2: "4"}, {1: "5", 3: "1"}, {1: "1", 2: "2", 5: "3"}),
        {4: "2", 6: "1"},
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 6, 11, 12])
def test_calls_of_several_slots_are_refused_as_their_states_say(load: Mapping[int, str], limit: int) -> None:
    """A call is refused where fewer slots are free than it takes."""
    exact = {slots: Fraction(each) for slots, each in load.items()}
    shares = by_states(exact, limit)
    refused = sum(each * shares[slots] for slots, each in exact.items()) / sum(exact.values())
    floats = {slots: float(each) for slots, each in exact.items()}
    assert blocking(floats, limit) == pytest.approx(float(refused), rel=1e-12)


@given(st.floats(0, 1000), st.integers(1, 500), st.integers(1, 10))
def test_slots_are_only_counted_in_calls_of_one_size(load: float, calls: int, slots: int) -> None:
    """A limit has room for so many of them, and what is left over is of no use."""
    for left_over in (0, slots - 1):
        found = blocking({slots: load}, calls * slots + left_over)
        assert found == pytest.approx(blocking({1: load}, calls), rel=1e-9, abs=1e-300)


@given(LOADS, st.integers(1, 150))
def test_a_share_is_from_none_to_all(load: Mapping[int, float], limit: int) -> None:
    """Whatever the load and the limit."""
    assert 0 <= blocking(load, limit) <= 1


@given(st.floats(0, 500), st.floats(0, 500), st.integers(1, 300), st.integers(1, 300))
def test_more_is_refused_of_more_load_and_by_a_lower_limit(
    load: float, more: float, limit: int, further: int
) -> None:
    """Never less."""
    share = blocking({1: load}, limit)
    assert blocking({1: load + more}, limit) >= share * (1 - 1e-9)
    assert blocking({1: load}, limit + further) <= share * (1 + 1e-9)


@given(LOADS, SHARES)
def test_the_slots_needed_are_the_fewest(load: Mapping[int, float], share: float) -> None:
    """They refuse few enough, and no lower limit does."""
    needed = slots_needed(load, share)
    assert blocking(load, needed) <= share
    assert all(blocking(load, limit) > share for limit in range(needed))


def test_no_load_needs_no_slots() -> None:
    """And none of it is refused."""
    assert [slots_needed(load, 0.01) for load in ({}, {1: 0.0}, {2: 0.0})] == [0, 0, 0]
    assert [blocking(load, 1) for load in ({}, {1: 0.0}, {2: 0.0})] == [0, 0, 0]


@given(st.integers(1, 300), st.floats(0.05, 0.5))
def test_the_offered_load_is_the_one_that_leaves_the_carried(limit: int, part: float) -> None:
    """Up to half of it is refused."""
    load = part * 2 * limit
    carried = load * (1 - blocking({1: load}, limit))
    if carried >= load / 2:
        assert offered({1: carried}, limit)[1] == pytest.approx(load, rel=1e-6)


@pytest.mark.parametrize(
    ("load", "limit"),
    [({1: 9, 2: 3}, 20), ({1: 4, 2: 10}, 24), ({1: 15, 3: 4}, 30), ({2: 9, 3: 3}, 30), ({2: 14}, 24)],
)
def test_the_offered_load_of_several_sizes_leaves_the_carried(load: Mapping[int, int], limit: int) -> None:
    """So nearly that what is refused of it is told to within a fiftieth."""
    shares = by_states({slots: Fraction(each) for slots, each in load.items()}, limit)
    carried = {slots: each * float(1 - shares[slots]) for slots, each in load.items()}
    assert 0.05 < blocking(load, limit) < 0.4
    assert blocking(offered(carried, limit), limit) == pytest.approx(blocking(load, limit), rel=0.02)


@given(LOADS, st.integers(1, 150))
def test_as_much_is_offered_as_is_carried_or_up_to_twice_as_much(
    carried: Mapping[int, float], limit: int
) -> None:
    """Even where more is carried than the limit has room for: then it isn't the limit."""
    load = offered(carried, limit)
    assert load.keys() == carried.keys()
    assert all(calls <= load[slots] <= 2 * calls * (1 + 1e-9) for slots, calls in carried.items())


@given(st.floats(0, 300), st.floats(0, 300), st.integers(1, 300))
def test_more_is_offered_where_more_is_carried(load: float, more: float, limit: int) -> None:
    """Never less."""
    assert offered({1: load + more}, limit)[1] >= offered({1: load}, limit)[1] * (1 - 1e-9)


@pytest.mark.parametrize("limit", [1000, 10_000_000])
def test_a_limit_far_above_the_load_refuses_nothing(limit: int) -> None:
    """What is offered is what is carried."""
    load = {1: 90.0, 2: 5.0}
    assert blocking(load, limit) == pytest.approx(0, abs=1e-100)
    assert offered(load, limit) == pytest.approx(load)


def test_a_capacity_goes_by_the_offered_load() -> None:
    """Of 12.03 erlangs 12 lines refuse a fifth, and leave 9.7, for which 17 would do; 20 are needed."""
    load = {1: 12.03}
    refused = blocking(load, 12)
    left = {1: 12.03 * (1 - refused)}
    assert refused == pytest.approx(0.198, abs=0.002)
    assert capacity(left, 12, 0.01).blocking == pytest.approx(refused)
    assert capacity(left, 12, 0.01).slots_needed == 20
    assert slots_needed(left, 0.01) == 17


@pytest.mark.parametrize(("limit", "load"), [(1, 1.0), (10, 18.3), (200, 398.0)])
@pytest.mark.parametrize("slots", [1, 2])
def test_the_slots_needed_are_told_up_to_half_of_the_calls_refused(
    limit: int, load: float, slots: int
) -> None:
    """Beyond, the limit is nearly always full, and the calls carried don't tell how many there are."""
    for offered_load, is_told in ((load * 0.98, True), (load * 1.02, False)):
        share = blocking({slots: offered_load}, limit * slots)
        found = capacity({slots: offered_load * (1 - share)}, limit * slots, 0.01)
        assert (found.slots_needed is not None) == is_told
        assert found.blocking == pytest.approx(0.5, abs=0.02)


def test_no_slots_needed_are_told_of_a_limit_that_is_lower_than_the_calls() -> None:
    """Of 147 calls at a limit of 3: it isn't the limit."""
    assert capacity({1: 147.0}, 3, 0.01).slots_needed is None
    assert capacity({1: 147.0}, 3, 0.01).blocking > 0.5


def hours(random: Random, load: float, limit: int, count: int) -> list[tuple[float, int, int]]:
    """Return of some hours the mean number of calls, seen each 15 s, those that came, and those refused."""
    found, ends, mean_length = [], list[float](), 240.0
    at, seen_at = 0.0, 3600.0  # the first hour fills the lines
    for hour in range(1, count + 1):
        seen = came = refused = 0
        while at < 3600 * (hour + 1):
            while seen_at <= at:
                seen, seen_at = seen + sum(end > seen_at for end in ends), seen_at + 15
            while ends and ends[0] <= at:
                heapq.heappop(ends)
            came, refused = came + 1, refused + (len(ends) >= limit)
            if len(ends) < limit:
                heapq.heappush(ends, at + random.lognormvariate(log(mean_length) - 0.405, 0.9))
            at += random.expovariate(load / mean_length)
        found.append((seen / 240, came, refused))
    return found[1:]


@pytest.mark.parametrize(
    ("limit", "load"), [(10, 5.084), (10, 9.685), (50, 40.26), (50, 58.51), (200, 186.2), (200, 282.5)]
)
def test_the_load_of_an_hour_tells_what_is_refused(limit: int, load: float) -> None:
    """Of 2 to 30 % refused, to within a fifth in the middle of many hours, whatever the lengths of calls."""
    observed = hours(seeded_random(1), load, limit, 3000 // limit)
    refused = sum(each[2] for each in observed) / sum(each[1] for each in observed)
    told = [blocking(offered({1: mean}, limit), limit) for mean, _, _ in observed]
    assert refused == pytest.approx(blocking({1: load}, limit), rel=0.15)
    assert median(told) == pytest.approx(refused, rel=0.2)
