"""One scrape: how long it may take, what was found of every account within it, and how it is written."""

from __future__ import annotations

import asyncio
import gzip
import math
from collections.abc import Iterable, Mapping
from concurrent.futures import Future

from starlette.datastructures import Headers
from starlette.responses import Response

from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Reason
from exporter.metrics.exposition import ExporterStatus, Selection, accepts_gzip, expose

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_MARGIN = 0.5  # seconds that writing and sending the answer may take
_GRACE = 0.3  # seconds that a collection may take to wind up after its deadline
_LEAST = 0.1  # seconds; what is left to a scraper whose timeout is shorter than the margin
_PACKET = 1400  # bytes: a shorter answer is sent in one packet, compressed or not
GZIP_LEVEL = 1  # level 6 takes five times as long to save a seventh of the bytes


class BadTimeout(Exception):
    """The scraper's timeout is no number of seconds above 0."""

    def __init__(self, found: str) -> None:
        super().__init__(f"{TIMEOUT_HEADER}: found {found[:40]!r}; accepted: a number of seconds above 0")


def seconds_for(configured: float, scraper: str | None) -> float:
    """Return the time a collection may take: as configured, or the scraper's less a margin if shorter.

    `scraper` is what its header says, in seconds. Raises BadTimeout.
    """
    if scraper is None:
        return configured
    try:
        seconds = float(scraper)
    except ValueError:
        raise BadTimeout(scraper) from None
    if not 0 < seconds < math.inf:
        raise BadTimeout(scraper)
    return min(configured, max(_LEAST, seconds - _MARGIN))


async def collect(accounts: Iterable[Account], scraper_timeout: str | None) -> dict[Account, Snapshot]:
    """Collect from all accounts side by side, in their own threads; return the snapshots by account.

    Whatever happens to one, the others' are returned. Raises BadTimeout.
    """
    deadlines = {
        account: Deadline.after(seconds_for(account.config.collection.timeout, scraper_timeout))
        for account in accounts
    }
    begun = {account: _begin(account, deadline) for account, deadline in deadlines.items()}
    waits = {
        account: _end(account, collection, deadlines[account])
        for account, collection in begun.items()
        if not collection.done()  # as under overload, where each microsecond counts
    }
    ended = dict(zip(waits, await asyncio.gather(*waits.values()), strict=True)) if waits else {}
    return {account: ended.get(account) or _result(account, begun[account]) for account in begun}


def _begin(account: Account, deadline: Deadline) -> Future[Snapshot]:
    try:
        return account.collect(deadline)
    except Exception as error:  # noqa: BLE001  # no thread could be started, perhaps
        lost: Future[Snapshot] = Future()
        lost.set_result(account.lost(error))
        return lost


def _result(account: Account, collection: Future[Snapshot]) -> Snapshot:
    try:
        return collection.result()
    except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be answered
        return account.lost(error)


async def _end(account: Account, collection: Future[Snapshot], deadline: Deadline) -> Snapshot:
    last = account.last
    try:
        snapshot = await _join(account, collection, deadline)
        failure = snapshot.failure
        is_new_timeout = failure is not None and failure.reason is Reason.TIMEOUT and snapshot is not last
        if is_new_timeout and deadline.remaining():
            # It may have been the collection of a scraper with less time: there is some left for our own.
            snapshot = await _join(account, account.collect(deadline), deadline)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be answered
        return account.lost(error)
    return snapshot


async def _join(account: Account, collection: Future[Snapshot], deadline: Deadline) -> Snapshot:
    try:
        # shield: a scraper that goes away must not take the collection from others who wait for it
        waiting = asyncio.shield(asyncio.wrap_future(collection))
        return await asyncio.wait_for(waiting, deadline.remaining() + _GRACE)
    except TimeoutError:
        return account.unfinished(deadline.seconds)


def exposition(
    headers: Headers,
    selection: Selection,
    snapshots: Mapping[Account, Snapshot],
    itself: ExporterStatus | None,
) -> Response:
    """Write the answer that the scraper's headers prefer; this takes its time, and needs no event loop."""
    accept = ",".join(headers.getlist("accept"))
    text, content_type = expose(snapshots, accept, itself, selection)
    answer = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if len(text) > _PACKET and accepts_gzip(",".join(headers.getlist("accept-encoding"))):
        text, answer["Content-Encoding"] = gzip.compress(text, GZIP_LEVEL), "gzip"
    return Response(text, headers=answer)
