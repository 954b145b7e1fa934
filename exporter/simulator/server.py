"""The simulator as a server: it sends what a service answers, over however many connections."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol

from exporter.simulator.connection import Connection
from exporter.simulator.messages import CONTROL_PREFIX, Request, Response

_TICK = 0.1  # seconds; without ticks, the first request after a while would wait for the clock to catch up
_BACKLOG = 1024

Log = Callable[[Request, Response], None]


class Service(Protocol):
    """What a server serves: the simulated API, or a capture."""

    compresses: bool
    """Whether responses are compressed for clients that accept it."""

    async def answer(self, request: Request) -> Response:
        """Return the response to a request."""

    def tick(self) -> None:
        """Do what is due as time passes."""


class Server:
    """Serves a service on the event loop that runs `serve`."""

    def __init__(self, service: Service, log: Log | None = None) -> None:
        self._service = service
        self._log = log
        self._connections: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    async def serve(
        self,
        host: str,
        port: int,
        *,
        ready: Callable[[str], None],
        stop: asyncio.Event,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Call `ready` with the URL and serve until `stop` is set; raise OSError if it can't listen.

        Needs an event loop of its own: at the end it waits for every task on it.
        """
        server = await asyncio.start_server(self._connected, host, port, backlog=_BACKLOG, ssl=tls)
        ticking = asyncio.create_task(self._tick())
        try:
            ready(_url(server, "https" if tls else "http"))
            await stop.wait()
        finally:
            for listener in server.sockets:  # accept no more: closing first would leak half-accepted ones
                asyncio.get_running_loop().remove_reader(listener.fileno())
            ticking.cancel()
            await self._end_connections()
            server.close()
            await server.wait_closed()

    async def _end_connections(self) -> None:
        """Abort all connections, including those just being accepted."""
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task, transport in self._connections.items():
                transport.abort()
                task.cancel()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _tick(self) -> None:
        while True:
            self._service.tick()
            await asyncio.sleep(_TICK)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client in a task that is registered at once, so that `serve` can end it."""
        connection = Connection(reader, writer, compress=self._service.compresses)
        task = asyncio.get_running_loop().create_task(connection.serve(self._handle))
        self._connections[task] = writer.transport
        task.add_done_callback(self._connections.pop)

    async def _handle(self, request: Request) -> Response:
        response = await self._service.answer(request)
        if self._log and not request.target.startswith(CONTROL_PREFIX):
            self._log(request, response)
        return response


def _url(server: asyncio.Server, scheme: str) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
