"""What the rules make of a centre: series that they record, and times in which alerts fire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.centres import backfill
from bench.centres.backfill import Pause
from bench.centres.database import Database, Point, Series, running
from bench.centres.model import Centre
from bench.centres.rules import Rule, ages, layers, needed

STEP = 15.0
"""Seconds from one evaluation to the next while what is told is judged, as deployed."""
_STEP_BEFORE = 60.0
"""The same of the history, which is scraped as seldom."""
_LOOKBACK = 300.0
"""Seconds for which a deployed Prometheus takes a rule's last result for its present one."""
_STATES = {"ALERTS", "ALERTS_FOR_STATE"}
"""What Prometheus records of alerts."""
_ROUNDS = 24
"""How often a rule is evaluated at most that reads what it recorded earlier."""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert, and when it fired."""

    labels: Mapping[str, str]
    start: float
    end: float

    @property
    def name(self) -> str:
        """The name of its rule."""
        return self.labels["alertname"]


@dataclass(frozen=True, slots=True)
class Span:
    """The time over which a rule is evaluated."""

    start: float
    judged_from: float
    end: float
    pauses: Sequence[Pause]

    def over(self, database: Database, rule: Rule) -> Iterator[Series]:
        """Yield what a rule came to, each series in parts by time; nothing of when Prometheus didn't run."""
        before = max(rule.interval or 0.0, _STEP_BEFORE)
        start = self.start // before * before
        yield from map(self._unpaused, database.over(rule.expr, start, self.judged_from, before))
        judged = database.over(rule.expr, self.judged_from, self.end, rule.interval or STEP)
        yield from map(self._unpaused, judged)

    def _unpaused(self, series: Series) -> Series:
        if not self.pauses:
            return series
        return Series(series.metric, [point for point in series.values if not self._is_paused(point[0])])

    def _is_paused(self, at: float) -> bool:
        return any(pause.start < at < pause.end for pause in self.pauses)


def firings(rules: Sequence[Rule], centre: Centre, pauses: Sequence[Pause], blocks: Path) -> Sequence[Firing]:
    """Return what fires in a centre while it is judged, in order of time.

    What the rules record on the way is added to the blocks.
    """
    rules = needed(rules)
    if offenders := [rule.name for rule in rules if {each.metric for each in rule.selections} & _STATES]:
        raise ValueError(f"{', '.join(offenders)}: whether alerts fire is only known at the end")
    span = Span(centre.measured_from, centre.measured_from, centre.until, pauses)
    reach = ages(rules)
    for layer in layers(rules):
        spans = {rule.name: replace(span, start=span.start - reach[rule.name]) for rule in layer}
        _record(layer, spans, _filled(rules), blocks)
    with running(blocks) as database:
        found = [each for rule in rules if rule.is_alert for each in _alerts(database, rule, span)]
    return sorted(found, key=lambda firing: firing.start)


def held(moments: Iterable[float], hold: float, step: float) -> Iterator[tuple[float, float]]:
    """Yield the times in which an alert fires whose condition is true at these moments, a step apart.

    As Prometheus has it: pending from the first, firing once that was `hold` seconds ago, over with the first
    evaluation that isn't true. After a pause of Prometheus the wait begins anew; where it is 10 minutes or
    more, a deployed one shortens it.
    """
    since = last = fires_from = None
    for moment in moments:
        if last is None or moment - last > step * 1.5:
            if fires_from is not None and last is not None:
                yield fires_from, last + step
            since, fires_from = moment, None
        if fires_from is None and since is not None and moment - since >= hold:
            fires_from = moment
        last = moment
    if fires_from is not None and last is not None:
        yield fires_from, last + step


def _record(layer: Sequence[Rule], spans: Mapping[str, Span], filled: set[str], blocks: Path) -> None:
    """Add to the blocks what the rules of a layer record, which read what is there already."""
    with running(blocks) as database:
        lines = (
            line
            for rule in layer
            if not rule.reads_itself
            for series in _in_order(rule, spans[rule.name].over(database, rule))
            for line in _lines(rule, series, is_filled=rule.name in filled)
        )
        backfill.write_block(lines, blocks)
    for rule in layer:
        if rule.reads_itself:
            _record_itself(rule, spans[rule.name], blocks)


def _in_order(rule: Rule, found: Iterable[Series]) -> Iterator[Series]:
    """Yield each series that a rule records once: by turns it may come from metrics of several names."""
    points: defaultdict[str, list[Point]] = defaultdict(list)
    labels: dict[str, Series] = {}
    for series in found:
        name = series_text(rule, series)
        labels.setdefault(name, series)
        points[name] += series.values
    for name, series in labels.items():
        yield Series(series.metric, sorted(points[name]))


def _record_itself(rule: Rule, span: Span, blocks: Path) -> None:
    """Add what a rule records that reads what it recorded before, until that gives nothing new."""
    known: set[tuple[str, float]] = set()
    for _ in range(_ROUNDS):
        new: list[str] = []
        with running(blocks) as database:
            for series in _in_order(rule, span.over(database, rule)):
                name = series_text(rule, series)
                points = [point for point in series.values if (name, point[0]) not in known]
                known.update((name, at) for at, _ in points)
                new += _lines(rule, Series(series.metric, points))
        if not new:
            return
        backfill.write_block(new, blocks)


def _lines(rule: Rule, series: Series, *, is_filled: bool = False) -> Iterator[str]:
    """Yield the lines of a recorded series; if it is filled, each value for as long as Prometheus uses it."""
    name = series_text(rule, series)
    for at, value in series.values:
        yield f"{name} {value} {at!r}\n"
        if is_filled and rule.interval:
            for later in range(int(_STEP_BEFORE), int(min(rule.interval, _LOOKBACK)), int(_STEP_BEFORE)):
                yield f"{name} {value} {at + later!r}\n"


def _filled(rules: Iterable[Rule]) -> set[str]:
    """Return the metrics that some rule reads at one moment: Prometheus gives them their last value."""
    return {each.metric for rule in rules for each in rule.selections if each.is_instant}


def series_text(rule: Rule, series: Series) -> str:
    """Return a recorded series as the text format has it."""
    labels = sorted(_labels(rule, series).items())
    return f"{rule.name}{{{','.join(f'{name}={_quoted(value)}' for name, value in labels)}}}"


def _labels(rule: Rule, series: Series) -> Mapping[str, str]:
    return {name: value for name, value in series.metric.items() if name != "__name__"} | dict(rule.labels)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _alerts(database: Database, rule: Rule, span: Span) -> Iterator[Firing]:
    moments: defaultdict[frozenset[tuple[str, str]], list[float]] = defaultdict(list)
    for series in span.over(database, rule):
        moments[frozenset(_labels(rule, series).items())] += [at for at, _ in series.values]
    for labels_of, true_at in moments.items():
        for start, end in held(true_at, rule.hold, rule.interval or STEP):
            yield Firing({"alertname": rule.name, **dict(labels_of)}, start, end)
