"""One client's connection, which is closed when the client takes for ever to ask or to listen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter.http.answers import Answers

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

    def __init__(self, limits: Limits, answers: Answers, config: Config, state: ServerState) -> None:
        super().__init__(config, state, {})
        self._answers = answers
        self._request = _Limit(self.loop, limits.request, self._end_request)
        self._answer = _Limit(self.loop, limits.answer, self._end_answer)

    def connection_made(
        self,
        transport: asyncio.Transport,  # type: ignore[override]  # uvicorn's signature
    ) -> None:
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        # asyncio does so only for sockets that name their protocol, which those of `listen` don't: without it
        # the end of each answer waits 40 ms for the client to confirm its beginning.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=1)  # byte: to be told as long as anything is left to be read
        self._request.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._request.end()
        self._answer.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Turn to the next request, of which some may be there already."""
        self._end_limit_of_answer()
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self._answer.begin()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        self._end_limit_of_answer()

    def shutdown(self) -> None:
        """Let what is in flight end, and an idle client go."""
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
            self._answer.end()

    def _watch(self) -> None:
        if self._is_amid_request():
            self._request.begin()
        else:
            self._request.end()

    def _is_amid_request(self) -> bool:
        state = self.conn.their_state
        return state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _end_request(self) -> None:
        if self._is_amid_request():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.")
        else:  # an answer to nothing would confuse a client that keeps a connection ready
            self._close()

    def _end_answer(self) -> None:
        self.transport.abort()

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        body = f"{why}\n".encode("ascii")
        headers = [
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._answers.count(status)
            with suppress(h11.LocalProtocolError):  # HEAD has no body
                for event in (
                    h11.Response(status_code=status, headers=headers, reason=status.phrase),
                    h11.Data(data=body),
                    h11.EndOfMessage(),
                ):
                    self.transport.write(self.conn.send(event) or b"")
        if self.cycle:
            self.cycle.disconnected = True
        self._close()

    def _close(self) -> None:
        """End the connection; over TLS some clients never say goodbye."""
        self.transport.close()
        self.loop.call_later(_GOODBYE, self.transport.abort)


class _Limit:
    """Calls back when what has begun doesn't end in time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, call: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._call = call
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start the clock, unless it runs."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._call)

    def end(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
