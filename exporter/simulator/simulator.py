"""A server in a thread, for tests and the demo: the simulator, or a capture that is served again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from exporter.simulator.faults import Fault
from exporter.simulator.live import LiveApi
from exporter.simulator.messages import Request, Response
from exporter.simulator.server import Server, Service
from exporter.simulator.settings import Settings
from exporter.simulator.truth import Truth

T = TypeVar("T")


class ServerThread:
    """A service on loopback, for the duration of a `with` statement.

        with ServerThread(Replay(archive.read(path))) as replay:
            requests.get(f"{replay.url}/v3/accounts/demo/calls/active", auth=("any", "credentials"))

    Thread-safe. `start` raises OSError if it can't listen on the address.
    """

    def __init__(self, service: Service, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = Server(service)
        self._address = host, port
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._started: Future[str] = Future()

    @property
    def url(self) -> str:
        """The URL, without a trailing slash."""
        return self._started.result()

    def start(self) -> None:
        """Start to listen, once; `with` does it."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Close the port and every connection, even if clients are waiting; harmless when stopped."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._started.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        host, port = self._address
        await self._server.serve(host, port, ready=self._started.set_result, stop=self._stop)


class Simulator(ServerThread):
    """A realistic Exotel on loopback, for the duration of a `with` statement.

        with Simulator(Settings(calls=500, speed=0)) as simulator:
            requests.get(f"{simulator.url}/v3/accounts/demo/calls/active", auth=("demo", "demo"))

    Thread-safe, as every server in a thread.
    """

    def __init__(self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._live = LiveApi(settings or Settings())
        super().__init__(self._live, host=host, port=port)

    @property
    def settings(self) -> Settings:
        """The settings; `epoch` is always set."""
        return self._live.settings

    def truth(self) -> Truth:
        """Return the ground truth about the contact centre now."""
        return self._do(self._live.centre.truth)

    def advance(self, seconds: float) -> None:
        """Let simulated time pass, on top of what passes by itself."""
        centre = self._live.centre
        self._do(lambda: centre.advance(centre.now + seconds))

    def answer(self, target: str, headers: Mapping[str, str]) -> Response:
        """Return the API's answer to a GET at once, without latency; header names are in lower case."""
        return self._do(lambda: self._live.api.answer(Request("GET", target, headers)))

    def set_faults(self, faults: Iterable[Fault | str]) -> None:
        """Replace the faults; strings are parsed as on the command line. Raise ValueError if invalid."""
        parsed = [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
        self._live.faults.replace(parsed)

    def faults(self) -> list[Fault]:
        """Return the active faults, without those that are used up."""
        return self._live.faults.active()

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.set_faults([])

    def requests_served(self) -> dict[str, int]:
        """Return the number of requests by endpoint: calls, stream, agent_streams, other."""
        return self._do(lambda: dict(self._live.api.served))

    def _do(self, work: Callable[[], T]) -> T:
        """Do the work on the server's thread with its clock up to date; do it here if that has ended."""
        if not self._thread.is_alive():
            return work()

        async def do() -> T:
            self._live.tick()
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result()
