"""How long a scrape may take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.http.scrape import BadTimeout, seconds_for


@pytest.mark.parametrize(
    ("configured", "scraper", "seconds"),
    [
        (10, None, 10),
        (10, "60", 10),
        (10, "10", 9.5),
        (10, "5.25", 4.75),
        (10, "0.3", 0.1),
        (0.05, "9", 0.05),
    ],
)
def test_the_shorter_of_the_two_timeouts_holds(
    configured: float, scraper: str | None, seconds: float
) -> None:
    """The configured one, or Prometheus's less half a second; something is always left."""
    assert seconds_for(configured, scraper) == seconds


@pytest.mark.parametrize("header", ["", "soon", "0", "-1", "nan", "inf", "1e999"])
def test_a_timeout_that_is_none_is_refused_with_what_is_accepted(header: str) -> None:
    """One clear line, and no scrape that would never end."""
    with pytest.raises(BadTimeout, match="accepted: a number of seconds above 0"):
        seconds_for(10, header)


@given(configured=st.floats(0.1, 600), scraper=st.floats(min_value=1e-9, max_value=1e9))
def test_no_collection_outlives_its_scraper(configured: float, scraper: float) -> None:
    """Whatever the figures: never longer than configured, and never into the scraper's last half second."""
    seconds = seconds_for(configured, str(scraper))
    assert 0 < seconds <= configured
    assert seconds <= max(0.1, scraper - 0.5)
