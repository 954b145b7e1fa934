"""One client's connection: HTTP as it should be, or broken in the way that a fault wants."""

import asyncio
import contextlib
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus

import h11

from exporter.simulator.exotel import Request
from exporter.simulator.reply import Reply, json_reply

MAX_BODY = 65536  # of a request
_PIECE = 65536
_GZIP_FROM = 500  # bytes; less isn't worth it
_NO_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

Answer = Callable[[Request], Awaitable[Reply]]


class Connection:
    """Reads requests and sends replies until either side has had enough."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, compress: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._compress = compress
        self._http = h11.Connection(h11.SERVER)

    async def serve(self, answer: Answer) -> None:
        """Serve the client to the end; a client that goes away or talks nonsense is no error."""
        try:
            while (request := await self._request()) is not None:
                await self._send(await answer(request), request)
                if self._http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                    break
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._writer.close()

    async def _request(self) -> Request | None:
        """The next request; None if there will be none. A body that is too long is a RemoteProtocolError."""
        head, body = None, b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
                self._http.receive_data(await self._reader.read(_PIECE))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    raise h11.RemoteProtocolError(
                        "too much", error_status_hint=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                    )
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
                return Request(head.method.decode(), head.target.decode("latin-1"), headers, body)
            else:
                return None

    async def _send(self, reply: Reply, request: Request) -> None:
        await asyncio.sleep(reply.delay)
        if reply.delivery == "hang":
            while await self._reader.read(_PIECE):
                pass
        elif reply.delivery == "reset":
            self._reset()
        elif reply.delivery == "garbage":
            await self._write(b"SSH-2.0-OpenSSH_9.6\r\n\x00\xff\xfe\r\n")
        elif reply.delivery != "close":
            if request.method == "HEAD":
                reply = replace(reply, body=b"", padding=0)
            await self._send_response(self._encode(reply, request))

    async def _send_response(self, reply: Reply) -> None:
        if reply.status in _NO_BODY:
            reply = replace(reply, body=b"", padding=0)
        headers = [("Content-Type", reply.content_type), *reply.headers]
        if reply.padding:
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            headers.append(("Content-Length", str(len(reply.body))))
        head = self._http.send(
            h11.Response(status_code=reply.status, headers=headers, reason=_reason(reply.status))
        )
        if reply.delivery == "whole" and not reply.padding:  # in one go: nearly every reply
            await self._write(
                head, self._http.send(h11.Data(reply.body)), self._http.send(h11.EndOfMessage())
            )
            return
        await self._write(head)
        if reply.delivery == "truncate":
            await self._write(self._http.send(h11.Data(reply.body[: len(reply.body) // 2])))
            return
        for start in range(0, reply.padding, _PIECE):
            await self._write(self._http.send(h11.Data(b" " * min(_PIECE, reply.padding - start))))
        if reply.delivery == "drip":
            for byte in reply.body:
                await self._write(self._http.send(h11.Data(bytes((byte,)))))
                await asyncio.sleep(1)
        else:
            await self._write(self._http.send(h11.Data(reply.body)))
        await self._write(self._http.send(h11.EndOfMessage()))

    def _encode(self, reply: Reply, request: Request) -> Reply:
        accepted = "gzip" in request.headers.get("accept-encoding", "")
        if not self._compress or not accepted or reply.padding or len(reply.body) < _GZIP_FROM:
            return reply
        body = gzip.compress(reply.body, compresslevel=1, mtime=0)
        return replace(reply, body=body, headers=(*reply.headers, ("Content-Encoding", "gzip")))

    async def _refuse(self, status: int) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            with contextlib.suppress(ConnectionError, TimeoutError, h11.LocalProtocolError):
                refusal = json_reply(status, {"error": _reason(status).decode()})
                await self._send_response(replace(refusal, headers=(("Connection", "close"),)))

    def _reset(self) -> None:
        """End with RST, not FIN: what the system sends when nothing may linger."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _write(self, *pieces: bytes | None) -> None:
        self._writer.writelines(piece for piece in pieces if piece)
        await self._writer.drain()


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
