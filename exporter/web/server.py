"""The HTTP server: uvicorn, with limits for clients, and TLS as the active configuration has it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from exporter.web.files import os_message

if TYPE_CHECKING:
    from exporter.web.config import ActiveWebConfig
    from exporter.web.tls import TlsServerConfig

_KEEP_ALIVE = 90  # seconds: longer than most scrape intervals, so that a scraper can keep its connection
_GRACE = 4  # seconds for requests in flight to be answered, when the server is told to stop
_AT_ONCE = 64  # connections that are accepted in a row: one in a turn would be few while turns take long
_RETRY = 0.1  # seconds from a connection that couldn't be accepted to the next attempt
_QUIET = 60.0  # seconds without such a failure, after which it is over
_CLOSE_GRACE = 1  # second to the end of a connection: over TLS some clients never say goodbye

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take, in seconds: for a TLS handshake, a request, and to read an answer."""

    handshake: float = 10
    request: float = 15
    answer: float = 120


class Server(uvicorn.Server):
    """Answers requests on sockets as the web configuration asks for it, and waits for no client for ever."""

    def __init__(
        self,
        app: ASGIApp,
        web: ActiveWebConfig | None = None,
        limits: Limits | None = None,
        count: Callable[[int], None] = lambda _: None,
        outermost: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    ) -> None:
        """Wrap all that answers in `outermost`; call `count` with the status of the server's own answers."""
        super().__init__(
            uvicorn.Config(
                outermost(_guarded(app, web) if web else app),
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
        self.limits = limits or Limits()
        self.count = count
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
        """Accept connections for ever; without descriptors asyncio itself would be busy, and tell nobody."""
        listening.settimeout(0)
        loop = asyncio.get_running_loop()
        failed_at: float | None = None  # of a shortage that isn't over yet
        for number in itertools.count(1):
            try:
                connection, _ = await loop.sock_accept(listening)
            except ConnectionAbortedError:
                continue
            except Exception as error:  # noqa: BLE001  # nobody else would go on
                if failed_at is None or loop.time() - failed_at > _QUIET:
                    _log.error(
                        "can't accept connections, new ones must wait", extra={"detail": os_message(error)}
                    )
                failed_at = loop.time()
                await asyncio.sleep(_RETRY)
                continue
            if failed_at is not None and loop.time() - failed_at > _QUIET:
                _log.info("connections are accepted again")
                failed_at = None
            task = asyncio.create_task(self._set_up(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            if not number % _AT_ONCE:
                await asyncio.sleep(0)  # however many come, those who are there have their turn

    async def _set_up(self, connection: socket.socket) -> None:
        """Serve a connection, by the TLS settings of this moment."""
        tls = self._web.config.tls_server_config if self._web else None
        with suppress(OSError):  # the client is gone, or never ended its handshake: asyncio has closed it
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Connection(self, tls),
                connection,
                ssl=tls.context if tls else None,
                ssl_handshake_timeout=self.limits.handshake if tls else None,
                ssl_shutdown_timeout=self.limits.answer if tls else None,
            )


def _guarded(app: ASGIApp, web: ActiveWebConfig) -> ASGIApp:
    from exporter.web.auth import WebMiddleware  # noqa: PLC0415  # brings bcrypt

    return WebMiddleware(app, web)


class _Connection(H11Protocol):
    """A client's connection, which ends when it takes for ever to ask or to listen; uvicorn's would wait."""

    def __init__(self, server: Server, tls: TlsServerConfig | None) -> None:
        super().__init__(server.config, server.server_state, {})
        self._limits = server.limits
        self._count = server.count
        self._tls = tls
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(
        self,
        transport: asyncio.Transport,  # type: ignore[override]  # uvicorn's signature
    ) -> None:
        super().connection_made(transport)
        if self._tls and not self._tls.allows(transport.get_extra_info("peercert") or {}):
            transport.abort()
            return
        # asyncio does so only for sockets that name their protocol, which those of `listen` don't: without it
        # the end of each answer waits 40 ms for the client to confirm its beginning.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=1)  # byte: to be told as long as anything is left to be read
        self._start("request", self._limits.request, self._end_request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop("request")
        self._stop("answer")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._limit_request()

    def on_response_complete(self) -> None:
        """Turn to the next request, of which some may be there already."""
        self._end_limit_of_answer()
        super().on_response_complete()
        self._limit_request()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self._start("answer", self._limits.answer, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._end_limit_of_answer()

    def shutdown(self) -> None:
        """Drain: let what is in flight end, and an idle client go."""
        super().shutdown()
        if self.transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, if an answer isn't under way already; uvicorn would fail over that."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _end_limit_of_answer(self) -> None:
        """Stop its clock when all is said and read: what is sent in pieces has one time for all of them."""
        is_said = self.cycle is None or self.cycle.response_complete
        if is_said and not self.flow.write_paused:
            self._stop("answer")

    def _limit_request(self) -> None:
        if self._is_amid_request:
            self._start("request", self._limits.request, self._end_request)
        else:
            self._stop("request")

    @property
    def _is_amid_request(self) -> bool:
        state = self.conn.their_state
        return state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _end_request(self) -> None:
        if self._is_amid_request:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")
        else:  # an answer to nothing would confuse a client that keeps a connection ready
            self._close()

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._count(status)
            self.transport.write(
                f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: text/plain\r\n"
                f"Content-Length: {len(why) + 1}\r\nConnection: close\r\n\r\n{why}\n".encode("ascii")
            )
        if self.cycle:
            self.cycle.disconnected = True
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self.loop.call_later(_CLOSE_GRACE, self.transport.abort)

    def _start(self, timer: str, seconds: float, call: Callable[[], None]) -> None:
        if timer not in self._timers:
            self._timers[timer] = self.loop.call_later(seconds, call)

    def _stop(self, timer: str) -> None:
        if timer in self._timers:
            self._timers.pop(timer).cancel()
