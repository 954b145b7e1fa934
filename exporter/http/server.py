"""The server of a program, which answers on its sockets until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from queue import SimpleQueue
from threading import Thread
from types import FrameType

import structlog
from starlette.types import ASGIApp

from exporter import signals, systemd
from exporter.collect.accounts import Accounts
from exporter.config import WebFile
from exporter.http.answers import Answers
from exporter.http.reloader import Reloader, status
from exporter.serve.address import bound_address
from exporter.serve.http_server import Server
from exporter.serve.web import Web

_PATIENCE = 3  # seconds for the scrapes in flight, when the server is told to stop, to end by themselves
_NOTICE = 1  # second for systemd to take the message that all is ready, before anybody is answered
_LAST_RESORT = 4.8  # seconds after which a program that is too busy to stop is ended

_log = structlog.stdlib.get_logger(__name__)


class _Program(Server):
    """The server of a program that ends with it, soon after it is told to; systemd hears of both."""

    def __init__(self, accounts: Accounts, app: ASGIApp, web: Web | None, answers: Answers) -> None:
        super().__init__(app, web, answers=answers)
        self._accounts = accounts
        self._watchdog: asyncio.Task[None] | None = None
        self._told: SimpleQueue[None] = SimpleQueue()  # its put takes no lock that a signal could find taken
        Thread(target=self._end_in_time, name="end", daemon=True).start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        systemd.notify("READY=1", f"STATUS={status(self._accounts)}", patience=_NOTICE)
        if seconds := systemd.watchdog_seconds():
            self._watchdog = asyncio.create_task(_feed_watchdog(seconds))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._told.put(None)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        systemd.notify("STOPPING=1")
        asyncio.get_running_loop().call_later(_PATIENCE, self._accounts.cancel)
        await super().shutdown(sockets)

    def _end_in_time(self) -> None:
        """End a program that is too busy to stop; its thread is there before it might not be had."""
        self._told.get()
        time.sleep(_LAST_RESORT)
        os._exit(0)


def serve(  # noqa: PLR0913  # all that a program that serves is made of
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    accounts: Accounts,
    reloader: Reloader,
    answers: Answers,
    *,
    web: WebFile | None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in flight; reload at SIGHUP."""
    server = _Program(accounts, app, Web(web) if web else None, answers)
    # uvicorn raises the signal again once it has stopped: with this handler that ends in exit code 0.
    signals.at_stop(server.handle_exit)
    signals.at_hangup(reloader.ask)
    for listening in sockets:
        _log.info("listening", address=bound_address(listening), tls=server.has_tls)
    server.run(sockets=list(sockets))


async def _feed_watchdog(seconds: float) -> None:
    """Tell systemd that the event loop is alive, for as long as it is."""
    while True:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(seconds)
