"""What the dates of answers tell of the API's clock."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel.server_clock import ServerClock

NOW = 1_718_447_400.25


def dated(at: float) -> Mapping[str, str]:
    """Return the headers of an answer that was written at this time of the server."""
    return {"Date": formatdate(floor(at), usegmt=True)}


def test_clocks_agree_until_an_answer_says_otherwise() -> None:
    """A date within the second that its answer took says nothing."""
    clock = ServerClock()
    assert clock.ahead == 0
    clock.update_from(dated(NOW), NOW, NOW + 0.1)
    assert clock.ahead == 0


@given(st.floats(-1e6, 1e6), st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5)), min_size=1, max_size=20))
def test_a_clock_that_is_off_is_found_within_a_second_and_what_an_answer_took(
    ahead: float, answers: list[tuple[float, float]]
) -> None:
    """Never more of it than there is."""
    clock = ServerClock()
    for asked, took in answers:
        clock.update_from(dated(NOW + asked + took / 2 + ahead), NOW + asked, NOW + asked + took)
    assert abs(clock.ahead - ahead) <= 1.001 + min(took for _, took in answers)
    assert abs(clock.ahead) <= abs(ahead) + 0.001


@pytest.mark.parametrize(
    "headers",
    [{}, {"Date": "yesterday"}, {"Date": "Sat, 15 Jun 2024 08:00:00 GMT", "Age": "9000"}],
)
def test_an_answer_that_does_not_tell_when_it_was_written_says_nothing(headers: Mapping[str, str]) -> None:
    """One from a cache was written some time ago."""
    clock = ServerClock()
    clock.update_from(headers, NOW, NOW + 0.1)
    assert clock.ahead == 0


def test_an_answer_that_was_written_long_ago_does_not_set_a_clock_back_that_another_shows() -> None:
    """Some caches don't tell an age."""
    clock = ServerClock()
    clock.update_from(dated(NOW - 60), NOW, NOW + 0.1)
    clock.update_from(dated(NOW), NOW, NOW + 0.1)
    assert -1 <= clock.ahead <= 0


def test_only_the_last_answers_count() -> None:
    """A clock may be set right."""
    clock = ServerClock()
    clock.update_from(dated(NOW + 60), NOW, NOW + 0.1)
    assert clock.ahead > 59
    for _ in range(100):
        clock.update_from(dated(NOW), NOW, NOW + 0.1)
    assert clock.ahead == 0
