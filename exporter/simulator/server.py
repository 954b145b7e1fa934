"""The simulator as a server: a contact centre whose clock runs, Exotel's API, and the control API."""

import asyncio
import contextlib
import gc
import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from exporter.simulator.api import Api
from exporter.simulator.centre import Centre
from exporter.simulator.connection import Connection
from exporter.simulator.faults import Fault, Faults
from exporter.simulator.messages import Request, Response, json_response
from exporter.simulator.settings import Settings

_CONTROL_PREFIX = "/_simulator/"
_TICK = 0.1  # seconds; without ticks, the first request after a while would wait for the clock to catch up
_BUSY = 0.05  # seconds; if there are too many calls for its speed, the clock slows down instead of blocking
_BACKLOG = 1024

Log = Callable[[Request, Response], None]


class Server:
    """Serves one contact centre on the event loop that runs `serve`. Only `faults` is thread-safe."""

    def __init__(self, settings: Settings, log: Log | None = None) -> None:
        if settings.epoch is None:
            ahead = settings.profile.clock if settings.profile else 0.0
            settings = replace(settings, epoch=time.time() + ahead)
        self.settings = settings
        with _without_garbage_collection():
            self.centre = Centre(settings)
        self.faults = Faults(settings.faults)
        self.api = Api(settings, self.centre, self.faults)
        self._log = log
        self._updated = time.monotonic()
        self._connections: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    def update_clock(self) -> None:
        """Advance the contact centre to the present, or as far as possible without blocking."""
        centre, now = self.centre, time.monotonic()
        to, self._updated = centre.now + (now - self._updated) * self.settings.speed, now
        while centre.now < to and time.monotonic() < now + _BUSY:
            centre.advance(min(to, centre.now + 1))

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
            self.update_clock()
            await asyncio.sleep(_TICK)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client in a task that is registered at once, so that `serve` can end it."""
        connection = Connection(reader, writer, compress=self.settings.gzip)
        task = asyncio.get_running_loop().create_task(connection.serve(self._handle))
        self._connections[task] = writer.transport
        task.add_done_callback(self._connections.pop)

    async def _handle(self, request: Request) -> Response:
        if request.target.startswith(_CONTROL_PREFIX):
            self.update_clock()
            return self._control(request)
        if self.settings.latency:
            await asyncio.sleep(self.settings.latency)
        self.update_clock()
        response = self.api.answer(request)
        if self._log:
            self._log(request, response)
        return response

    def _control(self, request: Request) -> Response:
        """Answer a request to the control API: without credentials, counting or faults."""
        match f"{request.method} {request.target.removeprefix(_CONTROL_PREFIX)}":
            case "GET truth":
                return json_response(200, self.centre.truth().document())
            case "GET requests":
                return json_response(200, self.api.served)
            case "GET faults":
                return json_response(200, [str(fault) for fault in self.faults.active()])
            case "POST faults":
                return self._set_faults(request.body)
        return json_response(404, {"error": "expected GET truth, GET requests, GET faults or POST faults"})

    def _set_faults(self, body: bytes) -> Response:
        try:
            faults = _parse_faults(body)
        except ValueError as error:
            return json_response(400, {"error": str(error)})
        self.faults.replace(faults)
        return json_response(200, [str(fault) for fault in faults])


def _parse_faults(body: bytes) -> list[Fault]:
    """Return faults from a JSON list of strings in the command line's syntax; raise ValueError if invalid."""
    try:
        texts = json.loads(body)
    except (ValueError, RecursionError):
        texts = None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('expected a JSON list of faults, such as ["status:503@first*2"]')
    return [Fault.parse(text) for text in texts]


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Suspend the garbage collector, which would traverse 100,000 calls again and again during creation."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _url(server: asyncio.Server, scheme: str) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
