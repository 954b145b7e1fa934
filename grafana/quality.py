"""The Call quality dashboard: how long calls last and ring, and how legs, bridges and recordings are."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.details import bands_of_details
from grafana.panels import Query, distribution, graph, over_minutes, tile
from grafana.promql import (
    ANSWERED_SHARE,
    IN_PROGRESS,
    RATE_WINDOW,
    highest,
    lowest,
    once,
    quantile,
    select,
    total,
)
from grafana.style import ANSWERED, NOT_LISTED, Words
from grafana.supervisor import longest_ring

_LASTED = select("exotel_active_call_duration_seconds_bucket", IN_PROGRESS)
_NO_ANSWER = "No call was answered or given up recently"
_NO_END = "No call ended recently"


def quality() -> models.Dashboard:
    """The dashboard, ready to be written."""
    return board(
        uid="exotel-quality",
        title="Exotel / Call quality",
        description="How long calls last and ring, how many are answered, and the state of their legs, "
        "bridges and recordings. Beside each figure from the details of calls is the share of calls "
        "inspected.",
        bands=[
            Band(9, [_distribution(), _durations()]),
            Band(8, [(_answered_now(), longest_ring()), _ringing(), _answered()], [4, 10, 10]),
            Band(8, [_ended_durations(), _ended()]),
            *bands_of_details(),
        ],
    )


def _distribution() -> models.Panel:
    words = Words(
        "Durations of calls in progress",
        "How many calls in progress have lasted how long: the stronger the shade, the more. A rising band "
        "is calls that don't end; a floor with nothing above it is calls that drop at once.",
        NOT_LISTED,
    )
    # How things are at the moment, not a counter: it has no rate.
    return distribution(words, total(_LASTED, "le"), unit="s")


def _durations() -> models.Panel:
    words = Words(
        "How long calls in progress have lasted",
        "A longest call that rises in a straight line for hours is stuck: it costs money and a place in the "
        "limit. The dots are exemplars: they carry its call_sid; look it up and end it.",
        NOT_LISTED,
    )
    queries = [
        Query(quantile(0.5, _LASTED), "median", exemplars=True),
        Query(quantile(0.95, _LASTED), "95th percentile"),
        Query(highest(select("exotel_longest_call_duration_seconds", IN_PROGRESS)), "longest"),
    ]
    return graph(words, queries, unit="s")


def _answered_now() -> models.Panel:
    words = Words(
        "Answered share",
        "Calls answered, as a share of all that stopped ringing in the last 15 minutes, on the account with "
        "the lowest share. Low: look at agents on call, at the numbers a campaign calls, at the hours of a "
        "line.",
        _NO_ANSWER,
    )
    return tile(words, lowest(select(ANSWERED_SHARE)), unit="percentunit", scale=ANSWERED)


def _ringing() -> models.Panel:
    words = Words(
        "Ringing until answered or given up",
        "As seen from listing to listing, so only as precise as the scrape interval. Answers take longer: "
        "bring in agents. Callers give up sooner than answers come: shorten menus and queues.",
        _NO_ANSWER,
    )
    answered, unanswered = _rings('outcome="answered"'), _rings('outcome="unanswered"')
    queries = [
        Query(quantile(0.5, answered), "answered, median"),
        Query(quantile(0.95, answered), "answered, 95th percentile"),
        Query(quantile(0.5, unanswered), "unanswered, median"),
    ]
    return over_minutes(graph(words, queries, unit="s"))


def _rings(outcome: str) -> str:
    return f"rate({select('exotel_observed_ring_duration_seconds_bucket', outcome)}[{RATE_WINDOW}])"


def _answered() -> models.Panel:
    words = Words(
        "Answered share over time",
        "Calls answered, as a share of all that stopped ringing in the 15 minutes before, by account. Drops "
        "each day at the same hour: staff it. Drops at once to nothing: phones or their network are out.",
        _NO_ANSWER,
    )
    queries = [Query(once(select(ANSWERED_SHARE)), "{{account}}")]
    return graph(words, queries, unit="percentunit", scale=ANSWERED)


def _ended_durations() -> models.Panel:
    words = Words(
        "How long ended calls had lasted",
        "When they were last seen; calls shorter than the scrape interval are not included. Shorter than "
        "usual: calls drop, or a bot gives up. Longer: agents lack an answer.",
        _NO_END,
    )
    buckets = f"rate({select('exotel_observed_call_duration_seconds_bucket')}[{RATE_WINDOW}])"
    queries = [
        Query(quantile(0.5, buckets), "median"),
        Query(quantile(0.95, buckets), "95th percentile"),
    ]
    return over_minutes(graph(words, queries, unit="s"))


def _ended() -> models.Panel:
    words = Words(
        "Calls ended a second, by last status",
        "The status in which calls were last seen: an answered one ends in-progress or completed. Many that "
        "end queued or ringing gave up: see the answered share above.",
        NOT_LISTED,
    )
    ended = total(f"rate({select('exotel_observed_calls_ended_total')}[{RATE_WINDOW}])", "status")
    return over_minutes(graph(words, [Query(ended, "{{status}}")], unit="cps", stacked=True))
