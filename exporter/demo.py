"""The demo: a simulated contact centre, the hour before it, and what exports all there is to know of it."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from exporter.collect.account import Account
from exporter.collect.history import History, Served
from exporter.collect.lifecycle import Lifecycle
from exporter.config import (
    AccountConfig,
    CollectionConfig,
    Config,
    CountsFrom,
    Line,
    MetricsConfig,
    Secret,
    StreamsConfig,
)
from exporter.exotel.deadline import Deadline
from exporter.exotel.decode import read_page
from exporter.exotel.models import Call
from exporter.simulator import EXOPHONES, Settings, Simulator

_HOUR = 3600  # seconds
_APART = 15  # seconds between listings, as Prometheus would scrape
_OUTAGE = range(_HOUR - 2400, _HOUR - 2250)  # seconds of the hour in which the API was down
_SCRAPE_INTERVAL = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Demo:
    """What is to be exported, and what has happened before."""

    config: Config
    history: History
    """Of the hour before the start, simulated."""

    @property
    def histories(self) -> dict[str, History]:
        """Return the history by the account's name."""
        return {account.name: self.history for account in self.config.accounts}


@contextmanager
def demo() -> Iterator[Demo]:
    """Run the simulator, after an hour of its time that takes half a second, and yield what exports it."""
    settings = Settings(
        calls=105,
        agents=115,
        second_calls=0.05,
        latency=0.02,
        numbers="mixed",
        start_hour=9.0,
        epoch=time.time() - _HOUR,
    )
    simulator = Simulator(settings)
    history = _past(simulator)
    collection = CollectionConfig(
        agent_streams=True,
        duration_counts_from=CountsFrom.ANSWER,  # as the simulator counts
        streams=StreamsConfig(enabled=True, max_per_scrape=40),
    )
    with simulator:
        account = AccountConfig(
            name="demo",
            account_sid=settings.account_sid,
            base_url=simulator.url,
            api_key=Secret(settings.api_key),
            api_token=Secret(settings.api_token),
            call_limit=150,
            lines=(Line("sales", EXOPHONES[:2]), Line("support", EXOPHONES[2:3])),
            collection=collection,
        )
        metrics = MetricsConfig(per_agent=True, agent_names=True, longest_calls=10)
        yield Demo(Config(accounts=(account,), collection=collection, metrics=metrics), history)


@contextmanager
def scraped(accounts: Iterable[Account]) -> Iterator[None]:
    """Collect from these accounts every few seconds, as a Prometheus would, for as long as this lasts."""
    has_ended = Event()

    def scrape() -> None:
        while not has_ended.is_set():
            for account in accounts:
                account.collect(Deadline.after(account.config.collection.timeout)).exception()
            has_ended.wait(_SCRAPE_INTERVAL)

    Thread(target=scrape, name="scrape", daemon=True).start()
    try:
        yield
    finally:
        has_ended.set()


def _past(simulator: Simulator) -> History:
    """Let an hour pass in a simulator that doesn't serve yet; return what its listings tell of it."""
    history, lifecycle = History(), Lifecycle.before((), CountsFrom.ANSWER)
    epoch, start = simulator.settings.epoch or 0.0, time.monotonic() - _HOUR
    for elapsed in range(_APART, _HOUR + 1, _APART):
        simulator.advance(_APART)
        simulator.set_faults(["status:503"] if elapsed in _OUTAGE else [])
        begun = time.perf_counter()
        calls = _listed(simulator)
        seconds = time.perf_counter() - begun + simulator.settings.latency
        if calls is None:
            history.failed(start + elapsed, is_simulated=True)
            continue
        before = Served.of(lifecycle.counts)
        by_sid = {call.call_sid: call for call in calls}
        lifecycle = lifecycle.after(by_sid, start + elapsed, api_time=epoch + elapsed)
        served = Served.of(lifecycle.counts).since(before)
        history.listed(start + elapsed, len(calls), seconds, served, is_simulated=True)
    return history


def _listed(simulator: Simulator) -> list[Call] | None:
    """Return the calls that the API lists now, page by page; None where it fails."""
    settings = simulator.settings
    credentials = b64encode(f"{settings.api_key}:{settings.api_token}".encode()).decode()
    calls: list[Call] = []
    while True:
        path = f"/v3/accounts/{settings.account_sid}/calls/active?limit=100&offset={len(calls)}"
        answer = simulator.answer(path, {"authorization": f"Basic {credentials}"})
        if answer.status != 200:
            return None
        page = read_page(answer.body)
        calls += page.calls
        if not page.calls or len(calls) >= (page.total or 0):
            return calls
