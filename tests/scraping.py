"""What a scraper is told, read from the exposition, and whether it is true."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from prometheus_client.parser import text_string_to_metric_families

from exporter.http.scrape import TIMEOUT_HEADER
from exporter.simulator import Simulator
from tests.waiting import GUARD, scaled

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, without `account`, by account and name."""

    samples: Mapping[tuple[str, str], Mapping[Labels, float]]

    def one(self, name: str, metric: str) -> float | None:
        """Return the value of a metric that has no other labels."""
        return self.samples.get((name, metric), {}).get(frozenset())

    def by(self, name: str, metric: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the values of a metric that aren't 0, by these labels."""
        found = self.samples.get((name, metric), {})
        return {tuple(dict(key)[label] for label in labels): value for key, value in found.items() if value}

    def failures(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the failures of an account by reason."""
        return self.by(name, "exotel_collector_failures_total", "reason")


def hurried(seconds: float) -> dict[str, str]:
    """Return the header of a scraper that waits for so long, as an idle machine counts."""
    return {TIMEOUT_HEADER: f"{scaled(seconds):.3f}"}


def scrape(url: str, headers: Mapping[str, str] | None = None) -> Scrape:
    """Scrape, all but the buckets; fails if no answer comes within the guard."""
    answer = requests.get(f"{url}/metrics", headers=headers, timeout=GUARD)
    assert answer.status_code == 200
    text = re.sub(r"^\w+_bucket\{.*\n", "", answer.text, flags=re.MULTILINE)  # not looked at here
    found: dict[tuple[str, str], dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            key = labels.pop("account", ""), sample.name
            assert frozenset(labels.items()) not in found.setdefault(key, {}), "a series came twice"
            found[key][frozenset(labels.items())] = sample.value
    return Scrape(found)


def right(found: Scrape, name: str, simulator: Simulator) -> bool:
    """Return whether what was found of an account is what its simulator knows to be true."""
    truth = simulator.truth()
    pair = "direction", "status"
    return (
        found.one(name, "exotel_up") == 1
        and found.one(name, "exotel_calls_reported") == truth.total
        and found.by(name, "exotel_active_calls", *pair) == dict(truth.calls)
        and found.by(name, "exotel_recording_enabled_calls", *pair) == dict(truth.recorded)
        and found.by(name, "exotel_longest_call_duration_seconds", *pair)
        == {kind: longest for kind, longest in truth.longest.items() if longest}
        and found.one(name, "exotel_agents_on_call") == truth.agents_on_call
    )
