"""Accepts connections, and waits where the system has nothing left to accept them with."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from exporter.log import facts

_RETRY = 0.1  # seconds from a connection that couldn't be accepted to the next attempt
_QUIET = 60.0  # seconds without such a failure, after which it is over

_log = logging.getLogger(__name__)


class Listener:
    """Accepts the connections of one socket on the event loop, and has each served.

    asyncio's own, when no descriptor is left, tries as often as its backlog is long, a thousand times a
    second and more, and tells nobody. What can't be accepted waits in the system's queue meanwhile.
    """

    def __init__(self, listening: socket.socket, serve: Callable[[socket.socket], Awaitable[object]]) -> None:
        self._socket = listening
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._setting_up: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._recovery: asyncio.TimerHandle | None = None
        listening.settimeout(0)
        self._accept_on()

    def close(self) -> None:
        """Accept no more; the socket stays open."""
        self._loop.remove_reader(self._socket)
        for timer in (self._retry, self._recovery):
            if timer is not None:
                timer.cancel()

    def _accept_on(self) -> None:
        self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            self._wait(error)
            return
        task = self._loop.create_task(self._set_up(connection))
        self._setting_up.add(task)
        task.add_done_callback(self._setting_up.discard)

    async def _set_up(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the client is gone, or never ended its handshake: asyncio has closed it
            await self._serve(connection)

    def _wait(self, error: OSError) -> None:
        self._loop.remove_reader(self._socket)
        self._retry = self._loop.call_later(_RETRY, self._accept_on)
        if self._recovery is None:
            why = (error.strerror or type(error).__name__).lower()
            _log.error("can't accept connections: those that come must wait", extra=facts(detail=why))
        else:
            self._recovery.cancel()
        self._recovery = self._loop.call_later(_QUIET, self._recover)

    def _recover(self) -> None:
        self._recovery = None
        _log.info("connections are accepted again", extra=facts(seconds_without_failure=int(_QUIET)))
