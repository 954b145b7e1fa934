"""The Load dashboard: how many calls there are, against how many there may be."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.promql import (
    CONCURRENT_CALLS,
    CONCURRENT_CALLS_BY_DIRECTION,
    RATE_WINDOW,
    SHARE_OF_LIMIT,
    SHOWN_RANGE,
    once,
    select,
)
from grafana.style import BAD, GOOD, WARNING, Query, Scale, Words, graph, tile

NO_CALLS = "No listing: see Collection"
NO_LIMIT = "No call_limit configured"
NOT_SCRAPED = "Not scraped"

IN_PROGRESS = 'status="in-progress"'


def load() -> models.Dashboard:
    """The dashboard, ready to be written."""
    return board(
        uid="exotel-load",
        title="Exotel / Load",
        description="Concurrent calls against the limit of each account.",
        bands=[
            Band(4, [_calls_now(), _share(), _headroom(), _peak(), _agents_now(), _collection()]),
            Band(8, [_against_limit()]),
            Band(8, [_by_direction(), _by_status(), _agents_beside_calls()]),
            Band(8, [_durations(), _failures()]),
        ],
    )


def _calls_now() -> models.Panel:
    words = Words(
        "Concurrent calls",
        "Calls that count against the limit now, all selected accounts together. Far from what the hour "
        "usually brings? See below which direction changed.",
        NO_CALLS,
    )
    return tile(words, f"sum({once(select(CONCURRENT_CALLS))})", unit="short")


def _share() -> models.Panel:
    words = Words(
        "Share of the limit",
        "Of the fullest of the selected accounts. From 80% on, slow down campaigns or ask Exotel for a "
        "higher limit; at 100% further calls are refused.",
        NO_LIMIT,
    )
    scale = Scale(GOOD, {0.8: WARNING, 0.9: BAD})
    return tile(words, f"max({select(SHARE_OF_LIMIT)})", unit="percentunit", scale=scale)


def _headroom() -> models.Panel:
    words = Words(
        "Headroom",
        "Calls that can still be made, on the account with the least room. Below 10, hold back outbound "
        "calls; below 0, the configured call_limit is not the real one.",
        NO_LIMIT,
    )
    room = f"{once(select('exotel_call_limit'))} - {once(select(CONCURRENT_CALLS))}"
    return tile(words, f"min({room})", unit="short", scale=Scale(BAD, {1: WARNING, 10: GOOD}))


def _peak() -> models.Panel:
    words = Words(
        "Peak in the shown range",
        "The most concurrent calls in the shown range; of several accounts, the sum of their peaks. Near the "
        "limit day after day? The plan is too small.",
        NO_CALLS,
    )
    peak = f"max_over_time({select(CONCURRENT_CALLS)}[{SHOWN_RANGE}])"
    return tile(words, f"sum({once(peak)})", unit="short")


def _agents_now() -> models.Panel:
    words = Words(
        "Agents on call",
        "Agents who are on a call now. Far below the calls in progress? Callers wait, or talk to a bot: "
        "compare agents and calls below.",
        NO_CALLS,
    )
    return tile(words, f"sum({once(select('exotel_agents_on_call'))})", unit="short")


def _collection() -> models.Panel:
    words = Words(
        "Collection",
        "Whether every selected account was listed in full. While one fails, its call figures are missing, "
        "not zero: the reason stands under failed collections below.",
        NOT_SCRAPED,
    )
    scale = Scale(BAD, {1: GOOD}, names={"0": ("Failing", BAD), "1": ("Complete", GOOD)})
    return tile(words, f"min({once(select('exotel_up'))})", unit="none", scale=scale)


def _against_limit() -> models.Panel:
    words = Words(
        "Concurrent calls and limit",
        "Calls that count against the limit, by account; the configured limit is the dashed line. A flat top "
        "at the line means that calls are being refused. A gap is a failed collection.",
        NO_CALLS,
    )
    queries = [
        Query(once(select(CONCURRENT_CALLS)), "{{account}}"),
        Query(once(select("exotel_call_limit")), "{{account}} limit"),
    ]
    return graph(words, queries, unit="short")


def _by_direction() -> models.Panel:
    words = Words(
        "Calls by direction",
        "Who started the calls. A jump of outbound calls is a campaign, or a loop in a call flow; no inbound "
        "calls in working hours means that callers don't reach you.",
        NO_CALLS,
    )
    calls = once(select(CONCURRENT_CALLS_BY_DIRECTION), "direction")
    return graph(words, [Query(f"sum by (direction) ({calls})", "{{direction}}")], unit="short", stacked=True)


def _by_status() -> models.Panel:
    words = Words(
        "Calls by status",
        "Ringing grows while in-progress stands still: nobody answers. Queued grows: the limit is reached. "
        "Ended calls may linger in the list; they don't count against the limit.",
        NO_CALLS,
    )
    calls = once(select("exotel_active_calls"), "status")
    return graph(words, [Query(f"sum by (status) ({calls})", "{{status}}")], unit="short", stacked=True)


def _agents_beside_calls() -> models.Panel:
    words = Words(
        "Agents and calls in progress",
        "When calls in progress rise and the agents on call don't, callers wait: bring in agents.",
        NO_CALLS,
    )
    calls = once(select("exotel_active_calls", IN_PROGRESS))
    agents = once(select("exotel_agents_on_call"))
    queries = [Query(f"sum({calls})", "calls"), Query(f"sum({agents})", "agents on call")]
    return graph(words, queries, unit="short")


def _durations() -> models.Panel:
    words = Words(
        "How long calls in progress have lasted",
        "A longest call that rises in a straight line for hours is stuck: it costs money and a place in the "
        "limit. The dots are exemplars: they carry its call_sid; look it up and end it.",
        NO_CALLS,
    )
    buckets = f"sum by (le) ({once(select('exotel_active_call_duration_seconds_bucket', IN_PROGRESS), 'le')})"
    longest = select("exotel_longest_call_duration_seconds", IN_PROGRESS)
    queries = [
        Query(f"histogram_quantile(0.5, {buckets})", "median", exemplars=True),
        Query(f"histogram_quantile(0.95, {buckets})", "95th percentile"),
        Query(f"max({longest})", "longest"),
    ]
    return graph(words, queries, unit="s")


def _failures() -> models.Panel:
    words = Words(
        "Failed collections",
        "Should be empty. auth, forbidden: renew the API key. rate_limited, budget: lengthen the scrape "
        "interval. timeout, connection, server_error: Exotel, or the way to it.",
        "No failed collections",
    )
    failures = f"increase({select('exotel_collector_failures_total')}[{RATE_WINDOW}])"
    query = Query(f"{once(failures, 'reason')} > 0", "{{account}} {{reason}}")
    return graph(words, [query], unit="short")
