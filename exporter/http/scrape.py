"""One scrape: how long it may take, what was found of every account within it, and how it is written."""

from __future__ import annotations

import asyncio
import gzip
import math
from collections.abc import Iterable, Mapping

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
_PACKET = 1400  # bytes: who reads fewer gains nothing by gzip
_GZIP_LEVEL = 1  # level 6 takes five times as long to save a seventh of the bytes


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
    waits = {
        account: _collect(account, seconds_for(account.config.collection.timeout, scraper_timeout))
        for account in accounts
    }
    return dict(zip(waits, await asyncio.gather(*waits.values()), strict=True))


async def _collect(account: Account, seconds: float) -> Snapshot:
    deadline = Deadline.after(seconds)
    try:
        snapshot = await _join(account, deadline)
        if (
            snapshot.failure is not None
            and snapshot.failure.reason is Reason.TIMEOUT
            and deadline.remaining()
        ):
            # It may have been the collection of a scraper with less time: there is some left for our own.
            snapshot = await _join(account, deadline)
    except Exception as error:  # noqa: BLE001  # no thread could be started, perhaps
        return account.lost(error)
    return snapshot


async def _join(account: Account, deadline: Deadline) -> Snapshot:
    collection = asyncio.wrap_future(account.collect(deadline))
    try:
        # shield: a scraper that goes away must not take the collection from others who wait for it
        return await asyncio.wait_for(asyncio.shield(collection), deadline.remaining() + _GRACE)
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
        text, answer["Content-Encoding"] = gzip.compress(text, _GZIP_LEVEL), "gzip"
    return Response(text, headers=answer)
