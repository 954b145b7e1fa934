"""Who is told of what, and when: what Alertmanager makes of the alerts that fire, by its configuration."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bench.centres.evaluate import Firing
from bench.centres.rules import seconds

_MATCHER = re.compile(r"\s*(\w+)\s*(=~|!~|!=|=)\s*\"?(.*?)\"?\s*")
_INHERITED = ("group_by", "group_wait", "group_interval")
"""What a route has from the one above unless it says otherwise, beside its receiver."""

Labels = Mapping[str, str]
_Identity = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Told:
    """An alert in a notification for the first time since it fires."""

    alert: Firing
    at: float
    receiver: str


@dataclass(frozen=True)
class Matchers:
    """What the labels of an alert must be; one that it lacks is empty."""

    texts: Sequence[str]

    def match(self, labels: Labels) -> bool:
        """Return whether the labels are so."""
        return all(
            bool(pattern.fullmatch(labels.get(label, ""))) == is_wanted
            for label, pattern, is_wanted in self._parsed
        )

    @cached_property
    def _parsed(self) -> Sequence[tuple[str, re.Pattern[str], bool]]:
        return [self._parse(text) for text in self.texts]

    @staticmethod
    def _parse(text: str) -> tuple[str, re.Pattern[str], bool]:
        found = _MATCHER.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no matcher")
        label, operator, value = found.groups()
        return label, re.compile(value if "~" in operator else re.escape(value)), "!" not in operator


@dataclass(frozen=True, slots=True)
class Inhibition:
    """An alert that silences another."""

    source: Matchers
    target: Matchers
    equal: Sequence[str]

    def applies(self, source: Labels, target: Labels) -> bool:
        """Return whether the one silences the other. Of two that are both source and target, neither does."""
        return (
            self.target.match(target)
            and self.source.match(source)
            and not (self.source.match(target) and self.target.match(source))
            and all(source.get(label, "") == target.get(label, "") for label in self.equal)
        )


@dataclass(frozen=True, slots=True)
class Route:
    """Where alerts go, and how they are grouped."""

    matchers: Matchers
    receiver: str
    group_by: Sequence[str]
    group_wait: float
    group_interval: float
    is_last: bool
    """Whether an alert that it matches isn't offered to the routes after it."""
    routes: Sequence[Route]

    def of(self, labels: Labels) -> Sequence[Route]:
        """Return the routes that an alert takes, which this one matches."""
        taken: list[Route] = []
        for route in self.routes:
            if route.matchers.match(labels):
                taken += route.of(labels)
                if route.is_last:
                    break
        return taken or [self]

    def group(self, labels: Labels) -> tuple[str, ...]:
        """Return what alerts have in common that come in one notification."""
        by = sorted(labels) if "..." in self.group_by else self.group_by
        return tuple(labels.get(label, "") for label in by)


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A configuration: what goes where, and what silences what."""

    route: Route
    inhibitions: Sequence[Inhibition]

    @classmethod
    def load(cls, file: Path) -> Alertmanager:
        """Read a configuration."""
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
        defaults = {"group_wait": "30s", "group_interval": "5m", "group_by": []}
        return cls(
            _route(config["route"], defaults),
            [_inhibition(rule) for rule in config.get("inhibit_rules", ())],
        )

    def told(self, firings: Sequence[Firing]) -> Sequence[Told]:
        """Return what is told, in order of time; repetitions and ends are left out."""
        grouped: defaultdict[tuple[int, tuple[str, ...]], list[Firing]] = defaultdict(list)
        routes = {id(route): route for firing in firings for route in self.route.of(firing.labels)}
        for firing in firings:
            for route in self.route.of(firing.labels):
                grouped[id(route), route.group(firing.labels)].append(firing)
        muting = _Muting(self.inhibitions, firings)
        told = [
            each
            for (route_id, _), group in grouped.items()
            for each in _told_of_group(routes[route_id], group, muting)
        ]
        return sorted(told, key=lambda each: each.at)


class _Muting:
    """Which alerts silence which, each pair looked up once."""

    def __init__(self, inhibitions: Sequence[Inhibition], firings: Sequence[Firing]) -> None:
        self._inhibitions, self._firings = inhibitions, firings
        self._sources: dict[int, Sequence[Firing]] = {}

    def is_muted(self, firing: Firing, at: float) -> bool:
        """Return whether an alert is silenced at a moment: by one that fires, told or not."""
        if id(firing) not in self._sources:
            self._sources[id(firing)] = [
                other
                for other in self._firings
                if other.start < firing.end
                and firing.start < other.end
                and any(rule.applies(other.labels, firing.labels) for rule in self._inhibitions)
            ]
        return any(source.start <= at < source.end for source in self._sources[id(firing)])


def _told_of_group(route: Route, firings: Sequence[Firing], muting: _Muting) -> Iterator[Told]:
    """Yield what is told of one group: after group_wait, then each group_interval until all of it is over."""
    left = deque(sorted(firings, key=lambda firing: firing.start))
    present: list[Firing] = []
    known: set[_Identity] = set()
    at = 0.0
    while left or present:
        at = at + route.group_interval if present else left[0].start + route.group_wait
        while left and left[0].start <= at:
            present.append(left.popleft())
        present = [firing for firing in present if firing.end > at]
        known &= {_identity(firing) for firing in present}
        for firing in present:
            if _identity(firing) not in known and not muting.is_muted(firing, at):
                known.add(_identity(firing))
                yield Told(firing, at, route.receiver)


def _identity(firing: Firing) -> _Identity:
    return frozenset(firing.labels.items())


def _route(config: Any, above: Mapping[str, Any]) -> Route:
    settings = {**above, **{key: config[key] for key in ("receiver", *_INHERITED) if key in config}}
    return Route(
        matchers=Matchers(config.get("matchers", ())),
        receiver=settings["receiver"],
        group_by=settings["group_by"],
        group_wait=seconds(settings["group_wait"]),
        group_interval=seconds(settings["group_interval"]),
        is_last=not config.get("continue", False),
        routes=[_route(each, settings) for each in config.get("routes", ())],
    )


def _inhibition(config: Any) -> Inhibition:
    return Inhibition(
        Matchers(config["source_matchers"]), Matchers(config["target_matchers"]), config.get("equal", ())
    )
