"""The program while it serves: its start, reloads and end, of which systemd is told."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette

from exporter import signals
from exporter.collect.accounts import Accounts
from exporter.config import ConfigError
from exporter.http.app import create_app
from exporter.http.endpoints import Endpoints
from exporter.http.exchange import Answers, Exchange
from exporter.log import place
from exporter.web import systemd
from exporter.web.listen import bound_address
from exporter.web.server import Server

if TYPE_CHECKING:
    from exporter.web.config import ActiveWebConfig

_DRAIN = 3  # seconds for the scrapes in flight, when the server is told to stop, to end by themselves
_NOTICE = 1  # second for systemd to take the message that all is ready, before anybody is answered
_RELOAD_NOTICE = 5  # seconds for the same around a reload, which keeps nobody waiting
_LAST_RESORT = 4.8  # seconds after which a program that is too busy to stop is ended

_log = structlog.stdlib.get_logger(__name__)


class Reloader:
    """The one thread in which accounts come and go.

    Reloads run one at a time, and one more for all who ask meanwhile. The thread begins with the program: a
    reload needs no thread that might not be had, and takes none from a scrape.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._next: Future[None] = Future()
        self._asked: SimpleQueue[None] = SimpleQueue()  # its put takes no lock that a signal could find taken
        Thread(target=self._work, name="reload", daemon=True).start()

    def ask(self) -> Future[None]:
        """Return the outcome of the next reload: one that begins after this."""
        next_one = self._next
        self._asked.put(None)
        return next_one

    def _work(self) -> None:
        while True:
            try:
                self._asked.get(timeout=self._accounts.close_retired())
            except Empty:
                continue
            while not self._asked.empty():
                self._asked.get()
            running, self._next = self._next, Future()
            self._reload(running)
            del running  # its outcome may hold frames

    def _reload(self, asked: Future[None]) -> None:
        asked.set_running_or_notify_cancel()
        begun = time.monotonic_ns() // 1000
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={begun}", patience=_RELOAD_NOTICE)
        try:
            self._accounts.reload()
        except BaseException as error:  # noqa: BLE001  # it is for whoever asked, and the thread goes on
            if not isinstance(error, ConfigError):
                _log.error("reload failed", detail=place(error))
            asked.set_exception(error)
            del asked  # or the error would hold itself, by way of this frame
        else:
            asked.set_result(None)
        systemd.notify("READY=1", _status(self._accounts), patience=_RELOAD_NOTICE)


def _status(accounts: Accounts) -> str:
    refused = "" if accounts.status.is_reloaded else "; a new configuration was refused, see the log"
    return f"STATUS=accounts: {len(tuple(accounts))}{refused}"


class _Program(Server):
    """The server of a program that ends with it, soon after it is told to; systemd is told of both."""

    def __init__(
        self, accounts: Accounts, app: Starlette, web: ActiveWebConfig | None, answers: Answers
    ) -> None:
        super().__init__(app, web, None, answers.count, lambda inner: Exchange(inner, answers))
        self._accounts = accounts
        self._echo = app.state.echo
        self._watchdog: asyncio.Task[None] | None = None
        self._told: SimpleQueue[None] = SimpleQueue()  # its put takes no lock that a signal could find taken
        Thread(target=self._end_in_time, name="end", daemon=True).start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        systemd.notify("READY=1", _status(self._accounts), patience=_NOTICE)
        self._accounts.listen(partial(self._echo, asyncio.get_running_loop()))
        if seconds := systemd.watchdog_interval():
            self._watchdog = asyncio.create_task(_feed_watchdog(seconds))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._told.put(None)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("stopping", collections_in_flight=self._accounts.status.load.running)
        systemd.notify("STOPPING=1")
        asyncio.get_running_loop().call_later(_DRAIN, self._accounts.cancel)
        await super().shutdown(sockets)

    def _end_in_time(self) -> None:
        """End a program that is too busy to stop; its thread is there before it might not be had."""
        self._told.get()
        time.sleep(_LAST_RESORT)
        os._exit(0)


async def _feed_watchdog(seconds: float) -> None:
    """Tell systemd that the event loop is alive, for as long as it is."""
    while True:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(seconds)


def serve(
    accounts: Accounts, endpoints: Endpoints, sockets: list[socket.socket], web: ActiveWebConfig | None
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in flight; reload at SIGHUP."""
    reloader, answers = Reloader(accounts), Answers()
    app = create_app(accounts, endpoints, reloader.ask, answers)
    server = _Program(accounts, app, web, answers)
    # uvicorn raises the signal again once it has stopped: with this handler that ends in exit code 0.
    signals.at_stop(server.handle_exit)
    signals.at_hangup(reloader.ask)
    for listening in sockets:
        _log.info("listening", address=bound_address(listening), tls=server.has_tls)
    server.run(sockets=sockets)
