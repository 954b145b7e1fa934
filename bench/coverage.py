"""How much of a busy centre the stream details cover over time: `python -m bench.coverage`.

Five hundred calls come and go, 200 requests a minute are allowed, and a scraper comes every fifteen seconds.
Nothing is waited for: the exporter's clock and the centre's are moved on together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.collect.account import Account
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret, StreamsConfig
from exporter.exotel.deadline import Deadline
from exporter.simulator import Settings, Simulator
from exporter.simulator.settings import FLAT_DAY
from tests.clock import moved_clock

CALLS, PER_MINUTE, INTERVAL, MINUTES = 500, 200, 15, 10
SETTINGS = [(most, max_age) for most in (20, 44) for max_age in (60, 120)]
"""What is compared: `max_per_scrape`, and `max_age` in seconds."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a scrape shows."""

    inspected: int
    pending: int
    requests: int
    """Made so far."""
    is_new: bool
    """Its listing was made for it."""


def scrapes(most: int, max_age: float) -> Iterator[Moment]:
    """Scrape a centre for some minutes, from its first scrape on."""
    config = CollectionConfig(
        requests_per_minute=PER_MINUTE,
        streams=StreamsConfig(enabled=True, max_per_scrape=most, max_age=max_age),
    )
    with Simulator(Settings(calls=CALLS, speed=0, day=FLAT_DAY)) as simulator, moved_clock() as clock:
        account = _account(simulator.url, config)
        start, stamp = clock.monotonic(), 0.0
        for number in range(MINUTES * 60 // INTERVAL + 1):
            clock.forward(start + number * INTERVAL - clock.monotonic())
            snapshot = account.collect(Deadline.after(config.timeout)).result()
            assert snapshot.active_calls is not None, snapshot.failure
            assert snapshot.streams is not None
            before, stamp = stamp, snapshot.ended_at
            tally, requests = snapshot.streams, sum(account.live_values().counts.requests.values())
            yield Moment(tally.inspected, tally.pending, requests, is_new=stamp > before)
            simulator.advance(INTERVAL)
        account.close()


def _account(url: str, config: CollectionConfig) -> Account:
    demo = Secret("demo")
    return Account(
        AccountConfig(
            name="bench", account_sid="demo", base_url=url, api_key=demo, api_token=demo, collection=config
        ),
        MetricsConfig(),
    )


def rows(most: int, max_age: float) -> Iterator[str]:
    """Write a row for the first scrape, and one for each minute after it."""
    in_a_minute = 60 // INTERVAL
    moments = list(scrapes(most, max_age))
    for minute in range(MINUTES + 1):
        now, last = minute * in_a_minute, max(0, (minute - 1) * in_a_minute + 1)
        moment, before = moments[now], moments[last - 1].requests if last else 0
        share = moment.inspected / (moment.inspected + moment.pending)
        new = sum(each.is_new for each in moments[last : now + 1])
        yield (
            f"{most:>14} {max_age:>6.0f} s {minute:>7} {moment.inspected:>10} {moment.pending:>8} "
            f"{share:>6.0%} {moment.requests - before:>9} {f'{new}/{now + 1 - last}':>13}"
        )


def main() -> None:
    """Print a table for each of the settings."""
    print(
        f"{'max_per_scrape':>14} {'max_age':>8} {'minute':>7} {'inspected':>10} {'pending':>8} {'share':>6} "
        f"{'requests':>9} {'new listings':>13}"
    )
    for setting in SETTINGS:
        print(*rows(*setting), sep="\n", flush=True)


if __name__ == "__main__":
    main()
