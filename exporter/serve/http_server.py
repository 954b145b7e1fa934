"""The HTTP server: uvicorn, with TLS and users as the web configuration has them, and limits for clients."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from exporter.http.answers import Answers
from exporter.http.exchange import Exchange
from exporter.serve.connection import Connection, Limits
from exporter.serve.guard import Guard
from exporter.serve.listener import Listener
from exporter.serve.web import Web

_KEEP_ALIVE = 90  # seconds: longer than most scrape intervals, so that a scraper can keep its connection
_GRACE = 4  # seconds for requests in flight to be answered, when the server is told to stop


class Server(uvicorn.Server):
    """Answers requests on sockets, over TLS where `web` asks for it, and waits for no client for ever."""

    def __init__(
        self,
        app: ASGIApp,
        web: Web | None = None,
        limits: Limits | None = None,
        answers: Answers | None = None,
    ) -> None:
        self._answers = answers or Answers()
        super().__init__(
            uvicorn.Config(
                Exchange(Guard(app, web) if web else app, self._answers),
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
        self._context = web.tls if web else None
        self._limits = limits or Limits()

    @property
    def has_tls(self) -> bool:
        """Tell whether it answers over TLS."""
        return self._context is not None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen: uvicorn itself has no limits to give to handshakes and connections."""
        if self._web:
            self._web.follow()
        serve = partial(
            asyncio.get_running_loop().connect_accepted_socket,
            partial(Connection, self._limits, self._answers, self.config, self.server_state),
            ssl=self._context,
            ssl_handshake_timeout=self._limits.handshake if self._context else None,
            ssl_shutdown_timeout=self._limits.answer if self._context else None,
        )
        self._listeners = [Listener(listening, serve) for listening in sockets or []]
        self.servers = []  # which uvicorn would close
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and stop when the requests in flight are answered."""
        for listener in self._listeners:
            listener.close()
        await super().shutdown(sockets)
        if self._web:
            self._web.leave()
