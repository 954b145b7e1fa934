"""A sample of a list: pages that lie evenly over it, whatever the server makes of what is asked."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.pages import Ask
from exporter.exotel.listing.sampling import Sample, sample_pages
from exporter.exotel.models import Page
from tests.unit.test_listing import MovingList, still


def chance(seed: int = 0) -> Random:
    """Return chance that is the same each time."""
    return Random(seed)  # noqa: S311  # it chooses pages


def sampled(server: MovingList, page_size: int, most: int, seed: int = 0) -> Sample | None:
    """Sample a list."""
    return sample_pages(server.fetch, page_size, most, chance(seed))


def starts(sample: Sample | None) -> list[int]:
    """Return where in a list that stands still each page begins that isn't at an end."""
    assert sample is not None
    return [int(page[0].call_sid.removeprefix("call-")) for page in sample.pages]


@given(st.integers(1, 3000), st.integers(1, 100), st.integers(1, 100), st.integers(2, 60), st.integers(0, 99))
def test_a_sample_lies_evenly_and_has_both_ends(
    calls: int, page_size: int, cap: int, most: int, seed: int
) -> None:
    """No gap is more than a page longer than another; no call comes twice, and no request is one too many."""
    server = still(calls, cap=cap)
    sample = sampled(server, page_size, most, seed)
    assert sample is not None
    served = min(page_size, cap)
    listed = [call.call_sid for call in sample.ends] + [
        call.call_sid for page in sample.pages for call in page
    ]
    assert len(set(listed)) == len(listed)
    assert {"call-0", f"call-{calls - 1}"} <= {call.call_sid for call in sample.ends}
    assert len(server.requests) == min(most, -(-calls // served))
    assert all(len(page) == served for page in sample.pages)
    steps = [later - earlier for earlier, later in pairwise(starts(sample))]
    assert not steps or max(steps) - min(steps) <= served


@given(st.integers(1, 100), st.integers(0, 98))
def test_a_sample_that_is_cut_off_lies_evenly_all_the_same(answered: int, seed: int) -> None:
    """Whenever the time or the budget ends: the widest gap is at most four times what it needs to be."""
    server = still(3000)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            if len(server.requests) == 2 + answered:
                raise ApiError(Reason.TIMEOUT, "over")
            yield server.read(*ask)

    sample = sample_pages(fetch, 20, 102, chance(seed))
    found = starts(sample)
    assert len(found) == min(answered, 100)
    gaps = [later - earlier for earlier, later in pairwise([0, *found, 3000])]
    assert max(gaps) <= 4 * 3000 / (answered + 1)


def test_chance_chooses_where_pages_begin() -> None:
    """Every page of a list has its turn, so that none is left out for ever."""
    found = {start for seed in range(200) for start in starts(sampled(still(400), 20, 6, seed))}
    assert found == set(range(20, 380, 20))


def test_a_server_that_rounds_offsets_serves_the_same_pages() -> None:
    """They begin at multiples of the limit, also where it serves fewer rows than it was asked for."""
    rounded = sampled(still(900, rounds_offsets=True, cap=30), 100, 12)
    assert rounded == sampled(still(900, cap=30), 100, 12)
    assert starts(rounded)


def test_a_list_that_tells_no_total_gives_no_sample() -> None:
    """Nobody knows then what its pages are a sample of."""
    assert sampled(still(400, total=None), 20, 12) is None


def test_a_list_that_holds_less_than_it_says_gives_its_total_alone() -> None:
    """Which is known all the same."""
    assert sampled(still(400, total=900), 20, 12) == Sample((), (), 900)


def test_an_empty_list_gives_no_sample() -> None:
    """One request shows that there is nothing to be read."""
    server = still(0)
    assert sampled(server, 20, 12) is None
    assert len(server.requests) == 1


@pytest.mark.parametrize("failing", [0, 1, 5])
def test_a_page_that_can_not_be_had_fails_the_sample(failing: int) -> None:
    """Unless the time or the budget is over: what is missing then lies evenly, this might not."""
    server = still(400)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            if len(server.requests) == failing:
                raise ApiError(Reason.SERVER_ERROR, "HTTP 503")
            yield server.read(*ask)

    with pytest.raises(ApiError, match="503"):
        sample_pages(fetch, 20, 12, chance())


def test_the_total_is_the_last_that_was_told() -> None:
    """The list grows while it is sampled: what an estimate is scaled up to is as new as can be."""
    server = still(400)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        for ask in asks:
            server.be_born()
            yield server.read(*ask)

    sample = sample_pages(fetch, 20, 12, chance())
    assert sample is not None
    assert sample.total == 412


def test_requests_are_made_side_by_side() -> None:
    """All pages but the first are asked for at once, so that the list moves as little as can be."""
    asked: list[list[Ask]] = []
    server = still(400)

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        asked.append(list(islice(asks, 100)))
        yield from server.fetch(asked[-1])

    sample_pages(fetch, 20, 12, chance())
    assert [len(asks) for asks in asked] == [1, 11]
