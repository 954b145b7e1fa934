"""The API's time stamps, of which there are several kinds."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel.models import read_time
from tests.rows import TEXT

STAMPS = st.from_regex(
    r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(.[0-9]{2}:?[0-9]{2}(:?[0-9]{2}([.,][0-9]{1,9})?)?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2}(:[0-9]{2})?)?",
    fullmatch=True,
)
"""Texts that look like a time, possible or not."""
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2024-06-15T10:30:00.000Z", 1718447400.0),
        ("2024-06-15T10:30:05.250Z", 1718447405.25),
        ("2024-06-15T10:30:00Z", 1718447400.0),
        ("2022-11-03 22:54:40+05:30", 1667496280.0),
        ("2024-06-15T16:00:00+0530", 1718447400.0),
        ("2000-01-01T00:00:00Z", 946684800.0),
    ],
)
def test_every_documented_kind_is_read(written: str, seconds: float) -> None:
    """With T or a space, Z or an offset, with or without a fraction."""
    assert read_time(written) == seconds


def test_nanoseconds_are_read_as_far_as_they_matter() -> None:
    """Nine digits are no reason to refuse a time."""
    assert read_time("2024-06-15T10:30:00.123456789Z") == pytest.approx(1718447400.123456, abs=1e-6)
    assert read_time("2024-06-15 16:00:00.999999999+05:30") == pytest.approx(1718447401, abs=1e-5)


@pytest.mark.parametrize(
    "unset",
    [
        "1970-01-01 05:30:00+05:30",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",  # before the first year in UTC
        "1999-12-31T23:59:59Z",
    ],
)
def test_a_time_that_stands_for_none_is_none(unset: str) -> None:
    """1970 and year 1 mean that it isn't set."""
    assert read_time(unset) is None


@pytest.mark.parametrize("naive", ["2024-06-15T10:30:00.000", "2024-06-15 10:30:00", "2024-06-15"])
def test_a_time_without_zone_is_none(naive: str) -> None:
    """It could be any of a day's: none is guessed."""
    assert read_time(naive) is None


@pytest.mark.parametrize("written", [None, "", "yesterday", "1718447400", "2024-13-01T00:00:00Z", "\ud800"])
def test_what_is_no_time_is_none(written: str | None) -> None:
    """No time, and no error either."""
    assert read_time(written) is None


@given(st.datetimes(datetime(2000, 1, 2), timezones=OFFSETS))
def test_what_is_written_with_a_zone_is_read_as_that_moment(at: datetime) -> None:
    """Whatever the zone and the fraction."""
    assert read_time(at.isoformat()) == at.timestamp()
    assert read_time(at.isoformat(" ")) == at.timestamp()
    assert read_time(at.astimezone(UTC).isoformat().replace("+00:00", "Z")) == at.timestamp()


@given(TEXT | STAMPS | st.text())
def test_any_text_is_a_time_since_2000_or_none(text: str) -> None:
    """Nothing breaks, and no time is made up from before the API."""
    seconds = read_time(text)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 946684800)
