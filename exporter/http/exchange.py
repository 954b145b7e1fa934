"""Requests while they are under way: how many at once, how many texts held, and how they were answered."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from threading import Barrier
from typing import TypeVar, TypeVarTuple
from urllib.parse import unquote

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.log import place

#: What can be answered but for redirects, so that the first of each is an increase.
_EXPECTED = (200, 400, 401, 403, 404, 405, 408, 429, 500, 503)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer, unless it has others: no site frames it, no browser takes it for a page or a script."""
_PATIENCE = 5.0  # seconds for one of the texts that are held to be read
_PIECE = 65536  # bytes
_AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_log = structlog.stdlib.get_logger(__name__)


class Answers:
    """Counts answers by HTTP status, on the event loop."""

    def __init__(self) -> None:
        self._by_code = Counter(dict.fromkeys(_EXPECTED, 0))

    def count(self, code: int) -> None:
        """Count one answer."""
        self._by_code[code] += 1

    def by_code(self) -> dict[int, int]:
        """Return how many there were of each status."""
        return dict(self._by_code)


class Exchange:
    """Outermost middleware: counts answers, tells browsers what they are, and knows when one has been read.

    A request keeps what it puts on `held`, a stack of its state, until its answer is read. The server waits,
    before each message, for the one before to be taken; over TLS only if that is longer than a buffer of
    64 kB. So a body is sent in pieces, and its end by itself.
    """

    def __init__(self, app: ASGIApp, answers: Answers) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and wait until its answer is read."""
        has_begun = False

        async def send_in_pieces(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._answers.count(message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            elif (body := message.get("body")) and not message.get("more_body"):
                for start in range(0, len(body), _PIECE):
                    piece = body[start : start + _PIECE]
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        try:
            async with AsyncExitStack() as held:
                scope = {**_with_path(scope), "state": {**scope.get("state", {}), "held": held}}
                await self._app(scope, receive, send_in_pieces)
        except Exception as error:
            if not has_begun:
                self._answers.count(500)  # with which uvicorn answers
                _log.error("request failed", detail=place(error))
            raise


def _with_path(scope: Scope) -> Scope:
    """Take `http://host/path` for `/path`, as every server must (RFC 9112, 3.2.2)."""
    authority = _AUTHORITY.match(scope["raw_path"])
    if authority is None:
        return scope
    path = scope["raw_path"][authority.end() :] or b"/"
    return {**scope, "raw_path": path, "path": unquote(path.decode("ascii"))}


class TooManyRequests(Exception):
    """So many requests are being answered that this one can't be."""

    def __init__(self, most: int, limited_by: str) -> None:
        super().__init__(f"limit of concurrent requests reached ({most}, {limited_by}): try again later")


class InFlight:
    """Limits the requests for each target separately, and the texts of all.

    A request that waits for an account's collection takes no place from those for another account. As soon
    as there is something to write, all share the same places: what costs memory is the texts.
    """

    def __init__(self, most: int, limited_by: str = "--web.max-requests", *, writers: int = 2) -> None:
        """Allow so many; 0 is no limit. `limited_by` is what the error calls it.

        `writers` are threads: one core computes, and others want it too.
        """
        self._most, self._limited_by = most, limited_by
        self._by_target: Counter[str] = Counter()
        self._texts = asyncio.Semaphore(most) if most else None
        self._threads = ThreadPoolExecutor(writers, thread_name_prefix="writer")
        all_begun = Barrier(writers + 1)  # now: later there may be no thread to be had, which is to be told
        for _ in range(writers):
            self._threads.submit(all_begun.wait, _PATIENCE)
        all_begun.wait(_PATIENCE)

    def enter(self, target: str, held: AsyncExitStack) -> None:
        """Count a request among those for its target until its stack ends; raise TooManyRequests."""
        if self._most and self._by_target[target] >= self._most:
            raise TooManyRequests(self._most, self._limited_by)
        self._by_target[target] += 1
        held.callback(self._leave, target)

    def _leave(self, target: str) -> None:
        self._by_target[target] -= 1
        if not self._by_target[target]:  # there is one target for each account there ever was
            del self._by_target[target]

    async def hold_text(self, held: AsyncExitStack) -> None:
        """Take a place for a text until its stack ends; raise TooManyRequests if none becomes free."""
        if self._texts is None:
            return
        try:
            async with asyncio.timeout(_PATIENCE if self._texts.locked() else None):
                await self._texts.acquire()
        except TimeoutError:
            raise TooManyRequests(self._most, self._limited_by) from None
        held.callback(self._texts.release)

    def write(self, write: Callable[[*_Ts], _T], *arguments: *_Ts) -> asyncio.Future[_T]:
        """Write a text in a thread: whatever its size, the event loop goes on."""
        return asyncio.get_running_loop().run_in_executor(self._threads, write, *arguments)
