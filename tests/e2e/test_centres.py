"""The bench of alert rules, on a centre of few series: a real Prometheus evaluates rules over its scrapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.centres import backfill
from bench.centres.backfill import Pause
from bench.centres.database import LOOKBACK
from bench.centres.evaluate import Firing, firings
from bench.centres.model import Sample, Scrape, Trouble
from bench.centres.rules import load

MINUTE, HOUR = 60.0, 3600.0
BEGIN = 1_767_571_200.0
NAMES = {"x", "up"}
SERIES = 'x{account="a \\"b\\""}'
RULES = """
groups:
  - name: example
    rules:
      - alert: Above
        expr: level:x:double > 4
        for: 2m
        labels: {severity: critical}
      - alert: AboveYesterday
        expr: level:x:double > 1.2 * (level:x:double offset 1h)
      - alert: Gone
        expr: absent(x)
      - alert: Remembered
        expr: level:x:last == 2 unless x
      - record: level:x:double
        expr: 2 * x
        labels: {by: two}
      - record: level:x:last
        expr: x or last_over_time(level:x:last[10m])
  - name: seldom
    interval: 5m
    rules:
      - record: level:x:seldom
        expr: x
      - alert: Seldom
        expr: level:x:seldom == 3
"""


@dataclass
class Centre:
    """An hour of history, then two that are judged: x is 3 for a while, then absent, then nobody scrapes."""

    name: str = "example"
    is_healthy: bool = True
    measured_from: float = BEGIN + HOUR
    until: float = BEGIN + 3 * HOUR
    troubles: tuple[Trouble, ...] = ()
    drawn_names: list[set[str]] = field(default_factory=list)

    def drawn(self, names: Set[str]) -> Iterator[Scrape]:
        """Return the scrapes, and note the names of metrics that were asked for."""
        self.drawn_names.append(set(names))
        return self.scrapes()

    def scrapes(self) -> Iterator[Scrape]:
        """Yield them."""
        at = BEGIN
        while at < self.until:
            into = at - self.measured_from
            if not 90 * MINUTE < into < 100 * MINUTE:
                value = 3.0 if 20 * MINUTE <= into < 30 * MINUTE else 2.0
                gone = 40 * MINUTE <= into < HOUR
                yield Scrape(
                    at, [Sample("up{}", 1.0)] if gone else [Sample("up{}", 1.0), Sample(SERIES, value)]
                )
            at += 15 if into >= 0 else 60


@pytest.fixture(scope="module")
def fired(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Firing]:
    """What fires."""
    folder = tmp_path_factory.mktemp("centre")
    (folder / "rules").mkdir()
    (folder / "rules" / "rules.yml").write_text(RULES, encoding="utf-8")
    centre = Centre()
    pauses = backfill.scraped(centre.drawn, NAMES, folder / "blocks", "1")
    backfill.link(folder / "blocks", folder / "database")
    return firings(load(folder / "rules"), centre, pauses, folder / "database")


def minutes(fired: Sequence[Firing], name: str) -> list[tuple[float, float]]:
    """Return when an alert fired, in minutes since judging began."""
    begin = Centre().measured_from
    return [((each.start - begin) / 60, (each.end - begin) / 60) for each in fired if each.name == name]


def test_an_alert_reads_what_rules_record_and_waits(fired: Sequence[Firing]) -> None:
    """With the labels of series, recording rule and alert."""
    assert minutes(fired, "Above") == [(22, 30)]
    assert minutes(fired, "AboveYesterday") == [(20, 30)]
    [above] = [each for each in fired if each.name == "Above"]
    assert above.labels == {
        "alertname": "Above",
        "account": 'a "b"',
        "by": "two",
        "severity": "critical",
    }


def test_what_is_absent_is_absent_soon(fired: Sequence[Firing]) -> None:
    """Before Prometheus would forget it, and not while Prometheus itself didn't run."""
    assert minutes(fired, "Gone") == [(40 + LOOKBACK / 60, 60)]


def test_a_rule_reads_what_it_recorded_itself(fired: Sequence[Firing]) -> None:
    """Again and again: this one holds its last value of 10 minutes for 20."""
    assert minutes(fired, "Remembered") == [(40 + LOOKBACK / 60, 60)]


def test_a_group_that_is_evaluated_seldom_is_there_in_between(fired: Sequence[Firing]) -> None:
    """As Prometheus gives the last value of 5 minutes."""
    assert minutes(fired, "Seldom") == [(20, 30)]


def test_a_centre_is_drawn_again_only_if_it_differs_or_more_of_it_is_read(tmp_path: Path) -> None:
    """So other rules are tried at once, and so are the former ones after that."""
    centre, blocks = Centre(), tmp_path / "blocks"
    asked = [({"x"}, "1"), ({"x"}, "1"), ({"up"}, "1"), ({"x"}, "1"), ({"x"}, "2")]
    pauses = [backfill.scraped(centre.drawn, names, blocks, fingerprint) for names, fingerprint in asked]
    assert centre.drawn_names == [{"x"}, {"up", "x"}, {"x"}]
    begin = centre.measured_from + 90 * MINUTE
    assert pauses == [[Pause(begin, begin + 10 * MINUTE)]] * len(asked)
