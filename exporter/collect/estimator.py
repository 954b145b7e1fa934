"""When calls are estimated, and from what: what a listing read in vain, or a sample in its place."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from exporter.collect.estimate import LEAST_PAGES, Estimate, estimate_calls, estimate_unproven
from exporter.config import CollectionConfig
from exporter.exotel.errors import ApiError, Cause, Incomplete, Reason
from exporter.exotel.listing.lister import Listing, ListingFailed
from exporter.exotel.listing.page_reader import FetchPages
from exporter.exotel.listing.sampling import sample_pages

_CONTRADICTED = {Cause.TOTAL, Cause.WINDOW}
"""Where what was read isn't like the rest of the total: the two contradict, or an end of the list is shut."""
_RUNS = 10  # at least, of calls that were listed side by side: a short list has few pages
_PATIENCE = 2  # listings in a row that are cut off, before a sample is read


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a sample told."""

    total: int
    """As the API reports it."""
    estimate: tuple[Estimate, ...]
    """Empty where it doesn't allow one."""


class Estimator:
    """Estimates the calls of an account that are not listed whole, if that is configured.

    - A listing that was read from end to end, and only not proven whole, is the best sample there could be.
    - A list that is too long for the budget is sampled each time, beside the page that shows its length.
    - One that is cut off time and again is listed every second time, and sampled in between. Only a listing
      with all of the time, and all requests, can see when it is whole again; a sample beside it would make
      sure that it isn't.
    """

    def __init__(self, config: CollectionConfig) -> None:
        self._is_on = config.estimate
        self._page_size = config.page_size  # rows that the server serves with a page, as it last showed
        self._random = Random()  # noqa: S311  # it chooses pages, it guards nothing
        self._cut_off = 0  # listings in a row, less the samples between them

    def takes_turn(self) -> ApiError | None:
        """Give why a sample is to be read in place of a listing, if it is."""
        if not self._is_on or self._cut_off < _PATIENCE:
            return None
        self._cut_off -= 1
        detail = f"the last {_PATIENCE} listings were cut off: pages that lie evenly are read instead"
        return Incomplete(detail, Cause.TIME)

    def of_listing(self, listing: Listing) -> tuple[Estimate, ...]:
        """Give what a listing tells that ended, but isn't whole."""
        is_sample = listing.incomplete_reason is not None and listing.cause not in _CONTRADICTED
        if not self._is_on or not is_sample or listing.total is None:
            return ()
        calls = listing.calls
        rows = max(1, min(listing.page_size, len(calls) // _RUNS))
        pages = [calls[start : start + rows] for start in range(0, len(calls), rows)]
        return estimate_unproven(pages, listing.total)

    def note_end(self, listing: Listing) -> None:
        """Take note of a listing that ended, whole or not."""
        self._page_size, self._cut_off = listing.page_size, 0

    def note_failure(self, failed: ListingFailed, *, was_begun: bool) -> None:
        """Take note of a listing that failed; one that wasn't begun shows nothing of how it would end."""
        self._page_size = failed.page_size
        if was_begun:
            was_cut_off = failed.total is not None and failed.error.reason in {Reason.TIMEOUT, Reason.BUDGET}
            self._cut_off = self._cut_off + 1 if was_cut_off else 0

    def samples(self, failed: ListingFailed) -> bool:
        """Tell whether a sample is to be read of a list that lacked requests, with what it leaves of them.

        That is nothing where the next listing can have enough by waiting.
        """
        return self._is_on and failed.error.reason is Reason.BUDGET

    def sample(self, fetch: FetchPages, most_requests: int) -> Sampled | None:
        """Estimate from pages that lie evenly over the list; nothing where they are too few or contradict it.

        Raises ApiError.
        """
        if most_requests < LEAST_PAGES + 2:  # both ends are read besides
            return None
        sample = sample_pages(fetch, self._page_size, most_requests, self._random)
        if sample is None:
            return None
        return Sampled(sample.total, estimate_calls(sample.pages, sample.total, sample.ends))
