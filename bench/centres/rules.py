"""The bundled rules, and what each of them reads: of which metrics, and from how long ago."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import promql_parser
import yaml
from promql_parser import Expr, MatrixSelector, SubqueryExpr, VectorSelector

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_OPERANDS = ("lhs", "rhs", "expr", "param", "vector_selector")
"""Where an expression keeps those that it is made of, beside a call's `args`."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A metric that an expression reads."""

    metric: str
    """Its name, or a pattern of names."""
    age: float
    """Seconds before the evaluation: as old as the oldest sample can be."""
    youngest: float
    """The same of the youngest sample."""
    is_instant: bool
    """Whether it is read at one moment rather than over a range."""


@dataclass(frozen=True)
class Rule:
    """A recording rule, or an alert."""

    name: str
    is_alert: bool
    expr: str
    hold: float
    """Seconds for which the condition of an alert must last."""
    labels: Mapping[str, str]
    interval: float | None
    """Seconds from one evaluation of its group to the next; None where that is Prometheus's own."""

    @cached_property
    def selections(self) -> Sequence[Selection]:
        """Everything that it reads."""
        return selections(self.expr)

    @property
    def reads_itself(self) -> bool:
        """Whether it reads what it recorded earlier."""
        return any(selection.metric == self.name for selection in self.selections)


def load(folder: Path) -> Sequence[Rule]:
    """Return the rules of all files of a folder, in the order of Prometheus."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yml"))]
    groups = [group for file in files for group in file["groups"]]
    return [_rule(rule, group) for group in groups for rule in group["rules"]]


def layers(rules: Iterable[Rule]) -> Iterator[Sequence[Rule]]:
    """Yield the recording rules in layers: each reads only earlier ones, and itself.

    ValueError where rules read each other in a circle.
    """
    by_name = _recording_rules(rules)
    wanted = dict.fromkeys(by_name)
    while wanted:
        layer = [name for name in wanted if not (_read(by_name[name]) - {name}) & wanted.keys()]
        if not layer:
            raise ValueError(f"these rules read each other in a circle: {', '.join(sorted(wanted))}")
        yield [rule for name in layer for rule in by_name[name]]
        for name in layer:
            del wanted[name]


def needed(rules: Sequence[Rule]) -> Sequence[Rule]:
    """Return the alerts, and the recording rules that they read, directly or not."""
    by_name = _recording_rules(rules)
    wanted: set[str] = set()
    left = [rule for rule in rules if rule.is_alert]
    while left:
        new = {each.metric for each in left.pop().selections} & by_name.keys() - wanted
        wanted |= new
        left += [rule for name in new for rule in by_name[name]]
    return [rule for rule in rules if rule.is_alert or rule.name in wanted]


def selections(promql: str) -> Sequence[Selection]:
    """Return everything that an expression reads; ValueError where it selects by anything but names."""
    return list(_selections(promql_parser.parse(promql), 0.0, 0.0))


def ages(rules: Iterable[Rule]) -> Mapping[str, float]:
    """Return how many seconds before an alert's evaluation each metric is read, through other rules too."""
    rules = list(rules)
    known: defaultdict[str, float] = defaultdict(float)
    for rule in (*(rule for rule in rules if rule.is_alert), *_top_down(rules)):
        base = 0.0 if rule.is_alert else known[rule.name]
        for selection in rule.selections:
            if selection.metric != rule.name:
                known[selection.metric] = max(known[selection.metric], base + selection.age)
    return known


def seconds(duration: str) -> float:
    """Return the seconds of a duration as Prometheus writes it, such as 1h30m; ValueError if it is none."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    if "".join(map("".join, parts)) != duration or not parts:
        raise ValueError(f"{duration!r} is no duration: 90s and 1h30m are")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def _rule(rule: Mapping[str, Any], group: Mapping[str, Any]) -> Rule:
    return Rule(
        name=rule.get("alert") or rule["record"],
        is_alert="alert" in rule,
        expr=rule["expr"],
        hold=seconds(rule["for"]) if "for" in rule else 0.0,
        labels=rule.get("labels", {}),
        interval=seconds(group["interval"]) if "interval" in group else None,
    )


def _recording_rules(rules: Iterable[Rule]) -> Mapping[str, Sequence[Rule]]:
    by_name: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        if not rule.is_alert:
            by_name[rule.name].append(rule)
    return by_name


def _top_down(rules: Iterable[Rule]) -> Iterator[Rule]:
    """Yield recording rules, each after all that read it."""
    for layer in reversed(list(layers(rules))):
        yield from layer


def _read(rules: Iterable[Rule]) -> set[str]:
    return {selection.metric for rule in rules for selection in rule.selections}


def _selections(expr: Expr, age: float, youngest: float, *, is_instant: bool = True) -> Iterator[Selection]:
    """Yield what an expression reads that is evaluated from `age` to `youngest` seconds before the rule."""
    if isinstance(expr, VectorSelector):
        offset = _total(expr.offset)
        yield Selection(expr.name or _pattern(expr), age + offset, youngest + offset, is_instant)
        return
    if isinstance(expr, MatrixSelector):
        age, is_instant = age + _total(expr.range), False
    elif isinstance(expr, SubqueryExpr):
        age, youngest = age + _total(expr.range) + _total(expr.offset), youngest + _total(expr.offset)
    parts = [getattr(expr, operand, None) for operand in _OPERANDS]
    for part in (*parts, *getattr(expr, "args", ())):
        if part is not None:
            yield from _selections(part, age, youngest, is_instant=is_instant)


def _pattern(selector: VectorSelector) -> str:
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__":
            return matcher.value
    raise ValueError(f"{selector.prettify()} selects no metric by name, so nobody knows what it reads")


def _total(duration: timedelta | None) -> float:
    return duration.total_seconds() if duration else 0.0
