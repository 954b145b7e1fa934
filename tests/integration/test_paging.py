"""Servers that page in their own way: an account is listed whole, and what was learnt of the way is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from exporter.collect.snapshot import Snapshot
from tests.answering import answering
from tests.serving import EAGER, account, collecting

Ask = tuple[int, int]
"""An offset and a limit."""
Answer = tuple[int, bytes]


def page(rows: list[int], total: int) -> Answer:
    """Return a page of the calls with these numbers, which are when they started as well."""
    same = {"direction": "inbound", "status": "in-progress"}
    calls = [{"call_sid": f"call-{row}", **same, "start_time": f"2026-{row:09}"} for row in rows]
    return 200, json.dumps(
        {"http_code": 200, "response": {"active_calls": calls, "total_active": total}}
    ).encode()


@contextmanager
def listed(
    answer: Callable[[int, int], Answer], requests_per_minute: int = 100_000
) -> Iterator[tuple[Callable[[], Snapshot], list[Ask]]]:
    """Return what collects from a server that answers offsets and limits like this, and what it was asked."""
    asked: list[Ask] = []

    def get(path: str) -> Answer:
        query = dict(parse_qsl(urlsplit(path).query))
        asked.append((int(query["offset"]), int(query["limit"])))
        return answer(*asked[-1])

    collection = replace(EAGER, page_size=100, requests_per_minute=requests_per_minute)
    with (
        answering(get) as address,
        collecting(account("acme", f"http://{address}", collection=collection)) as collect,
    ):
        yield collect, asked


def calls(snapshot: Snapshot) -> float | None:
    """Return how many calls were listed."""
    active_calls = snapshot.active_calls
    return None if active_calls is None else sum(group.calls for group in active_calls.calls.groups)


@pytest.mark.parametrize(("status", "inside"), [(400, 400), (413, 413), (422, 422), (200, 400), (200, 422)])
def test_a_limit_that_is_refused_twice_is_asked_for_no_more(status: int, inside: int) -> None:
    """By HTTP, or in the body of a 200: pages of 20 from then on."""

    def answer(offset: int, limit: int) -> Answer:
        if limit > 50:
            return status, json.dumps({"http_code": inside, "response": {"status": "failure"}}).encode()
        return page(list(range(60))[offset : offset + limit], 60)

    with listed(answer) as (collect, asked):
        assert [calls(collect()) for _ in range(3)] == [60] * 3
    assert [limit for _, limit in asked].count(100) == 2


def test_a_limit_that_was_refused_is_asked_for_again_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server refuses it may allow one day."""
    most, later, monotonic = 50, 0.0, time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: monotonic() + later)

    def answer(offset: int, limit: int) -> Answer:
        return (400, b"{}") if limit > most else page(list(range(90))[offset : offset + limit], 90)

    with listed(answer) as (collect, asked):
        assert [calls(collect()) for _ in range(2)] == [90, 90]
        most = 100
        assert calls(collect()) == 90
        before = len(asked)
        later = 3601.0
        assert calls(collect()) == 90
    assert asked[before - 1][1] == 20
    assert asked[before] == (0, 100)


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_server_that_stumbled_is_asked_for_whole_pages_again(refusals: int) -> None:
    """A 400 of a gateway, once or twice in a row, is no limit that is too large."""
    stumbles = iter([True] * refusals)

    def answer(offset: int, limit: int) -> Answer:
        if next(stumbles, False):
            return 400, b"<html>no</html>"
        return page(list(range(260))[offset : offset + limit], 260)

    with listed(answer) as (collect, asked):
        found = [calls(collect()) for _ in range(2)]
    assert found == ([260, 260] if refusals == 1 else [None, 260])
    assert {limit for _, limit in asked[-3:]} == {100}


def test_a_server_that_rounds_offsets_is_known_after_one_listing() -> None:
    """A page for each multiple of the limit: few more requests than pages, and hardly any the next time."""
    with listed(lambda o, n: page(list(range(500))[o // n * n : o // n * n + n], 500)) as (collect, asked):
        assert calls(collect()) == 500
        first = len(asked)
        assert calls(collect()) == 500
    assert len(asked) - first <= 7


def test_what_is_asked_for_again_counts_among_what_a_listing_takes() -> None:
    """Three pages, one of which a gateway stumbled over: four requests go fifty times into two hundred."""
    stumbles = iter([False, True])

    def answer(offset: int, limit: int) -> Answer:
        return (503, b"") if next(stumbles, False) else page(list(range(260))[offset : offset + limit], 260)

    with listed(answer, requests_per_minute=200) as (collect, asked):
        assert collect().sustainable_interval == 60 / 50
    assert len(asked) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_an_error_beyond_the_end_costs_nothing(status: int) -> None:
    """Of a list with no total, which is read until it ends."""

    def answer(offset: int, limit: int) -> Answer:
        rows = list(range(250))[offset : offset + limit]
        return page(rows, -1) if rows else (status, b"{}")

    with listed(answer) as (collect, _):
        assert calls(collect()) == 250


def test_what_lies_beyond_a_window_is_told_in_words() -> None:
    """The account is down, its total known, and the reason says what the server refuses."""

    def answer(offset: int, limit: int) -> Answer:
        return page(list(range(offset, offset + limit)), 2500) if offset + limit <= 1000 else (422, b"{}")

    with listed(answer) as (collect, _):
        found = collect()
    assert (calls(found), found.reported, found.seen, found.unseen) == (None, 2500, 1000, 1500)
    assert found.failure is not None
    assert found.failure.detail == (
        "the API refuses rows 960 to 1060 of its list (HTTP 422): "
        "1500 of 2500 calls that it reports can't be listed"
    )


def test_neither_a_row_that_comes_twice_nor_a_total_that_is_too_low_costs_the_account() -> None:
    """251 rows of 250 calls; 60 calls, pages of 50 and a total of 45."""
    rows = [*range(120), 7, *range(120, 250)]
    with listed(lambda o, n: page(rows[o : o + n], 251)) as (collect, asked):
        assert calls(collect()) == 250
        before = len(asked)
        assert calls(collect()) == 250  # and the list isn't read twice again, to know its order
    assert len(asked) - before == 4
    with listed(lambda o, n: page(list(range(60))[o : o + min(n, 50)], 45)) as (collect, _):
        assert calls(collect()) == 60
