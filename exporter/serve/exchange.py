"""What holds for every request, whoever answers it: how its target is read, and that it is counted."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.serve.answers import Answers

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
        except Exception:
            if not has_begun:
                self._answers.count(500)  # with which uvicorn answers
            raise


def _with_path(scope: Scope) -> Scope:
    """Take `http://host/path` for `/path`, as every server must (RFC 9112, 3.2.2)."""
    authority = _AUTHORITY.match(scope["raw_path"])
    if authority is None:
        return scope
    path = scope["raw_path"][authority.end() :] or b"/"
    return {**scope, "raw_path": path, "path": unquote(path.decode("ascii"))}
