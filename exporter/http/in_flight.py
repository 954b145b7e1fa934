"""How many requests are answered at once, how many texts wait to be read, and the threads that write them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from threading import Barrier
from typing import TypeVar, TypeVarTuple

_WRITERS = 2  # threads: one core computes, and the event loop wants its share of it
_PATIENCE = 5.0  # seconds for one of the texts that are held to be read

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class TooManyRequests(Exception):
    """So many requests are being answered that this one can't be."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"limit of concurrent requests reached ({most}, --web.max-requests): try again later"
        )
        self.most = most


class InFlight:
    """Limits requests for each target by itself, and the texts of all.

    A request that waits for an account's collection takes no place from those for another account. As soon
    as there is something to write, all share the same places: what costs memory is the texts.
    """

    def __init__(self, most: int) -> None:
        """Allow so many; 0 is no limit."""
        self._most = most
        self._by_target: Counter[str] = Counter()
        self._texts = asyncio.Semaphore(most) if most else None
        self._threads = ThreadPoolExecutor(_WRITERS, thread_name_prefix="writer")
        all_begun = Barrier(_WRITERS + 1)  # now: later there may be no thread to be had, which is to be told
        for _ in range(_WRITERS):
            self._threads.submit(all_begun.wait, _PATIENCE)
        all_begun.wait(_PATIENCE)

    @contextmanager
    def request(self, target: str) -> Iterator[None]:
        """Count a request for as long as this lasts; raise TooManyRequests."""
        if self._most and self._by_target[target] >= self._most:
            raise TooManyRequests(self._most)
        self._by_target[target] += 1
        try:
            yield
        finally:
            self._by_target[target] -= 1
            if not self._by_target[target]:
                del self._by_target[target]

    @asynccontextmanager
    async def text(self) -> AsyncIterator[None]:
        """Have a place for a text for as long as this lasts; raise TooManyRequests if none becomes free."""
        if self._texts is None:
            yield
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._texts.acquire()
        except TimeoutError:
            raise TooManyRequests(self._most) from None
        try:
            yield
        finally:
            self._texts.release()

    async def write(self, write: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        """Have a text written in a thread: whatever its size, the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, write, *arguments)
