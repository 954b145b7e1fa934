"""Which failures are tried again, how often, and after how long."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason, wait_before_retry
from exporter.metrics.definitions import RETRIES

#: Seconds before the second try, without jitter; what isn't here is not tried again.
FIRST_WAIT = {Reason.CONNECTION: 0.1, Reason.SERVER_ERROR: 0.2, Reason.RATE_LIMITED: 1.0}


def dice(seed: int) -> Random:
    """Return chance that is the same each time."""
    return Random(seed)  # noqa: S311  # it guards nothing


@pytest.mark.parametrize("reason", sorted(set(Reason) - set(FIRST_WAIT)))
def test_what_another_try_cannot_mend_has_no_wait(reason: Reason) -> None:
    """Refusals, redirects, nonsense, and a time or budget that is over: asking again only costs."""
    assert wait_before_retry(Endpoint.CALLS, ApiError(reason, ""), 1, dice(1)) is None


def test_what_a_server_does_not_implement_is_asked_for_once() -> None:
    """501 says that it never will; any other failure of a server may be over."""
    waits = {
        status: wait_before_retry(
            Endpoint.CALLS, ApiError(Reason.SERVER_ERROR, "", status=status), 1, dice(1)
        )
        for status in (500, 501, 502, 503)
    }
    assert [status for status, wait in waits.items() if wait is None] == [501]


def test_the_reasons_that_are_exported_as_retried_are_those_that_are() -> None:
    """The counter of retries starts at 0 for each of them, and for no other."""
    assert {reason for _, reason in RETRIES.zeros[Endpoint.CALLS]} == set(FIRST_WAIT)


@pytest.mark.parametrize("endpoint", [Endpoint.STREAMS, Endpoint.AGENT_STREAMS])
@pytest.mark.parametrize("reason", Reason)
def test_what_is_not_the_list_is_asked_for_once(endpoint: Endpoint, reason: Reason) -> None:
    """It can wait for the next collection, and must not cost a listing."""
    assert wait_before_retry(endpoint, ApiError(reason, ""), 1, dice(1)) is None


@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize("reason", Reason)
def test_a_kept_connection_that_broke_is_replaced_at_once(endpoint: Endpoint, reason: Reason) -> None:
    """The server may have closed it since the request before: that is nobody's failure."""
    is_replaced = wait_before_retry(endpoint, ApiError(reason, ""), 1, dice(1), was_kept=True) == 0
    assert is_replaced == (reason is Reason.CONNECTION)
    assert (endpoint, Reason.CONNECTION) in RETRIES.zeros[endpoint]


@given(reason=st.sampled_from(sorted(FIRST_WAIT)), tries=st.integers(1, 50), seed=st.integers())
def test_the_wait_doubles_within_its_jitter_and_ends_after_three_tries(
    reason: Reason, tries: int, seed: int
) -> None:
    """Half as long to half as long again, twice as long after the second try, none after the third."""
    wait = wait_before_retry(Endpoint.CALLS, ApiError(reason, ""), tries, dice(seed))
    if tries >= 3:
        assert wait is None
    else:
        usual = FIRST_WAIT[reason] * 2 ** (tries - 1)
        assert wait is not None
        assert 0.5 * usual <= wait <= 1.5 * usual


def test_clients_that_failed_together_do_not_come_back_together() -> None:
    """A hundred clients spread over the whole range of the jitter."""
    error = ApiError(Reason.SERVER_ERROR, "")
    waits = [wait_before_retry(Endpoint.CALLS, error, 1, dice(seed)) or 0 for seed in range(100)]
    assert len(set(waits)) == 100
    assert min(waits) < 0.15
    assert max(waits) > 0.25
