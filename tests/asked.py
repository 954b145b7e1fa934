"""What simulators in this process are asked, in the order in which it reaches them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from exporter.simulator.api import Api
from exporter.simulator.messages import Request, Response


@dataclass
class Asked:
    """Every request: when it came, and what for."""

    requests: list[tuple[float, str]] = field(default_factory=list)

    def details(self) -> list[str]:
        """Return the calls whose details were asked for."""
        return [path.split("/")[-2] for _, path in self.requests if path.endswith("/stream")]

    def most_in_a_minute(self) -> int:
        """Return the most requests that came in any sixty seconds."""
        times = sorted(at for at, _ in self.requests)
        return max(sum(at <= other < at + 60 for other in times) for at in times)


@contextmanager
def asked(clock: Callable[[], float] = time.monotonic) -> Iterator[Asked]:
    """Take note of all requests for as long as this lasts, at the times of this clock."""
    noted, answer = Asked(), Api.answer

    def noting(self: Api, request: Request) -> Response:
        noted.requests.append((clock(), request.target.partition("?")[0]))
        return answer(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Api, "answer", noting)
        yield noted
