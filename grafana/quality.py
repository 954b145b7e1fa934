"""The Call quality dashboard: how long calls last and ring, and how legs, bridges and recordings are."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.details import bands_of_details, bridges_missing, recorded_share
from grafana.load import accounts_listed
from grafana.panels import Query, distribution, graph, over, tile
from grafana.promql import (
    ANSWERED_SHARE,
    IN_PROGRESS,
    RATE_WINDOW,
    WAS_ANSWERED,
    WAS_UNANSWERED,
    highest,
    lowest,
    once,
    quantile,
    risen,
    select,
    total,
)
from grafana.service import service_bands, service_tiles
from grafana.style import ANSWERED, NO_END, NOT_LISTED, Words
from grafana.supervisor import calls_watched, longest_hold, silent

_LASTED = select("exotel_active_call_duration_seconds_bucket", IN_PROGRESS)
_NO_ANSWER = "No call was answered or given up recently"

#: Points this far apart: calls are answered and end rarely, on a small account.
_RARELY = "5m"


def quality() -> models.Dashboard:
    """The dashboard, ready to be written."""
    of_details = [silent(), longest_hold(), bridges_missing(), recorded_share()]
    return board(
        uid="exotel-quality",
        title="Exotel / Call quality",
        description="How callers are served, how long calls last and ring, how many are answered, and the "
        "state of the legs, bridges and recordings of the calls watched.",
        bands=[
            Band(4, [*service_tiles(), _answered_now()]),
            Band(4, [accounts_listed(), calls_watched(), *of_details]),
            *service_bands(),
            Band(9, [_distribution(), _durations()], title="Calls"),
            Band(8, [_ringing(), _answered()]),
            Band(8, [_ended_durations(), _ended(), _ended_unanswered()]),
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
        "limit. The dots are exemplars: their call_sid leads to Exotel's console; end it there.",
        NOT_LISTED,
    )
    queries = [
        Query(quantile(0.5, _LASTED), "median", exemplars=True),
        Query(quantile(0.95, _LASTED), "95th percentile"),
        Query(highest(select("exotel_longest_call_duration_seconds", IN_PROGRESS)), "longest"),
    ]
    return graph(words, queries, unit="dthms")


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
    answered, unanswered = _rings(WAS_ANSWERED), _rings(WAS_UNANSWERED)
    queries = [
        Query(quantile(0.5, answered), "answered, median"),
        Query(quantile(0.95, answered), "answered, 95th percentile"),
        Query(quantile(0.5, unanswered), "unanswered, median"),
    ]
    return over(_RARELY, graph(words, queries, unit="dthms"))


def _rings(outcome: str) -> str:
    return risen(select("exotel_observed_ring_duration_seconds_bucket", outcome))


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
        NO_END,
    )
    buckets = risen(select("exotel_observed_call_duration_seconds_bucket"))
    queries = [
        Query(quantile(0.5, buckets), "median"),
        Query(quantile(0.95, buckets), "95th percentile"),
    ]
    return over(_RARELY, graph(words, queries, unit="dthms"))


_UNANSWERED = "queued|ringing|failed|busy|no-answer|canceled"


def _ended() -> models.Panel:
    words = Words(
        "Answered calls ended an hour",
        "By the status in which they were last seen: an answered call ends in-progress or completed. Drops "
        "while calls in progress don't: calls don't end, see the longest of them.",
        NOT_LISTED,
    )
    return _ended_an_hour(words, f'status!~"{_UNANSWERED}"', stacked=True)


def _ended_unanswered() -> models.Panel:
    words = Words(
        "Unanswered calls ended an hour",
        "By the status in which they were last seen: queued or ringing gave up or were never picked up. They "
        "grow: look at the answered share and at the agents on call. Failed: wrong numbers, or the network.",
        NOT_LISTED,
    )
    return _ended_an_hour(words, f'status=~"{_UNANSWERED}"', stacked=False)


def _ended_an_hour(words: Words, statuses: str, *, stacked: bool) -> models.Panel:
    ended = total(f"rate({select('exotel_observed_calls_ended_total', statuses)}[{RATE_WINDOW}])", "status")
    query = Query(f"3600 * {ended}", "{{status}}")
    return over(_RARELY, graph(words, [query], unit="short", stacked=stacked))
