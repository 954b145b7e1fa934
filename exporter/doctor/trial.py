"""The exporter's own listing, tried on the account: it tells what exotel_up will be."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from itertools import islice

from exporter.doctor.asker import Asker, OutOfRequests
from exporter.doctor.failures import failure_of, remedy, told
from exporter.doctor.finding import Check, Finding, Verdict
from exporter.exotel.decode import read_page
from exporter.exotel.errors import ApiError, Failure, Reason
from exporter.exotel.listing.lister import Lister, Listing, ListingFailed
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import Page
from exporter.exotel.remediation import remediation_of


@dataclass(frozen=True, slots=True)
class Trial:
    """What listings took: requests, seconds and calls of the last one; None where none came to its end."""

    requests: int | None = None
    seconds: float | None = None
    calls: int | None = None


def examine(asker: Asker, page_size: int, doubt: str) -> tuple[Trial, Finding]:
    """Return how the exporter's listing goes with this page size, the second time where requests are left.

    The first one learns what the server is like, as the first one of an exporter does. `doubt` is why others
    may be incomplete although this one isn't, as a sentence, or empty.
    """
    lister = Lister(page_size, asker.monotonic)
    left = asker.left
    trial, result = _list(lister, asker)
    if isinstance(result, Listing) and asker.left > result.requests:
        again, second = _list(lister, asker)
        if isinstance(second, Listing):
            trial, result = again, second
    if isinstance(result, Listing):
        return trial, _judge(trial, result, doubt)
    if result.reason is Reason.BUDGET:
        is_ended = asker.is_stopped or asker.has_given_up
        why = (
            asker.why_short if is_ended else f"its listing takes more requests than the {left} that were left"
        )
        text = f"Whether the exporter can list this account isn't known: {why}."
        return trial, Finding(Check.LISTING, Verdict.NOT_TOLD, None, text)
    text = f"The exporter's own listing fails: {told(result)}. {remedy(result)}"
    return trial, Finding(Check.LISTING, Verdict.MUST_CHANGE, str(result.reason), text)


def _list(lister: Lister, asker: Asker) -> tuple[Trial, Listing | ApiError]:
    began, left = asker.monotonic(), asker.left

    def fetch(asks: Iterable[Ask]) -> Generator[Page, None, None]:
        waiting = iter(asks)
        while batch := list(islice(waiting, asker.account.collection.concurrency)):
            yield from _pages(asker, batch)

    try:
        listing = lister.list(fetch, asker.left)
    except ListingFailed as failed:
        return Trial(requests=failed.needed), failed.error
    return Trial(left - asker.left, asker.monotonic() - began, len(listing.calls)), listing


def _pages(asker: Asker, batch: list[Ask]) -> Generator[Page, None, None]:
    try:
        found = asker.pages([(limit, offset) for offset, limit in batch])
    except OutOfRequests:
        raise ApiError(Reason.BUDGET, "all requests that were announced have been made") from None
    for page in found:
        if error := failure_of(page.reply):
            raise error
        yield read_page(page.reply.body)


def _judge(trial: Trial, listing: Listing, doubt: str) -> Finding:
    evidence = f"{trial.calls} calls in {trial.requests} requests and {trial.seconds or 0:.1f} s"
    if listing.unreadable and not listing.calls:
        text = "No row has a call_sid, so that no call can be counted. Open a ticket with Exotel."
        return Finding(Check.LISTING, Verdict.MUST_CHANGE, str(Reason.BAD_RESPONSE), text, evidence)
    if listing.incomplete_reason is None and doubt:
        text = f"The exporter listed every call that the API shows. But {doubt}"
        return Finding(Check.LISTING, Verdict.WORKS, "uncertain", text, evidence)
    if listing.incomplete_reason is None:
        text = "The exporter lists every call of this account, and proves it: exotel_up will be 1."
        return Finding(Check.LISTING, Verdict.GOOD, "complete", text, evidence)
    failure = Failure(Reason.INCOMPLETE, listing.incomplete_reason, listing.cause)
    text = (
        f"The exporter can't prove that it lists every call ({listing.incomplete_reason}): then exotel_up is "
        f"0. {remediation_of(failure).sentence} Until then estimate: true exports estimates."
    )
    return Finding(Check.LISTING, Verdict.MUST_CHANGE, listing.cause or "incomplete", text, evidence)
