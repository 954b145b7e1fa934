"""How near the blocking that the exporter tells is to the share of calls refused: `python -m bench.erlang`.

A simulated centre with enough agents refuses calls at its limit, for some hours, and a scraper comes every
minute. Nothing is waited for: the clocks of the exporter and the centre are moved on together. What is told
covers the hour before, so it is compared with what was refused in all hours together; single hours differ by
chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, median

from exporter.collect.account import Account
from exporter.collect.erlang import blocking
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret
from exporter.exotel.deadline import Deadline
from exporter.simulator import Settings, Simulator
from exporter.simulator.settings import FLAT_DAY
from tests.clock import moved_clock

LIMITS, SHARES, SEEDS = (10, 50, 200), (0.01, 0.02, 0.05, 0.1, 0.2), (1, 2, 3)
INTERVAL, HOUR, HOURS = 60, 3600, 24
TOLERANCE = 0.2
"""By what part of the share refused the share told may differ from it."""


@dataclass(frozen=True, slots=True)
class Run:
    """Some hours of a centre."""

    told: tuple[float, ...]
    """At each scrape, by the exporter."""
    arrived: int
    refused: int


def run(limit: int, calls: int, seed: int) -> Run:
    """Scrape a centre that is offered so many calls at a time, as soon as there is an hour to tell of."""
    settings = Settings(calls=calls, call_limit=limit, agents=2 * calls, seed=seed, speed=0, day=FLAT_DAY)
    told: list[float] = []
    with Simulator(settings) as simulator, moved_clock() as clock:
        account = _account(simulator.url, limit)
        start, before = clock.monotonic(), simulator.truth()
        for number in range((HOURS + 1) * HOUR // INTERVAL + 1):
            clock.forward(start + number * INTERVAL - clock.monotonic())
            snapshot = account.collect(Deadline.after(10)).result()
            assert snapshot.active_calls is not None, snapshot.failure
            if number * INTERVAL == HOUR:
                before = simulator.truth()
            if number * INTERVAL > HOUR and snapshot.active_calls.capacity is not None:
                told.append(snapshot.active_calls.capacity.blocking)
            simulator.advance(INTERVAL)
        account.close()
        truth = simulator.truth()
    refused = truth.refused - before.refused
    return Run(tuple(told), refused + truth.started - before.started, refused)


def _account(url: str, limit: int) -> Account:
    demo = Secret("demo")
    collection = CollectionConfig(requests_per_minute=100_000)
    config = AccountConfig(
        name="bench",
        account_sid="demo",
        base_url=url,
        api_key=demo,
        api_token=demo,
        call_limit=limit,
        collection=collection,
    )
    return Account(config, MetricsConfig())


def offered_load(limit: int, share: float) -> int:
    """Return of how many calls at a time a limit refuses about this share."""
    return next(calls for calls in range(1, 4 * limit) if blocking({1: calls}, limit) >= share)


def rows() -> Iterator[str]:
    """Write a row for each limit and load."""
    for limit in LIMITS:
        for calls in dict.fromkeys(offered_load(limit, share) for share in SHARES):
            runs = [run(limit, calls, seed) for seed in SEEDS]
            told = [each for run in runs for each in run.told]
            refused = sum(run.refused for run in runs) / sum(run.arrived for run in runs)
            by_seed = " ".join(f"{fmean(run.told):.3f}/{run.refused / run.arrived:.3f}" for run in runs)
            off = fmean(told) / refused - 1
            yield (
                f"{limit:>5} {calls:>8} {blocking({1: calls}, limit):>8.4f} {fmean(told):>8.4f} "
                f"{median(told):>8.4f} {refused:>8.4f} {off:>+6.0%} "
                f"{'yes' if abs(off) <= TOLERANCE else 'no':>7}  {by_seed}"
            )


def main() -> None:
    """Print a table."""
    print(
        f"{'limit':>5} {'offered':>8} {'formula':>8} {'told':>8} {'median':>8} {'refused':>8} {'off':>6} "
        f"{'within':>7}  told/refused by seed"
    )
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
