"""Probes of an exporter at any rate: cheap enough to ask for several times what it can answer."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlsplit

from bench.replica import HEADERS, TIMEOUT
from exporter.http.scrape import TIMEOUT_HEADER

REPLICAS = 2

_GZIP = b"\x1f\x8b"  # RFC 1952, 2.3.1; short answers are sent as they are
_STAMP = re.compile(rb"^exotel_snapshot_timestamp_seconds\{[^}]*\} (\S+)$", re.MULTILINE)
_LENGTH = re.compile(rb"^content-length: (\d+)\r$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of one; times in seconds."""

    began: float
    seconds: float
    age: float | None = None
    """How old the snapshot was; None where the answer had none."""
    lost: str | None = None
    """What came in place of a 200 in time."""


@dataclass
class Phase:
    """What came of the probes of one load."""

    probes: list[Probe] = field(default_factory=list)

    @property
    def lost(self) -> Counter[str]:
        """Count the probes without an answer, by what came instead."""
        return Counter(probe.lost for probe in self.probes if probe.lost)

    @property
    def without_calls(self) -> int:
        """Count the answers without a snapshot."""
        return sum(probe.age is None and not probe.lost for probe in self.probes)

    def stale(self, seconds: float) -> list[Probe]:
        """Return those whose answer had no snapshot, or one older than this."""
        return [probe for probe in self.probes if probe.age is None or probe.age > seconds]


class Prober:
    """Asks as a Prometheus does, over a connection for each account."""

    def __init__(self, url: str, names: Sequence[str]) -> None:
        self._host, self._path = urlsplit(url).netloc, urlsplit(url).path
        self._names = names

    async def saturate(self, clients: int, seconds: float) -> Phase:
        """Probe one account after the other, so many at a time."""
        phase, names, end = Phase(), cycle(self._names), time.monotonic() + seconds

        async def probe_on() -> None:
            async with _connection(self._host) as connection:
                while time.monotonic() < end:
                    phase.probes.append(await self._probe(connection, next(names)))

        await asyncio.gather(*(probe_on() for _ in range(clients)))
        return phase

    async def load(self, rate: float, seconds: float) -> Phase:
        """Probe so many times a second, evenly, as replicas do whose interval is as short as that needs."""
        phase, start = Phase(), time.monotonic()
        interval, end = REPLICAS * len(self._names) / rate, start + seconds

        async def probe_on(name: str, due: float) -> None:
            async with _connection(self._host) as connection:
                while due < end:
                    await asyncio.sleep(due - time.monotonic())
                    phase.probes.append(await self._probe(connection, name, min(TIMEOUT, interval)))
                    due += interval

        names = [name for _ in range(REPLICAS) for name in self._names]
        await asyncio.gather(*(probe_on(name, start + at / rate) for at, name in enumerate(names)))
        return phase

    async def _probe(self, connection: _Connection, name: str, timeout: float = TIMEOUT) -> Probe:
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                status, body = await connection.get(f"{self._path}?target={name}", timeout)
        except (OSError, TimeoutError, EOFError) as error:
            connection.close()
            return Probe(began, time.monotonic() - began, lost=type(error).__name__)
        seconds = time.monotonic() - began
        if status != 200:
            return Probe(began, seconds, lost=f"HTTP {status}")
        stamp = _STAMP.search(gzip.decompress(body) if body.startswith(_GZIP) else body)
        return Probe(began, seconds, stamp and time.time() - float(stamp[1]))


class _Connection:
    """A kept connection, opened when it is needed."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str, timeout: float) -> tuple[int, bytes]:
        """Return the status and the body that a path is answered with, within so many seconds."""
        if self._streams is None:
            host, _, port = self._host.partition(":")
            self._streams = await asyncio.open_connection(host, int(port))
        reader, writer = self._streams
        told = {**HEADERS, TIMEOUT_HEADER: str(timeout)}
        headers = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n{headers}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return int(head.split(None, 2)[1]), await reader.readexactly(int(length[1]) if length else 0)

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


@asynccontextmanager
async def _connection(host: str) -> AsyncIterator[_Connection]:
    connection = _Connection(host)
    try:
        yield connection
    finally:
        connection.close()
