"""The simulator as a server: a centre whose time passes, Exotel's API in front of it, clients."""

import asyncio
import contextlib
import gc
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from exporter.simulator.centre import Centre
from exporter.simulator.connection import Connection
from exporter.simulator.control import PREFIX, Control
from exporter.simulator.exotel import Exotel, Request
from exporter.simulator.faults import Faults
from exporter.simulator.reply import Reply
from exporter.simulator.settings import Settings

_TICK = 0.1  # seconds; the centre is kept up to date when nobody asks, or the first to ask would wait
_BUSY = 0.05  # seconds; a centre with more calls than its speed allows slows down, but still answers
_BACKLOG = 1024

Log = Callable[[Request, Reply], None]


class Server:
    """Serves one centre, on the event loop that runs `serve`: only the faults are safe for threads."""

    def __init__(self, settings: Settings, log: Log | None = None) -> None:
        if settings.epoch is None:
            settings = replace(settings, epoch=time.time())
        self.settings = settings
        with _no_collection():
            self.centre = Centre(settings)
        self.faults = Faults(settings.faults)
        self.exotel = Exotel(settings, self.centre, self.faults)
        self._control = Control(self.centre, self.faults, self.exotel.served)
        self._log = log
        self._since = time.monotonic()
        self._connections: dict[asyncio.Task[None], asyncio.WriteTransport] = {}

    def keep_up(self) -> None:
        """Let the time pass that passed since last time, or as much of it as no client will notice."""
        centre, now = self.centre, time.monotonic()
        to, self._since = centre.now + (now - self._since) * self.settings.speed, now
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
        """Serve until `stop` is set; `ready` is told the URL. OSError if the address can't be had.

        The event loop must be its own: in the end it waits for all that runs there.
        """
        server = await asyncio.start_server(self._connected, host, port, backlog=_BACKLOG, ssl=tls)
        ticking = asyncio.create_task(self._tick())
        try:
            ready(_url(server, "https" if tls else "http"))
            await stop.wait()
        finally:
            for listener in server.sockets:  # accept no more: to close first would leak those half accepted
                asyncio.get_running_loop().remove_reader(listener.fileno())
            ticking.cancel()
            await self._end_connections()
            server.close()
            await server.wait_closed()

    async def _end_connections(self) -> None:
        """End all there are, in the middle of whatever they do, and those just being accepted."""
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task, transport in self._connections.items():
                transport.abort()
                task.cancel()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _tick(self) -> None:
        while True:
            self.keep_up()
            await asyncio.sleep(_TICK)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client in a task that is known from its first moment, so that `serve` can end it."""
        connection = Connection(reader, writer, compress=self.settings.gzip)
        task = asyncio.get_running_loop().create_task(connection.serve(self._answer))
        self._connections[task] = writer.transport
        task.add_done_callback(self._connections.pop)

    async def _answer(self, request: Request) -> Reply:
        if request.target.startswith(PREFIX):
            self.keep_up()
            return self._control.answer(request)
        if self.settings.latency:
            await asyncio.sleep(self.settings.latency)
        self.keep_up()
        reply = self.exotel.answer(request)
        if self._log:
            self._log(request, reply)
        return reply


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from looking through 100,000 calls again and again while they are made."""
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
