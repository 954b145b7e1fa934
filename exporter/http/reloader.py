"""Reloads: in a thread of their own, one at a time, and one more for all who asked for it meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread

import structlog

from exporter import systemd
from exporter.collect.accounts import Accounts
from exporter.config import BadConfig
from exporter.log import place

_PATIENCE = 5  # seconds for systemd to take a message

_log = structlog.stdlib.get_logger(__name__)


class Reloader:
    """The one thread in which accounts come and go.

    It begins with the program: a reload needs no thread that might not be had, and takes none from a scrape.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._next: Future[None] = Future()
        self._asked: SimpleQueue[None] = SimpleQueue()  # its put takes no lock that a signal could find taken
        Thread(target=self._work, name="reload", daemon=True).start()

    def ask(self) -> Future[None]:
        """Return what will come of the next reload: one that begins after this."""
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
            self._answer(running)
            del running  # what came of it may hold frames

    def _answer(self, asked: Future[None]) -> None:
        asked.set_running_or_notify_cancel()
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", patience=_PATIENCE)
        try:
            self._accounts.reload()
        except BaseException as error:  # noqa: BLE001  # it is for whoever asked, and the thread goes on
            if not isinstance(error, BadConfig):
                _log.error("reload failed", detail=place(error))
            asked.set_exception(error)
            del asked  # or the error would hold itself, by way of this frame
        else:
            asked.set_result(None)
        systemd.notify("READY=1", f"STATUS={status(self._accounts)}", patience=_PATIENCE)


def status(accounts: Accounts) -> str:
    """Say in one line how things stand with the configuration."""
    number = sum(1 for _ in accounts)
    refused = "" if accounts.status.is_reloaded else "; a new configuration was refused, see the log"
    return f"accounts: {number}{refused}"
