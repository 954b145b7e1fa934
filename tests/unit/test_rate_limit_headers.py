"""When an answer's headers mean, whatever clock and zone this machine goes by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel import rate_limiter
from exporter.exotel.rate_limiter import Limits, read_limits
from tests.clock import still_clock

NOW = 1_700_000_000
HOUR = 3600
MINUTE = 60


def dated(*, ours_ahead: float, **headers: str) -> dict[str, str]:
    """Return headers of a server whose clock our clock is so far ahead of."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"Date": formatdate(NOW - ours_ahead, usegmt=True), **names}


CLOCKS = st.integers(-10 * 365 * 86_400, 10 * 365 * 86_400)
"""How many seconds our clock is ahead of the server's."""


@given(CLOCKS, st.integers(0, HOUR))
def test_a_date_is_measured_against_the_date_of_the_answer(ours_ahead: int, seconds: int) -> None:
    """Whatever our own clock says, a date half a minute after the answer's own is half a minute away."""
    until = formatdate(NOW - ours_ahead + seconds, usegmt=True)
    with still_clock():
        assert read_limits(429, dated(ours_ahead=ours_ahead, Retry_After=until)).retry_after == seconds


@given(CLOCKS, st.integers(0, MINUTE))
def test_a_reset_is_measured_against_the_date_of_the_answer(ours_ahead: int, seconds: int) -> None:
    """As dates are."""
    reset = str(NOW - ours_ahead + seconds)
    headers = dated(ours_ahead=ours_ahead, X_RateLimit_Remaining="0", X_RateLimit_Reset=reset)
    with still_clock():
        assert read_limits(200, headers) == Limits(0.0, 0, seconds)


@given(CLOCKS, st.integers(0, MINUTE))
def test_without_a_date_a_wrong_clock_costs_a_minute_at_most(ours_ahead: int, seconds: int) -> None:
    """The answer doesn't say what time it is on the server: the account is asked again soon."""
    reset = NOW - ours_ahead + seconds
    headers = {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset),
        "Retry-After": formatdate(reset, usegmt=True),
    }
    with still_clock():
        found = read_limits(429, headers)
    assert 0 <= found.retry_after <= MINUTE
    assert 0 <= found.reset <= MINUTE


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the machine in India's time zone."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize(
    "date",
    [
        "Tue, 14 Nov 2023 22:13:50 GMT",
        "Tuesday, 14-Nov-23 22:13:50 GMT",
        "Tue Nov 14 22:13:50 2023",
        "Tue, 14 Nov 2023 22:13:50 -0000",
        "Wed, 15 Nov 2023 03:43:50 +0530",
        "Tue, 14 Nov 2023 22:13:50 GMT, Tue, 14 Nov 2023 22:13:50 GMT",
    ],
)
def test_every_form_of_a_date_is_the_same_moment_in_every_zone(date: str) -> None:
    """Three forms that RFC 9110 (5.6.7) has and two of mail; also where a proxy wrote the header again."""
    for headers in ({"Date": formatdate(NOW, usegmt=True), "Retry-After": date}, {"Retry-After": date}):
        with still_clock():
            assert read_limits(429, headers).retry_after == 30
    with still_clock():
        headers = {"Date": date, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(NOW + 35)}
        assert read_limits(200, headers).reset == 5


def test_our_own_clock_is_not_asked_where_the_answer_has_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where the header tells seconds."""
    monkeypatch.setattr(rate_limiter, "time", None)
    headers = dated(
        ours_ahead=0, Retry_After="30", X_RateLimit_Remaining="3", X_RateLimit_Reset=str(NOW + 20)
    )
    assert read_limits(503, headers) == Limits(30, 3, 20)
