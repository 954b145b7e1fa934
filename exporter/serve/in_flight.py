"""How many requests are answered at once, and how many texts are held until their clients have read them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from threading import Barrier
from typing import TypeVar, TypeVarTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_WRITERS = 2  # threads: one core computes, and the event loop wants its share of it
_PATIENCE = 5.0  # seconds for one of the texts that are held to be read
_PIECE = 65536  # bytes

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
            self._threads.submit(all_begun.wait)
        all_begun.wait()

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


class Holding:
    """Middleware: a request keeps what it puts on `held`, a stack of its state, until its answer is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have one request answered, and its answer read."""
        async with AsyncExitStack() as held:
            scope["state"] = {**scope.get("state", {}), "held": held}
            await self._app(scope, receive, _until_read(send))


def _until_read(send: Send) -> Send:
    """End an answer only when its client has taken all of it.

    The server waits, before each message, for the one before to be taken; over TLS only if that is longer
    than a buffer of 64 kB. So a body is sent in pieces, and its end by itself.
    """

    async def send_in_pieces(message: Message) -> None:
        body = message.get("body", b"")
        if message["type"] == "http.response.body" and not message.get("more_body") and body:
            for start in range(0, len(body), _PIECE):
                piece = body[start : start + _PIECE]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_in_pieces
