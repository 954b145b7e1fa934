"""What alerts compare with: each number once, with what it counts and what holds unless a user sets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a threshold is recorded of."""

    ALL = "all"
    ACCOUNT = "account"
    DIRECTION = "account_direction"


@dataclass(frozen=True, slots=True)
class Usual:
    """A number that follows from what is usual for an account."""

    promql: str
    words: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that alerts compare with."""

    name: str
    """As a user's own record has it after `own:`."""
    counts: str
    """What it is a number of."""
    number: float | None = None
    """What holds unless a user sets it, and where nothing is known to be usual."""
    usual: Usual | None = None
    level: Level = Level.ACCOUNT
    series: str = ""
    """By direction: what is compared with it."""

    @property
    def own(self) -> str:
        """Return the name of a user's own record of it."""
        return f"own:{self.name}"

    @property
    def record(self) -> str:
        """Return the name under which it is recorded."""
        return f"{self.level}:{self.name}"

    @property
    def default(self) -> str:
        """Return in words what holds unless a user sets it."""
        number = "" if self.number is None else f"{self.number:g}"
        words = self.usual.words if self.usual else ""
        return f"{words}; {number} until that is known" if words and number else words or number


def _known(figure: str, labels: str = "account") -> str:
    """Return what is usual, as it was last known within a day."""
    return f"max by ({labels}) (last_over_time({figure}[1d]))"


def _figure(figure: str, labels: str = "account") -> str:
    return _known(f'account_figure:exotel_figure:usual{{figure="{figure}"}}', labels)


def _above_usual_share(figure: str) -> Usual:
    """Return the room that a share of calls with a fault has above what is usual at this time of day."""
    return Usual(
        f"{_usual_share(figure)} + clamp({_varies(figure)}, 0.05, 0.3)",
        "usual share at this time of day, plus 0.05 to 0.3: more where it varies",
    )


def _above_usual_share_of_inspected(figure: str) -> Usual:
    """Return the same for a share of the inspected calls, which varies by chance where these are few."""
    chance = f'max by (account) (account_figure:exotel_share:chance{{figure="{figure}"}})'
    return Usual(
        f"{_usual_share(figure)} + clamp({chance} > {_varies(figure)} or {_varies(figure)}, 0.05, 0.3)",
        "usual share at this time of day, plus 0.05 to 0.3: more where it varies or few calls are inspected",
    )


def _usual_share(figure: str) -> str:
    return f'max by (account) (account_figure:exotel_share:usual{{figure="{figure}"}})'


def _varies(figure: str) -> str:
    return f"3.3 * {_figure(figure)}"


_BY_DIRECTION = "account, direction"

SECTIONS: dict[str, Sequence[Threshold]] = {
    "The exporter": [
        Threshold(
            "exotel_exporter_up:threshold",
            "share of an exporter's scrapes in 5 minutes that are answered, at least",
            0.5,
            level=Level.ALL,
        ),
        Threshold(
            "exotel_exporter_config_last_reload_successful:threshold",
            "whether the configuration was last read without an error, 1 or 0, at least",
            1,
            level=Level.ALL,
        ),
        Threshold(
            "exotel_clock_ahead_seconds:threshold",
            "seconds that an exporter's clock is ahead",
            5,
            level=Level.ALL,
        ),
        Threshold(
            "exotel_exporter_collections_put_off:threshold",
            "share of the collections due in 5 minutes that were put off",
            0.05,
            level=Level.ALL,
        ),
        Threshold("exotel_watched:threshold", "whether the account is to be watched: 1, or NaN if not", 1),
        Threshold(
            "exotel_collections_succeeded:threshold",
            "share of the collections of 5 minutes that succeed, at least",
            0.5,
        ),
        Threshold(
            "exotel_credentials_refused:threshold",
            "collections in 5 minutes that are refused for their credentials",
            1,
        ),
        Threshold("exotel_collections_incomplete:threshold", "incomplete listings in 15 minutes", 3),
        Threshold("exotel_snapshot_unseen_calls:minimum", "calls that the API reports but doesn't list", 3),
        Threshold(
            "exotel_snapshot_unseen_calls:threshold", "share of the calls reported that aren't listed", 0.02
        ),
        Threshold(
            "exotel_observed_calls_returned:minimum",
            "calls in 15 minutes that one listing missed and the next one had again",
            5,
        ),
        Threshold(
            "exotel_observed_calls_returned:threshold",
            "share of the calls of all listings of 15 minutes that were missed",
            0.001,
        ),
        Threshold(
            "exotel_sustainable_interval_seconds:threshold",
            "seconds between scrapes: the scrape_interval of prometheus.yml",
            15,
        ),
        Threshold(
            "exotel_requests_rate_limited:threshold", "requests in 10 minutes that are answered with 429", 5
        ),
        Threshold("exotel_unknown_values:threshold", "unknown values of one field in 15 minutes", 20),
    ],
    "Load": [
        Threshold(
            "exotel_calls_reported_deviation:threshold",
            "how far the API's own number may be off, as a share of the listed calls, to replace a listing",
            0.05,
        ),
        Threshold(
            "exotel_blocking_probability_ratio:warning",
            "share of calls refused, at the load of the last hour",
            0.01,
            Usual(
                f"clamp(2 * {_known('account_figure:exotel_figure:top')}, 0.01, 0.05)",
                "2 times the share of the worst hours of the week, between 0.01 and 0.05",
            ),
        ),
        Threshold(
            "exotel_blocking_probability_ratio:critical",
            "share of calls refused, at the load of the last hour",
            0.05,
        ),
        Threshold(
            "exotel_active_calls_per_call_limit:minimum", "share of the limit in use, for a prediction", 0.5
        ),
        Threshold(
            "exotel_active_calls_per_call_limit:threshold",
            "share of the limit that is reached in every 2 minutes",
            1,
        ),
        Threshold(
            "exotel_active_calls:minimum", "calls at a time that are usual, for a comparison with them", 10
        ),
        Threshold(
            "exotel_active_calls_per_usual:low",
            "share of the usual calls",
            usual=Usual(
                f"clamp_max(0.7 * {_figure('calls_per_usual_low')}, 0.65)",
                "0.7 times the share that it seldom falls below, 0.65 at most",
            ),
        ),
        Threshold(
            "exotel_active_calls_per_usual:high",
            "calls, as a multiple of the usual ones",
            usual=Usual(
                f"clamp_min(1.25 * {_figure('calls_per_usual_high')}, 3)",
                "1.25 times the multiple that it seldom exceeds, 3 at least",
            ),
        ),
        Threshold(
            "exotel_active_calls_per_usual:rising",
            "calls, as a multiple of the usual ones, for a prediction",
            usual=Usual(
                f"clamp_min(1.2 * {_figure('calls_per_usual_high')}, 1.25)",
                "1.2 times the multiple that it seldom exceeds, 1.25 at least",
            ),
        ),
        Threshold(
            "exotel_agent_streams_per_limit:threshold", "share of the AgentStream sessions allowed", 0.9
        ),
    ],
    "Calls": [
        Threshold(
            "exotel_observed_calls_started:minimum",
            "calls of a direction that usually start in 8 minutes, for none to mean something",
            20,
        ),
        Threshold("exotel_callers_waiting:minimum", "inbound calls queued or ringing", 3),
        Threshold(
            "exotel_observed_rings_answered:minimum",
            "inbound calls usually answered in 30 minutes, for none in 2 to mean something",
            70,
        ),
        Threshold(
            "exotel_observed_longest_ring_seconds:threshold",
            "seconds that a call is queued or ringing",
            usual=Usual(
                f"clamp_min(2 * {_figure('longest_ring', _BY_DIRECTION)}, 180)",
                "twice the longest wait that is usual, 180 at least",
            ),
            level=Level.DIRECTION,
            series="account_direction:exotel_observed_longest_ring_seconds:last2m",
        ),
        Threshold(
            "exotel_observed_rings:minimum",
            "calls of a direction that rang in 15 minutes, for a share to mean something",
            20,
        ),
        Threshold(
            "exotel_observed_rings_answered:threshold",
            "share of a direction's calls that rang in 15 minutes and were answered, at least",
            usual=Usual(f"0.75 * {_figure('answered', _BY_DIRECTION)}", "0.75 times the usual share"),
            level=Level.DIRECTION,
            series="account_direction:exotel_observed_rings_answered:ratio15m",
        ),
        Threshold(
            "exotel_calls_without_agent:minimum",
            "calls of a direction in progress, for a share to mean something",
            5,
        ),
        Threshold(
            "exotel_calls_without_agent:threshold",
            "share of a direction's calls in progress that have no agent",
            usual=Usual(
                f"0.3 + 1.2 * {_figure('without_agent', _BY_DIRECTION)}",
                "1.2 times the usual share, and 0.3 more",
            ),
            level=Level.DIRECTION,
            series="account_direction:exotel_calls_without_agent:ratio3m",
        ),
        Threshold(
            "exotel_long_calls:minimum",
            "calls longer than an hour, on average over 10 minutes: more than that",
            1,
        ),
        Threshold(
            "exotel_long_calls:threshold",
            "share of the calls in progress that are longer than an hour",
            usual=_above_usual_share("long_calls"),
        ),
        Threshold(
            "exotel_longest_call_duration_seconds:threshold",
            "seconds that a call lasts; Exotel itself ends calls after 4 hours",
            14400,
            Usual(
                f"clamp(4 * {_figure('longest_call')}, 3600, 14400)",
                "4 times the longest call that is usual, between 3600 and 14400",
            ),
        ),
        Threshold("exotel_agents_on_call:minimum", "agents usually on call, for none to mean something", 3),
    ],
    "Quality": [
        Threshold(
            "exotel_recording_enabled_calls:minimum",
            "calls in progress, for a share to mean something",
            5,
        ),
        Threshold(
            "exotel_recording_enabled_calls:threshold",
            "share of the calls in progress that are recorded, at least; your target, if you have one",
            usual=Usual(f"0.7 * {_figure('recorded')}", "0.7 times the usual share"),
        ),
        Threshold(
            "exotel_stream_calls:minimum",
            "calls with the fault, on average over 10 minutes: more than that, as a single one wakes nobody",
            1,
        ),
        Threshold(
            "exotel_stream_recording_mismatch_calls:threshold",
            "share of the inspected calls that aren't recorded as listed",
            usual=_above_usual_share_of_inspected("mismatch"),
        ),
        Threshold(
            "exotel_stream_calls_with_one_leg:threshold",
            "share of the inspected calls that have one leg",
            usual=_above_usual_share_of_inspected("one_leg"),
        ),
        Threshold(
            "exotel_stream_calls_without_bridge:threshold",
            "share of the inspected calls that have no bridge",
            usual=_above_usual_share_of_inspected("no_bridge"),
        ),
        Threshold(
            "exotel_stream_all_muted_calls:threshold",
            "share of the inspected calls in which every leg is muted",
            usual=_above_usual_share_of_inspected("all_muted"),
        ),
        Threshold(
            "exotel_stream_longest_hold_seconds:threshold",
            "seconds that somebody is on hold",
            480,
            Usual(
                f"clamp_min(2 * {_figure('longest_hold')}, 480)",
                "twice the longest hold that is usual, 480 at least",
            ),
        ),
    ],
    "Agents": [
        Threshold("exotel_agents_multiple_calls:minimum", "agents on several calls", 2),
        Threshold(
            "exotel_agents_multiple_calls:threshold",
            "share of the agents on call who are on several calls",
            usual=_above_usual_share("several_calls"),
        ),
    ],
}

THRESHOLDS: Sequence[Threshold] = [threshold for section in SECTIONS.values() for threshold in section]
