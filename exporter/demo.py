"""The demo: a simulated contact centre, and the configuration that exports all there is to know of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from exporter.config import (
    AccountConfig,
    CollectionConfig,
    Config,
    Line,
    MetricsConfig,
    Secret,
    StreamsConfig,
)
from exporter.simulator import EXOPHONES, Settings, Simulator


@contextmanager
def demo() -> Iterator[Config]:
    """Run the simulator, and yield the configuration that exports it."""
    settings = Settings(calls=120, second_calls=0.05, latency=0.02, numbers="mixed")
    collection = CollectionConfig(agent_streams=True, streams=StreamsConfig(enabled=True, max_per_scrape=40))
    with Simulator(settings) as simulator:
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
        yield Config(accounts=(account,), collection=collection, metrics=metrics)
