"""How callers are served: service level, speed of answer, abandoned, handling time; by account and line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band
from grafana.panels import Query, graph, over, tile
from grafana.promql import (
    ABANDONED_SHARE,
    HANDLING_TIME,
    INBOUND,
    ON_CHOSEN_LINES,
    RATE_WINDOW,
    SERVICE_LEVEL,
    SPEED_OF_ANSWER,
    WAS_ANSWERED,
    by_line,
    highest,
    lowest,
    once,
    select,
)
from grafana.style import ABANDONED, ANSWER_TIME, NO_END, NO_WAIT, PLAIN, SERVICE, Scale, Words
from grafana.tables import Column, Figure, Label, columns

_CHOSEN_LINES = "${line:text}"

#: As long as the recorded figures look back.
_WINDOW = "30m"


@dataclass(frozen=True)
class _Measure:
    """One of the trade's figures of service, and what is said of it wherever it is shown."""

    name: str
    recorded: str
    what: str
    to_do: str
    unit: str
    worst: Callable[[str], str]
    scale: Scale = PLAIN
    no_data: str = NO_WAIT

    def now(self) -> models.Panel:
        """The figure of the account that it is worst on."""
        where = "lowest" if self.worst is lowest else "highest"
        words = Words(
            self.name,
            f"{self.what}, in the last 30 minutes, on the account with the {where}. {self.to_do}",
            self.no_data,
        )
        return tile(words, self.worst(select(self.recorded)), unit=self.unit, scale=self.scale)

    def by_account(self) -> models.Panel:
        """The figure of each account, over time."""
        return self._over_time("by account", select(self.recorded), "{{account}}")

    def by_line(self) -> models.Panel:
        """The figure of each line, over time."""
        series = select(by_line(self.recorded), ON_CHOSEN_LINES)
        return self._over_time(f"by line: {_CHOSEN_LINES}", series, "{{account}} {{line}}", "line")

    def of_line(self, title: str) -> Figure:
        """The figure of each line now, as a column."""
        series = select(by_line(self.recorded), ON_CHOSEN_LINES)
        return Figure(title, once(series, "line"), self.unit, self.scale)

    def _over_time(self, title: str, series: str, legend: str, *labels: str) -> models.Panel:
        words = Words(
            f"{self.name} {title}", f"{self.what}, in the 30 minutes before. {self.to_do}", self.no_data
        )
        return graph(words, [Query(once(series, *labels), legend)], unit=self.unit, scale=self.scale)


_SERVICE_LEVEL = _Measure(
    "Service level",
    SERVICE_LEVEL,
    "Inbound callers answered in time (20 seconds, or what thresholds.yml says), of all who were answered or "
    "gave up",
    "Low: bring in agents, or move campaigns to quieter hours. Waits timed exactly says what the waits are "
    "read from.",
    "percentunit",
    lowest,
    SERVICE,
)
_SPEED = _Measure(
    "Speed of answer",
    SPEED_OF_ANSWER,
    "How long inbound callers waited for their answer, on average (ASA)",
    "Rises: bring in agents; rises while agents are free: phones ring unattended. Waits timed exactly says "
    "what the waits are read from.",
    "dthms",
    highest,
    ANSWER_TIME,
)
_ABANDONED = _Measure(
    "Abandoned",
    ABANDONED_SHARE,
    "Inbound callers who gave up, of all who were answered or gave up",
    "High: answer sooner, shorten menus, or offer to call back.",
    "percentunit",
    highest,
    ABANDONED,
)
_HANDLING = _Measure(
    "Handling time",
    HANDLING_TIME,
    "How long answered inbound calls lasted from their answer, on average (AHT); wrapping up isn't in the "
    "list of calls",
    "Rises: agents lack an answer, or a system is slow. Falls: calls drop, or are handed on.",
    "dthms",
    highest,
    no_data=NO_END,
)


def service_level() -> models.Panel:
    """How many callers are answered in time."""
    return _SERVICE_LEVEL.now()


def abandoned() -> models.Panel:
    """How many callers give up."""
    return _ABANDONED.now()


def service_tiles() -> Sequence[models.Panel]:
    """The figures now, and how exactly they are known."""
    return [_SERVICE_LEVEL.now(), _SPEED.now(), _ABANDONED.now(), _HANDLING.now(), _exact()]


def service_bands() -> Sequence[Band]:
    """The figures over time: a row by account and one by line."""
    measures = (_SERVICE_LEVEL, _SPEED, _ABANDONED)
    return [
        Band(8, [each.by_account() for each in measures], title="Service of inbound callers"),
        Band(8, [each.by_line() for each in measures]),
        Band(8, [_HANDLING.by_account(), _HANDLING.by_line()]),
    ]


def service_by_line() -> models.Panel:
    """The figures of each line now."""
    words = Words(
        f"Service by line: {_CHOSEN_LINES}",
        "Inbound calls of the last 30 minutes; other is every number that is no configured line. A line "
        "with many abandoned: bring in agents for it. Timed exactly: the share of answers whose wait is "
        "read from start_time; the others are read from listing to listing, as precise as the scrape "
        "interval.",
        NO_WAIT,
    )
    shown: list[Column] = [
        Label("Account", "account"),
        Label("Line", "line"),
        _SERVICE_LEVEL.of_line("Service level"),
        _SPEED.of_line("Answered in"),
        _ABANDONED.of_line("Abandoned"),
        _HANDLING.of_line("Handling"),
        Figure("Timed exactly", _timed_exactly("line", matchers=(ON_CHOSEN_LINES,)), "percentunit"),
    ]
    return over(_WINDOW, columns(words, shown, sort_by="Abandoned"))


def _exact() -> models.Panel:
    words = Words(
        "Waits timed exactly",
        "Of the inbound waits of the last 30 minutes that ended in an answer, those read from start_time, "
        "on the account with the lowest share. The others are read from listing to listing, as precise as "
        "the scrape interval. 0%: ask doctor what the API's duration counts from, and set "
        "duration_counts_from.",
        NO_WAIT,
    )
    return over(_WINDOW, tile(words, lowest(_timed_exactly()), unit="percentunit"))


def _timed_exactly(*labels: str, matchers: Sequence[str] = ()) -> str:
    def waits(*more: str) -> str:
        count = select("exotel_observed_wait_duration_seconds_count", INBOUND, WAS_ANSWERED, *matchers, *more)
        return once(f"increase({count}[{RATE_WINDOW}])", *labels)

    exact, every = waits('source="start_time"'), waits()
    return f"({exact} or 0 * {every}) / ({every} > 0)"
