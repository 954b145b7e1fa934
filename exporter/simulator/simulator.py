"""The simulator in a thread of its own, for tests and the demo."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from exporter.simulator.faults import Fault
from exporter.simulator.server import Server
from exporter.simulator.settings import Settings
from exporter.simulator.truth import Truth

T = TypeVar("T")


class Simulator:
    """A believable Exotel on loopback, for as long as the `with` lasts.

        with Simulator(Settings(calls=500, speed=0)) as simulator:
            requests.get(f"{simulator.url}/v3/accounts/demo/calls/active", auth=("demo", "demo"))

    All methods may be called from any thread. `start` raises OSError if the address can't be had.
    """

    def __init__(self, settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = Server(settings or Settings())
        self._address = host, port
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._started: Future[str] = Future()

    @property
    def settings(self) -> Settings:
        """What the centre and its API were made from; `epoch` is always set."""
        return self._server.settings

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return self._started.result()

    def start(self) -> None:
        """Listen, once; `with` does it."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Close the port and every connection, whatever clients are waiting for; again does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def truth(self) -> Truth:
        """Tell what is true in the centre now."""
        return self._do(self._server.centre.truth)

    def advance(self, seconds: float) -> None:
        """Let time pass in the centre, beside what passes by itself."""
        centre = self._server.centre
        self._do(lambda: centre.advance(centre.now + seconds))

    def set_faults(self, faults: Iterable[Fault | str]) -> None:
        """Replace the faults; each may be written as on the command line. ValueError if one is nonsense."""
        self._server.faults.replace(
            [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
        )

    def faults(self) -> list[Fault]:
        """Return which are in force; one that has befallen all its requests is not."""
        return self._server.faults.listed()

    def clear_faults(self) -> None:
        """Let all go well again."""
        self.set_faults([])

    def requests_served(self) -> dict[str, int]:
        """Count the requests so far: calls, stream, agent_streams, other."""
        return self._do(lambda: dict(self._server.exotel.served))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _do(self, work: Callable[[], T]) -> T:
        """Have the server's thread do it, once the centre has kept up; without that thread do it here."""
        if not self._thread.is_alive():
            return work()

        async def do() -> T:
            self._server.keep_up()
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result()

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
