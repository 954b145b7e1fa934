"""A Prometheus over a folder of blocks, which answers queries over any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import requests

from tests.e2e.processes import program
from tests.e2e.servers import ready
from tests.ports import free_address
from tests.tools import require

LOOKBACK = 75
"""Seconds. Blocks made of text have no staleness markers: what is absent is only absent after this. It spans
more than a minute, so as to keep what is scraped each minute."""
_POINTS = 10_000
"""Prometheus answers at most 11,000 points a series."""
_HANGS = 3600.0

Labels = Mapping[str, str]
Point = tuple[float, str]
"""Seconds since 1970, and a value in Prometheus's own words."""


class Series(msgspec.Struct, frozen=True):
    """What an expression came to over time, for one set of labels."""

    metric: dict[str, str]
    values: list[Point] = []


class _Samples(msgspec.Struct, frozen=True):
    total: int = msgspec.field(name="totalQueryableSamples")


class _Stats(msgspec.Struct, frozen=True):
    samples: _Samples
    timings: dict[str, float]


class _Data(msgspec.Struct, frozen=True):
    result: list[Series]
    stats: _Stats | None = None


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: _Data | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a query took."""

    samples: int
    """That it read."""
    seconds: float
    """That Prometheus needed to evaluate it."""


@dataclass(frozen=True, slots=True)
class Database:
    """A running Prometheus."""

    url: str

    def over(self, promql: str, start: float, end: float, step: float) -> Iterator[Series]:
        """Yield what an expression is at each step from `start` until `end`; a series in parts, by time."""
        while start < end:
            last = min(start + (_POINTS - 1) * step, end - step / 1000)
            form = {"query": promql, "start": f"{start}", "end": f"{last}", "step": f"{step}"}
            yield from self._ask("query_range", form).result
            start += _POINTS * step

    def measured(
        self, promql: str, start: float, end: float, step: float = 1.0
    ) -> tuple[Sequence[Series], Cost]:
        """Return what an expression is at each step from `start` to `end`, and what that takes."""
        form = {"query": promql, "start": f"{start}", "end": f"{end}", "step": f"{step}", "stats": "all"}
        data = self._ask("query_range", form)
        assert data.stats, "Prometheus counts what it reads where it is asked to"
        return data.result, Cost(data.stats.samples.total, data.stats.timings["evalTotalTime"])

    def _ask(self, endpoint: str, form: Mapping[str, str]) -> _Data:
        answer = requests.post(f"{self.url}/api/v1/{endpoint}", data=form, timeout=_HANGS)
        said = msgspec.json.decode(answer.content, type=_Answer)
        if said.data is None:
            raise ValueError(f"Prometheus refused {form['query']!r}: {said.error}")
        return said.data


@contextmanager
def running(blocks: Path) -> Iterator[Database]:
    """Run a Prometheus over a folder of blocks, which it may merge; it scrapes nothing."""
    config, address = blocks.with_suffix(".yml"), free_address()
    config.write_text("global: {}\n", encoding="utf-8")
    command = [
        require("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={blocks}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
        f"--query.lookback-delta={LOOKBACK}s",
        f"--query.max-samples={10**9}",
        f"--query.timeout={_HANGS:.0f}s",
        "--log.level=warn",
    ]
    with program(command, blocks.with_suffix(".log")) as server:
        yield Database(ready(server, f"http://{address}"))
