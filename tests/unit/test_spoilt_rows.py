"""Rows that are barely JSON, or none: what each costs of the page that it stands in."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel.decode import read_page, read_stream
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import Call, PersonalCall
from tests.offenders import for_each

DEEP = 10_000
NESTED = [b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b'[{"a":' * DEEP + b"}]" * DEEP]
#: Values that JSON has no place for, or none that every reader agrees on; as they stand in a body.
SPOILT = [
    b'"a tab\t, a newline\n, a null\x00"',
    b'"half a pair \\ud83d"',
    b'"the other half \\udc00"',
    b'"no UTF-8: \xff\xfe\xc3"',
    b'"a surrogate in UTF-8: \xed\xa0\x80"',
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"9" * 400,
    b"9" * 5000,
    *NESTED,
]
#: Values that no reader of JSON takes.
BROKEN = [
    b'"an escape \\x41"',
    b"'quotes'",
    b"undefined",
    b"nan",
    b"+5",
    b"05",
    b".5",
    b"",
    b'"Ravi "R" Das"',
    b"[1,]",
]
KINDS: tuple[type[Call], ...] = (Call, PersonalCall)
each_spoilt = for_each((repr(value[:40]), value) for value in SPOILT)


def row(call_sid: str, **fields: bytes) -> bytes:
    """Write a row; fields are written as they are."""
    members = {"call_sid": json.dumps(call_sid).encode(), "status": b'"ringing"', **fields}
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), value) for name, value in members.items()) + b"}"


def page(*rows: bytes, total: bytes = b"2", more: bytes = b"") -> bytes:
    """Write a page of these rows."""
    response = b'{"active_calls":[%b],"total_active":%b%b}' % (b",".join(rows), total, more)
    return b'{"request_id":"r","http_code":200,"response":%b}' % response


@each_spoilt
def test_a_spoilt_value_that_is_not_read_costs_nothing(value: bytes) -> None:
    """Neither in a row nor beside the list."""
    bodies = (page(row("a", queue=value), row("b")), page(row("a"), row("b"), more=b',"x":' + value))
    for body, kind in product(bodies, KINDS):
        read = read_page(body, kind)
        assert [(call.call_sid, call.status) for call in read.calls] == [("a", "ringing"), ("b", "ringing")]
        assert (read.unreadable, read.total) == (0, 2)


READ = (
    "direction",
    "status",
    "duration",
    "agent_details",
    "recording_enabled",
    "start_time",
    "from",
    "state",
)


@each_spoilt
def test_a_spoilt_value_that_is_read_costs_only_itself(value: bytes) -> None:
    """The row is a call all the same."""
    for kind, field in product(KINDS, READ):
        read = read_page(page(row("a"), row("b", **{field: value}), row("c")), kind)
        assert [call.call_sid for call in read.calls] == ["a", "b", "c"], field
        assert (read.unreadable, read.total) == (0, 2), field


@for_each((repr(value[:40]), value) for value in [*SPOILT, *BROKEN])
def test_a_spoilt_call_sid_costs_at_most_its_row(value: bytes) -> None:
    """It is an odd name, or a row that could not be read; its neighbours are what they are."""
    for kind in KINDS:
        read = read_page(page(row("a"), b'{"call_sid":%b}' % value, row("c")), kind)
        assert [call.call_sid for call in (read.calls[0], read.calls[-1])] == ["a", "c"]
        assert (read.rows, read.total) == (3, 2)


@for_each((repr(value), value) for value in BROKEN)
def test_a_broken_value_costs_only_its_row(value: bytes) -> None:
    """It is counted among those that could not be read."""
    for field in ("queue", "duration", "to"):
        read = read_page(page(row("a"), row("b", **{field: value}), row("c")))
        assert [call.call_sid for call in read.calls] == ["a", "c"], field
        assert (read.unreadable, read.total) == (1, 2), field


@for_each((repr(whole[:40]), whole) for whole in [*NESTED, b"{undefined}"])
def test_a_row_that_is_none_at_all_costs_only_itself(whole: bytes) -> None:
    """However deep it goes."""
    read = read_page(page(row("a"), whole, row("c")))
    assert [call.call_sid for call in read.calls] == ["a", "c"]
    assert read.unreadable == 1


@pytest.mark.parametrize("duration", [b"7", b'"7"'])
def test_of_a_key_that_stands_twice_the_last_one_counts(duration: bytes) -> None:
    """On either way of reading; a list that stands twice as well."""
    twice = b'{"call_sid":"a","call_sid":"b","duration":1,"duration":%b}' % duration
    [call] = read_page(page(twice)).calls
    assert (call.call_sid, call.duration) == ("b", 7)
    read = read_page(page(row("first"), more=b',"active_calls":[%b],"total_active":9' % twice))
    assert ([call.call_sid for call in read.calls], read.total) == (["b"], 9)


@given(st.lists(st.none() | st.sampled_from([*SPOILT, *BROKEN]), min_size=1, max_size=8), st.data())
def test_the_rows_that_are_not_spoilt_are_all_read(spoilt: list[bytes | None], data: st.DataObject) -> None:
    """Whatever the others hold; and every row is counted as one, readable or not."""
    field = data.draw(st.sampled_from(["queue", "status", "duration", "agent_details", "to"]))
    rows = [row(str(n)) if value is None else row(str(n), **{field: value}) for n, value in enumerate(spoilt)]
    read = read_page(page(*rows))
    found = [call.call_sid for call in read.calls]
    assert {str(n) for n, value in enumerate(spoilt) if value is None} <= set(found)
    assert found == sorted(found)
    assert read.rows == len(rows)


@for_each((repr(value[:40]), value) for value in [b"1", *SPOILT, *BROKEN])
def test_an_answer_that_is_cut_off_is_no_page(value: bytes) -> None:
    """Wherever the cut is: nobody knows what would have followed."""
    whole = page(row("a", queue=value), row("b", agent_details=b'{"user_id":"x"}'))
    ends = [
        *range(1, 60, 4),
        *range(len(whole) // 2, len(whole) // 2 + 9),
        *range(len(whole) - 40, len(whole)),
    ]
    for end in ends:
        with pytest.raises(ApiError) as caught:
            read_page(whole[:end])
        assert caught.value.reason == Reason.BAD_RESPONSE


def test_rows_that_run_into_one_another_are_not_taken_for_one() -> None:
    """A quote too many in two rows makes a text of what is between: nobody knows how many calls."""
    body = page(row("a"), row("b", to=b'"5" pipe"'), row("c"), row("d", to=b'"7" pipe"'), row("e"))
    with pytest.raises(ApiError) as caught:
        read_page(body)
    assert caught.value.reason == Reason.BAD_RESPONSE


@each_spoilt
def test_a_spoilt_detail_of_a_call_costs_only_itself(value: bytes) -> None:
    """The details of one call are no list, but the same holds."""
    for field in ("duration", "legs", "bridge", "recording", "queue"):
        stream = row("a", **{field: value})
        assert read_stream(b'{"response":{"stream":%b}}' % stream, "a").status == "ringing", field


@each_spoilt
def test_a_spoilt_total_is_no_total(value: bytes) -> None:
    """The rows are there all the same."""
    read = read_page(page(row("a"), row("b"), total=value))
    assert (len(read.calls), read.unreadable, read.total) == (2, 0, None)


def test_to_read_personal_data_changes_nothing_of_what_a_row_costs() -> None:
    """Values that are then read cost themselves; those that are broken cost the row either way."""
    body = page(*(row(str(n), **{"from": value}) for n, value in enumerate([*SPOILT, *BROKEN])))
    for kind in (Call, PersonalCall):
        read = read_page(body, kind)
        assert (len(read.calls), read.unreadable) == (len(SPOILT), len(BROKEN))


@pytest.mark.parametrize(("rows", "is_read"), [(99_999, True), (100_000, False)])
def test_a_page_of_more_rows_than_there_can_be_is_not_mended(rows: int, is_read: bool) -> None:
    """To look at each by itself would take ten seconds for the millions that a body can hold."""
    body = page(*[b"{}"] * rows, b"{undefined}")
    if is_read:
        assert read_page(body).unreadable == rows + 1
        return
    with pytest.raises(ApiError) as caught:
        read_page(body)
    assert caught.value.reason == Reason.BAD_RESPONSE
