"""The HTTP server: uvicorn, with limits for clients, and TLS as the active configuration has it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from exporter.web.connection import Connection, Limits
from exporter.web.middleware import WebMiddleware
from exporter.web.reload import ActiveWebConfig

_KEEP_ALIVE = 90  # seconds: longer than most scrape intervals, so that a scraper can keep its connection
_GRACE = 4  # seconds for requests in flight to be answered, when the server is told to stop
_RETRY = 0.1  # seconds from a connection that couldn't be accepted to the next attempt
_QUIET = 60.0  # seconds without such a failure, after which it is over

_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Answers requests on sockets as the web configuration asks for it, and waits for no client for ever.

    `count` is called with the status of each answer that the application doesn't give.
    """

    def __init__(
        self,
        app: ASGIApp,
        web: ActiveWebConfig | None = None,
        limits: Limits | None = None,
        count: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                WebMiddleware(app, web, count) if web else app,
                http="h11",
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                # What uvicorn would else take from the environment, by names that are not the exporter's.
                workers=1,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._web = web
        self._limits = limits or Limits()
        self._count = count
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def has_tls(self) -> bool:
        """Return whether it answers over TLS."""
        return self._web is not None and self._web.config.tls_server_config is not None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections; uvicorn itself would set no limits for handshakes."""
        if self._web:
            self._web.follow()
        self._accepting = [asyncio.create_task(self._accept(listening)) for listening in sockets or []]
        self.servers = []  # which uvicorn would close
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and stop when the requests in flight are answered."""
        for task in self._accepting:
            task.cancel()
        await super().shutdown(sockets)
        if self._web:
            self._web.close()

    async def _accept(self, listening: socket.socket) -> None:
        """Accept connections for ever.

        asyncio's own way, when no descriptor is left, tries a thousand times a second and more, and tells
        nobody. What can't be accepted waits in the system's queue meanwhile.
        """
        listening.settimeout(0)
        shortage = _Shortage()
        try:
            while True:
                try:
                    connection, _ = await asyncio.get_running_loop().sock_accept(listening)
                except ConnectionAbortedError:
                    continue
                except Exception as error:  # noqa: BLE001  # nobody else would go on
                    shortage.report(error)
                    await asyncio.sleep(_RETRY)
                    continue
                task = asyncio.create_task(self._set_up(connection))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                await asyncio.sleep(0)  # however many come, those who are there have their turn
        finally:
            shortage.end()

    async def _set_up(self, connection: socket.socket) -> None:
        """Serve a connection, by the TLS settings of this moment."""
        tls = self._web.config.tls_server_config if self._web else None
        with suppress(OSError):  # the client is gone, or never ended its handshake: asyncio has closed it
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self.config, self.server_state, self._limits, tls, self._count),
                connection,
                ssl=tls.context if tls else None,
                ssl_handshake_timeout=self._limits.handshake if tls else None,
                ssl_shutdown_timeout=self._limits.answer if tls else None,
            )


class _Shortage:
    """Logs once that connections can't be accepted, and once that they are again."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def report(self, error: Exception) -> None:
        if self._timer is None:
            why = (getattr(error, "strerror", None) or type(error).__name__).lower()
            _log.error("can't accept connections, new ones must wait: %s", why)
        self.end()
        self._timer = asyncio.get_running_loop().call_later(_QUIET, self._recover)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _recover(self) -> None:
        self._timer = None
        _log.info("connections are accepted again")
