"""One client's connection, which ends when the client takes for ever to ask or to listen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.web.tls import TlsServerConfig

_GOODBYE = 1  # second


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take, in seconds: for a TLS handshake, a request, and to read an answer."""

    handshake: float = 10
    request: float = 15
    answer: float = 120


class Connection(H11Protocol):
    """uvicorn's, which would wait for the rest of a request for as long as the client likes.

    How large the head of a request may be is h11's concern: 16 kB.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        limits: Limits,
        tls: TlsServerConfig | None,
        count: Callable[[int], None],
    ) -> None:
        super().__init__(config, state, {})
        self._limits = limits
        self._tls = tls
        self._count = count
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(
        self,
        transport: asyncio.Transport,  # type: ignore[override]  # uvicorn's signature
    ) -> None:
        """Wait for a request, but not for ever."""
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
        """Forget the client."""
        self._stop("request")
        self._stop("answer")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request."""
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
        """Go on: the client has read."""
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
        """End the connection; over TLS some clients never say goodbye."""
        self.transport.close()
        self.loop.call_later(_GOODBYE, self.transport.abort)

    def _start(self, timer: str, seconds: float, call: Callable[[], None]) -> None:
        if timer not in self._timers:
            self._timers[timer] = self.loop.call_later(seconds, call)

    def _stop(self, timer: str) -> None:
        if timer in self._timers:
            self._timers.pop(timer).cancel()
