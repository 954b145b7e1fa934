"""How collectors run: whatever happens in a run is that run's failure, timed, counted and logged."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from exporter.collect.counters import Counters
from exporter.collect.outages import Outages
from exporter.collect.scheduler import REFUSALS, REST
from exporter.collect.snapshot import Run
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason, unexpected

_T = TypeVar("_T")

_log = structlog.stdlib.get_logger(__name__)


class Runs:
    """The runs of one account's collectors; what was refused rests for a while."""

    def __init__(self, account: str, counters: Counters, outages: Outages) -> None:
        self._account = account
        self._counters = counters
        self._outages = outages
        self._refused: dict[Endpoint, tuple[Run[Any], float]] = {}  # and until when it rests

    def attempt(self, collect: Callable[[], _T]) -> tuple[float, _T | ApiError]:
        """Let a collector run; give how long it took, and what it gave or what went wrong."""
        started = time.monotonic()
        result: _T | ApiError
        try:
            result = collect()
        except ApiError as error:
            result = error.bare()
        except Exception as error:  # noqa: BLE001  # whatever it is, the other collectors are to run
            result = unexpected(error)
        return time.monotonic() - started, result

    def ended(self, collector: Endpoint, seconds: float, found: _T | None, error: ApiError | None) -> Run[_T]:
        """Give a run that has ended, and take note of how."""
        run = Run(seconds, found, error)
        if error is None:
            _log.debug("collected", account=self._account, collector=collector, seconds=round(seconds, 3))
            self._outages.recovered(collector)
            return run
        if error.reason in REFUSALS or error.reason is Reason.NOT_FOUND:
            self._refused[collector] = run, time.monotonic() + REST
        self._counters.failure(collector, error.reason)
        self._outages.failed(collector, error)
        return run

    def resting(self, collector: Endpoint) -> Run[Any] | None:
        """Give a collector's last run while it isn't to run again, because it was refused."""
        run, until = self._refused.get(collector, (None, 0.0))
        if time.monotonic() >= until:
            return None
        _log.debug("not asked again yet", account=self._account, collector=collector)
        self._outages.recall(collector)
        return run

    def forget_refusals(self) -> None:
        """Let what was refused run again."""
        self._refused.clear()
