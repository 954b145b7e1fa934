"""How panels look: one place for colours, thresholds and the text of a panel without data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

#: What a value is worth. Nothing else is orange; what is green or red beside it is good or bad as well.
GOOD, WARNING, BAD, NEUTRAL = "green", "orange", "red", "blue"

_TEAL, _PINK, _GREY, _DARK_GREY = "#2CA7A0", "#D65DB1", "#9E9E9E", "#6B6B6B"
_UNCLEAR = {"other": _GREY, "unknown": _DARK_GREY}

#: A label's value has the same colour on every dashboard; its name stands beside it.
LABEL_COLOURS = {
    "direction": {
        "inbound": "blue",
        "outbound-api": "purple",
        "outbound-dial": _PINK,
        "outbound": _TEAL,
        **_UNCLEAR,
    },
    "status": {
        # of calls and their legs
        "queued": "yellow",
        "ringing": "light-blue",
        "in-progress": "green",
        "connected": "dark-green",
        "answered": "light-green",
        "completed": "light-purple",
        "failed": "red",
        "busy": "dark-yellow",
        "no-answer": "light-red",
        "canceled": _GREY,
        # of agents
        "available": _TEAL,
        "on-call": "purple",
        "after-call-work": "light-purple",
        "offline": _GREY,
        # of bridges
        "active": "green",
        "ended": "light-purple",
        "none": "red",
        **_UNCLEAR,
    },
    "endpoint": {"calls": "green", "streams": "blue", "agent_streams": "purple"},
    "network_type": {"pstn": "blue", "voip": _TEAL, **_UNCLEAR},
    "legs": {"0": "dark-red", "1": "red", "2": "green", "3+": "blue"},
    "channels": {"single": "light-blue", "dual": "blue", **_UNCLEAR},
    "line": {"other": _GREY},
}

#: So has a series with a name of its own.
SERIES_COLOURS = {
    "calls": "green",
    "last week": _GREY,
    "agents on call": "purple",
    "median": "light-blue",
    "95th percentile": "blue",
    "longest": _PINK,
    "answered, median": "light-green",
    "answered, 95th percentile": "green",
    "unanswered, median": "light-red",
    "muted": "yellow",
    "on hold": "light-blue",
    "all muted": "red",
    "one leg": "red",
    "no leg": "dark-red",
    "no bridge": _PINK,
    # of a share of the limit, by how many further calls are refused
    "more than 5% refused": BAD,
    "more than 1% refused": WARNING,
    "few refused": GOOD,
    "refusals not known": NEUTRAL,
}

#: Series that others are compared with are dashed, and so are those whose names end so, in these colours.
DASHED = ("last week",)
BOUNDS = (" at least", " at most")
DASHED_ENDINGS = {" as reported": WARNING, **dict.fromkeys(BOUNDS, _GREY)}

#: And codes of answers, by what they begin with; the rest are reasons why there was none.
CODE_COLOURS = {"2": "green", "3": "blue", "4": "yellow", "5": "red"}

NOT_LISTED = "No account is listed: see Exporter"
NOT_COUNTED = "No account is counted: see Exporter"
NO_WAIT = "No caller in 30 minutes"
NO_END = "No call ended recently"
NO_CALL = "No call in progress"
NOT_SCRAPED = "No exporter is scraped"


def off(key: str, otherwise: str = "None") -> str:
    """What a panel says when the option that it needs seems to be off."""
    return f"{otherwise}, or off? Set {key}"


NO_LIMIT = off("call_limit")
NO_LOAD = off("call_limit", "Not known yet")
NO_LINES = off("lines")
NO_DETAILS = off("collection.streams.enabled")
NO_HOLD = off("collection.streams.enabled", "Not known")
NO_ESTIMATE = off("collection.estimate")
NO_AGENT_STREAMS = off("collection.agent_streams")
NO_LONGEST_CALLS = off("metrics.longest_calls")
NO_AGENT = off("metrics.per_agent")


@dataclass(frozen=True)
class Words:
    """What a panel says: its title, what to do when it looks wrong, and what no data means."""

    title: str
    description: str
    no_data: str


@dataclass(frozen=True)
class Scale:
    """The colour of a value: `first`, and from each step on another. `names` shows a value as a text."""

    first: str = NEUTRAL
    steps: Mapping[float, str] = field(default_factory=dict)
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def thresholds(self) -> builders.ThresholdsConfig:
        """The scale's colours as a panel holds them."""
        steps = [models.Threshold(value=None, color=self.first)]
        steps += [models.Threshold(value=value, color=colour) for value, colour in sorted(self.steps.items())]
        return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)

    def mappings(self) -> list[models.ValueMapping]:
        """The scale's names as a panel holds them."""
        texts = {
            value: models.ValueMappingResult(text=text, color=colour)
            for value, (text, colour) in self.names.items()
        }
        return [models.ValueMap(options=texts)] if texts else []


PLAIN = Scale()

# What is too much or too little, wherever it is shown; the thresholds of alerts are among the steps.
BLOCKING = Scale(GOOD, {0.01: WARNING, 0.05: BAD})
FULL = Scale(GOOD, {1: BAD})
SERVICE = Scale(BAD, {0.6: WARNING, 0.8: GOOD})
ABANDONED = Scale(GOOD, {0.05: WARNING, 0.1: BAD})
ANSWER_TIME = Scale(GOOD, {30: WARNING, 60: BAD})
CALL_LENGTH = Scale(GOOD, {3600: WARNING, 14400: BAD})
RING_LENGTH = Scale(GOOD, {60: WARNING, 120: BAD})
AGE = Scale(GOOD, {60: WARNING, 300: BAD})
INTERVAL = Scale(GOOD, {15: BAD})
RETURNED = Scale(GOOD, {0.001: WARNING})
OF_AGENT_STREAMS = Scale(GOOD, {0.7: WARNING, 0.8: BAD})
HOLD_LENGTH = Scale(GOOD, {120: WARNING, 300: BAD})
ANSWERED = Scale(BAD, {0.5: WARNING, 0.7: GOOD})
RECORDED = Scale(BAD, {0.8: WARNING, 0.9: GOOD})
BRIDGE_SETUP = Scale(GOOD, {30: WARNING, 60: BAD})
RECORDING_LAG = Scale(GOOD, {60: WARNING})
NONE_WANTED = Scale(GOOD, {1: WARNING})
CALLS_OF_AGENT = Scale(PLAIN.first, {2: WARNING})


def colours(legend: str) -> Iterator[tuple[str, str]]:
    """The names of series that a legend makes, and their colours."""
    if legend in SERIES_COLOURS:
        yield legend, SERIES_COLOURS[legend]
    yield from LABEL_COLOURS.get(legend.strip("{}"), {}).items()
