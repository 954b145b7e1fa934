"""Many accounts that all look alike, as long a past of them as is read: to measure what reading takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from bench.centres import backfill
from bench.centres.database import LOOKBACK, Database, Series, running
from bench.centres.evaluate import STEP, series_text
from bench.centres.rules import Rule, Selection, layers
from tests.tools import ROOT

NOW = 1_767_571_200.0 + 28 * 86400
"""When everything is evaluated: a moment like any other."""
_PAGES = [ROOT / "tests" / "unit" / "golden" / f"{name}.prom" for name in ("everything", "centre")]
"""What the exporter says of an account, with every option on; the second adds what the first lacks."""
_TARGET = 'instance="exporter:9927",job="exotel"'
_OF_THE_EXPORTER = (
    f"up{{{_TARGET}}} 1",
    f"scrape_duration_seconds{{{_TARGET}}} 0.5",
    f'exotel_exporter_build_info{{version="1.0.0",{_TARGET}}} 1',
    f"exotel_exporter_config_last_reload_successful{{{_TARGET}}} 1",
    f'exotel_exporter_collections_total{{outcome="begun",{_TARGET}}} 1000',
    f'exotel_exporter_collections_total{{outcome="put_off",{_TARGET}}} 0',
    f"process_resident_memory_bytes{{{_TARGET}}} 50000000",
)
"""What it says of itself that is read."""
_RISING = ("_total", "_count", "_sum", "_bucket", "_snapshot_timestamp_seconds")
_GROWTH = 1e-5
"""By which share of its last value what rises does so from scrape to scrape."""

Windows = Mapping[str, Sequence[tuple[float, float]]]
"""By metric, from and until how many seconds ago it is read."""


def windows(selections: Iterable[Selection], over: float = 0.0) -> Windows:
    """Return when metrics are read by what is evaluated now, or at any time since `over` seconds ago."""
    read: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in selections:
        lookback = LOOKBACK if each.is_instant else 0.0
        read[each.metric].append((each.age + over + lookback, each.youngest))
    return read


def joined(*parts: Windows) -> Windows:
    """Return all windows of each metric."""
    return {name: [each for part in parts for each in part.get(name, ())] for name in set().union(*parts)}


@contextmanager
def accounts(number: int, rules: Sequence[Rule], read: Windows, folder: Path) -> Iterator[Database]:
    """Give a Prometheus with the past of some accounts, and what rules record, as far as it is read."""
    blocks = folder / "prometheus"
    blocks.mkdir()
    backfill.write_block(_scraped(number, read), blocks)
    for layer in layers(rules):
        with running(blocks) as database:
            found = [(rule, each) for rule in layer for each in database.over(rule.expr, NOW, NOW + 1, STEP)]
        backfill.write_block(_recorded(found, read), blocks)
    with running(blocks) as database:
        yield database


def _scraped(number: int, read: Windows) -> Iterator[str]:
    of_accounts = (
        (series.replace('account="acme"', f'account="account-{account:03}",{_TARGET}', 1), value)
        for account in range(number)
        for series, value in _page().items()
    )
    of_the_exporter = (_split(line) for line in _OF_THE_EXPORTER)
    for series, value in chain(of_the_exporter, of_accounts):
        metric = series.partition("{")[0]
        growth = value * _GROWTH if metric.endswith(_RISING) else 0.0
        for steps in _steps(read.get(metric, ()), STEP):
            yield f"{series} {value - steps * growth!r} {NOW - steps * STEP!r}\n"


def _page() -> Mapping[str, float]:
    """Return the value of each series of an account."""
    lines = [line for page in reversed(_PAGES) for line in page.read_text(encoding="utf-8").splitlines()]
    return dict(_split(line) for line in lines if not line.startswith("#"))


def _split(line: str) -> tuple[str, float]:
    series, _, value = line.partition(" # ")[0].rpartition(" ")  # an exemplar may follow
    return series, float(value)


def _recorded(found: Iterable[tuple[Rule, Series]], read: Windows) -> Iterator[str]:
    for rule, series in found:
        step, text = rule.interval or STEP, series_text(rule, series)
        for steps in _steps(read.get(rule.name, ()), step):
            yield f"{text} {series.values[-1][1]} {NOW - steps * step!r}\n"


def _steps(windows: Iterable[tuple[float, float]], step: float) -> Sequence[int]:
    """Return how many steps ago there must be samples, the oldest first."""
    ago = {
        number
        for age, youngest in windows
        for number in range(int(-(-youngest // step)), int(age // step) + 1)
    }
    return sorted(ago, reverse=True)
