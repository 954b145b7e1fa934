"""One scrape: how long it may take, and what was observed of every account within it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable

from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Reason

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_MARGIN = 0.5  # seconds that writing and sending the answer may take
_GRACE = 0.3  # seconds that a collection may take to wind up behind its deadline
_LEAST = 0.1  # seconds; what is left to a scraper whose timeout is shorter than the margin


class BadTimeout(Exception):
    """The scraper's timeout is no number of seconds above 0."""

    def __init__(self, found: str) -> None:
        super().__init__(f"{TIMEOUT_HEADER}: found {found[:40]!r}; accepted: a number of seconds above 0")
        self.found = found


def seconds_for(configured: float, scraper: str | None) -> float:
    """Give the time a collection may take: the configured one, or the scraper's less a margin if shorter.

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


async def collect(accounts: Iterable[Account], scraper_timeout: str | None) -> dict[str, Snapshot]:
    """Collect from all accounts side by side, in their own threads; give the snapshots by account.

    Whatever happens to one, the others' are given. Raises BadTimeout.
    """
    waits = {
        account.name: _isolated(account, seconds_for(account.config.collection.timeout, scraper_timeout))
        for account in accounts
    }
    return dict(zip(waits, await asyncio.gather(*waits.values()), strict=True))


async def _isolated(account: Account, seconds: float) -> Snapshot:
    try:
        return await _observe(account, seconds)
    except Exception as error:  # noqa: BLE001  # no thread could be started, perhaps
        return account.lost(error)


async def _observe(account: Account, seconds: float) -> Snapshot:
    deadline = Deadline.after(seconds)
    snapshot = await _await(account, deadline)
    if snapshot.error is not None and snapshot.error.reason is Reason.TIMEOUT and deadline.remaining():
        # It may have been the collection of someone with less time: there is time left for one of our own.
        snapshot = await _await(account, deadline)
    return snapshot


async def _await(account: Account, deadline: Deadline) -> Snapshot:
    collection = asyncio.wrap_future(account.collect(deadline))
    try:
        # shield: a scraper that goes away must not take the collection from others who wait for it
        return await asyncio.wait_for(asyncio.shield(collection), deadline.remaining() + _GRACE)
    except TimeoutError:
        return account.unfinished(deadline.seconds)
