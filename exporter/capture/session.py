"""The collections of a capture: as scrapes have them made, until the time, the requests or a person ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import StrEnum

from exporter.capture.recorder import Recorder
from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.exotel.deadline import Deadline

INTERVAL = 15.0
"""Seconds from scrape to scrape, as most people set it."""


class End(StrEnum):
    """Why no further collection is made, as a person is told."""

    TIME = "the time is over"
    REQUESTS = "too few requests are left for another collection"
    FULL = "the answers are as long as those of a capture may be"
    STOPPED = "stopped"


async def collect(
    account: Account,
    recorder: Recorder,
    duration: float,
    stopped: asyncio.Event,
    tell: Callable[[Snapshot], None],
    interval: float = INTERVAL,
) -> End:
    """Collect at least once, and then for so many seconds; tell what each collection found.

    Returns why no more follow. Collections are `interval` seconds apart, or as far as the budget needs.
    """
    last_begins = time.monotonic() + duration
    needed = 1  # requests for a collection: as many as the most that one took
    while True:
        began, made, last = time.monotonic(), recorder.made, account.last
        deadline = Deadline.after(account.config.collection.timeout)
        collection = asyncio.wrap_future(account.collect(deadline))
        if not await _ends(collection, stopped):
            return End.STOPPED
        snapshot = collection.result()
        if snapshot is not last:
            tell(snapshot)
        needed = max(needed, recorder.made - made)
        if recorder.is_full:
            return End.FULL
        if recorder.left < needed:
            return End.REQUESTS
        begins = began + max(interval, snapshot.sustainable_interval or 0.0)
        if begins >= last_begins:
            return End.TIME
        if await _is_set(stopped, begins - time.monotonic()):
            return End.STOPPED


async def _ends(collection: asyncio.Future[Snapshot], stopped: asyncio.Event) -> bool:
    """Wait for the end of a collection; return False where it is stopped before."""
    stop = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({collection, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    return collection.done()


async def _is_set(stopped: asyncio.Event, within: float) -> bool:
    try:
        await asyncio.wait_for(stopped.wait(), max(0.0, within))
    except TimeoutError:
        return False
    return True
