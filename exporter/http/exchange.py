"""What holds for every request, whoever answers it: its target, its count, and when its answer is read."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from urllib.parse import unquote

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.http.answers import Answers
from exporter.log import place

_PIECE = 65536  # bytes
_log = structlog.stdlib.get_logger(__name__)
_AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")


class Exchange:
    """Hands requests to an application, and counts its answers."""

    def __init__(self, app: ASGIApp, answers: Answers) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have one request answered."""
        has_begun = False

        async def send_and_count(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                self._answers.count(message["status"])
            await send(message)

        try:
            await self._app(_with_path(scope), receive, send_and_count)
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
