"""The collections of a capture, made as scrapes make them until time or requests run out or it is stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exporter.archive import Exchange
from exporter.capture.recorder import Recorder
from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.exotel.deadline import Deadline

INTERVAL = 15.0  # seconds, as most people set it for scrapes


@dataclass(frozen=True, slots=True)
class Pace:
    """For how long collections are begun, and how far they are apart at least; in seconds."""

    duration: float
    interval: float = INTERVAL


class End(StrEnum):
    """Why no further collection is made, as a person is told."""

    TIME = "the time is over"
    REQUESTS = "too few requests are left for another collection"
    FULL = "the answers are as long as those of a capture may be"
    STOPPED = "stopped"


async def collect(
    account: Account,
    recorder: Recorder,
    pace: Pace,
    stopped: asyncio.Event,
    tell: Callable[[Snapshot], None],
) -> End:
    """Collect at least once, and tell what each collection found; return why no more follow.

    Collections are further apart than the pace says where the account's budget of requests needs it.
    """
    last_begins = time.monotonic() + pace.duration
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
        begins = began + max(pace.interval, snapshot.sustainable_interval or 0.0)
        if begins >= last_begins:
            return End.TIME
        if await _is_set(stopped, begins - time.monotonic()):
            return End.STOPPED


async def replaced_by_then(exchanges: Sequence[Future[Exchange]], hurried: asyncio.Event) -> list[Exchange]:
    """Return all exchanges when they are pseudonymised, or those that are when there is no more time."""
    waiting = [asyncio.wrap_future(exchange) for exchange in exchanges]
    hurry = asyncio.create_task(hurried.wait())
    rest: set[asyncio.Future[Any]] = {*waiting}
    while rest and not hurry.done():
        await asyncio.wait({*rest, hurry}, return_when=asyncio.FIRST_COMPLETED)
        rest = {exchange for exchange in rest if not exchange.done()}
    hurry.cancel()
    return [exchange.result() for exchange in waiting if exchange.done()]


async def _ends(collection: asyncio.Future[Snapshot], stopped: asyncio.Event) -> bool:
    """Wait for the end of a collection; return False where it is stopped before."""
    stop = asyncio.create_task(stopped.wait())
    either: set[asyncio.Future[Any]] = {collection, stop}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    return collection.done()


async def _is_set(stopped: asyncio.Event, within: float) -> bool:
    try:
        await asyncio.wait_for(stopped.wait(), max(0.0, within))
    except TimeoutError:
        return False
    return True
