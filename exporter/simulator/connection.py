"""A client's connection: HTTP as it should be, or broken as a fault demands."""

import asyncio
import contextlib
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus

import h11

from exporter.simulator.messages import Request, Response, json_response

MAX_BODY = 65536  # of a request
_CHUNK = 65536
_GZIP_FROM = 500  # bytes; compressing less isn't worth it
_NO_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

Handler = Callable[[Request], Awaitable[Response]]


class Connection:
    """Reads requests and sends responses until either side closes the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, compress: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._compress = compress
        self._http = h11.Connection(h11.SERVER)

    async def serve(self, handle: Handler) -> None:
        """Serve the client until the connection closes; a client that disconnects is no error."""
        try:
            while (request := await self._request()) is not None:
                await self._send(await handle(request), request)
                if self._http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                    break
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            await self._reject(error.error_status_hint)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._writer.close()

    async def _request(self) -> Request | None:
        """Return the next request; None at the end. Raise RemoteProtocolError if its body is too long."""
        head, body = None, b""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
                self._http.receive_data(await self._reader.read(_CHUNK))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    raise h11.RemoteProtocolError(
                        "body too long", error_status_hint=HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                    )
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
                return Request(head.method.decode(), head.target.decode("latin-1"), headers, body)
            else:
                return None

    async def _send(self, response: Response, request: Request) -> None:
        await asyncio.sleep(response.delay)
        if response.delivery == "hang":
            while await self._reader.read(_CHUNK):
                pass
        elif response.delivery == "reset":
            self._reset()
        elif response.delivery == "garbage":
            await self._write(b"SSH-2.0-OpenSSH_9.6\r\n\x00\xff\xfe\r\n")
        elif response.delivery != "close":
            if request.method == "HEAD":
                response = replace(response, body=b"", padding=0)
            await self._send_response(self._encode(response, request))

    async def _send_response(self, response: Response) -> None:
        if response.status in _NO_BODY:
            response = replace(response, body=b"", padding=0)
        headers = [*response.headers]
        if response.content_type:
            headers.insert(0, ("Content-Type", response.content_type))
        if response.padding:
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            headers.append(("Content-Length", str(len(response.body))))
        head = self._http.send(
            h11.Response(status_code=response.status, headers=headers, reason=_reason(response.status))
        )
        if response.delivery == "whole" and not response.padding:  # in one write, as nearly all responses
            await self._write(
                head, self._http.send(h11.Data(response.body)), self._http.send(h11.EndOfMessage())
            )
            return
        await self._write(head)
        if response.delivery == "truncate":
            await self._write(self._http.send(h11.Data(response.body[: len(response.body) // 2])))
            return
        for start in range(0, response.padding, _CHUNK):
            await self._write(self._http.send(h11.Data(b" " * min(_CHUNK, response.padding - start))))
        if response.delivery == "drip":
            for byte in response.body:
                await self._write(self._http.send(h11.Data(bytes((byte,)))))
                await asyncio.sleep(1)
        else:
            await self._write(self._http.send(h11.Data(response.body)))
        await self._write(self._http.send(h11.EndOfMessage()))

    def _encode(self, response: Response, request: Request) -> Response:
        accepted = "gzip" in request.headers.get("accept-encoding", "")
        if not self._compress or not accepted or response.padding or len(response.body) < _GZIP_FROM:
            return response
        body = gzip.compress(response.body, compresslevel=1, mtime=0)
        return replace(response, body=body, headers=(*response.headers, ("Content-Encoding", "gzip")))

    async def _reject(self, status: int) -> None:
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            with contextlib.suppress(ConnectionError, TimeoutError, h11.LocalProtocolError):
                rejection = json_response(status, {"error": _reason(status).decode()})
                await self._send_response(replace(rejection, headers=(("Connection", "close"),)))

    def _reset(self) -> None:
        """Close with RST rather than FIN, which is what a linger time of 0 does."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _write(self, *chunks: bytes | None) -> None:
        self._writer.writelines(chunk for chunk in chunks if chunk)
        await self._writer.drain()


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
