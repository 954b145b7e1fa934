"""The Load dashboard: how many calls there are, against how many there may be."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.panels import Query, graph, tile
from grafana.promql import (
    CALLS_STARTED,
    CONCURRENT_CALLS,
    CONCURRENT_CALLS_BY_DIRECTION,
    COUNTED,
    ON_CHOSEN_LINES,
    SHARE_OF_AGENT_STREAMS,
    SHARE_OF_LIMIT,
    SLOTS_AS_REPORTED,
    SLOTS_USED,
    highest,
    lowest,
    once,
    select,
    total,
    week_before,
)
from grafana.style import (
    BAD,
    GOOD,
    NO_AGENT_STREAMS,
    NO_LIMIT,
    NO_LINES,
    NOT_COUNTED,
    NOT_LISTED,
    OF_AGENT_STREAMS,
    OF_LIMIT,
    WARNING,
    Scale,
    Words,
)

#: Erlangs are the mean number of calls at a time, over the hour as telephony reckons it.
ERLANGS = f"avg_over_time({select(CONCURRENT_CALLS)}[1h])"


def load() -> models.Dashboard:
    """The dashboard, ready to be written."""
    return board(
        uid="exotel-load",
        title="Exotel / Load",
        description="Concurrent calls against the limit of each account.",
        bands=[
            Band(4, [_calls_now(), _share(), _headroom(), _peak(), _erlangs_now(), _agent_streams_now()]),
            Band(8, [_against_limit(), _against_last_week()]),
            Band(8, [_by_direction(), calls_by_status(), _by_line()]),
            Band(8, [_started(), _erlangs(), _agent_streams()]),
        ],
        by_line=True,
    )


def _calls_now() -> models.Panel:
    words = Words(
        "Concurrent calls",
        "Calls that count against the limit now, of all selected accounts together; as the API reports them "
        "where a listing is incomplete. Unusual for the hour? See which direction, status or line changed.",
        NOT_COUNTED,
    )
    return tile(words, total(select(CONCURRENT_CALLS), of=COUNTED), unit="short")


def _share() -> models.Panel:
    words = Words(
        "Share of the limit",
        "Slots in use on the fullest of the selected accounts, as a share of its limit; estimated from the "
        "API's own number of calls where a listing is incomplete. From 80% on, slow down campaigns or ask "
        "Exotel for a higher limit; at 100% further calls are refused.",
        NO_LIMIT,
    )
    return tile(words, highest(select(SHARE_OF_LIMIT), of=COUNTED), unit="percentunit", scale=OF_LIMIT)


def _headroom() -> models.Panel:
    words = Words(
        "Headroom",
        "Slots of the limit that are free, on the account with the fewest, estimated where a listing is "
        "incomplete. Below 10, hold back outbound calls; below 0, call_limit or call_slots is not what the "
        "plan says.",
        NO_LIMIT,
    )
    room = f"{once(select('exotel_call_limit'))} - {once(select(SLOTS_USED))}"
    return tile(words, lowest(room, of=COUNTED), unit="short", scale=Scale(BAD, {1: WARNING, 10: GOOD}))


def _peak() -> models.Panel:
    words = Words(
        "Peak of the day",
        "The most slots in use in the last 24 hours, of all selected accounts together, excluding times when "
        "calls were neither listed nor reported. Near the limit day after day? The plan is too small.",
        "No calls counted in 24 hours",
    )
    return tile(words, f"max_over_time(sum({once(select(SLOTS_USED))})[1d:])", unit="short")


def _erlangs_now() -> models.Panel:
    words = Words(
        "Erlangs",
        "Traffic of the last hour: the mean number of concurrent calls, including those that wait, as "
        "listed, or else as the API reported them. Above 70% of the limit, or 35% where a call takes two "
        "slots, peaks within the hour reach it: ask for a higher one.",
        NOT_COUNTED,
    )
    return tile(words, total(ERLANGS, of=COUNTED), unit="short")


def _agent_streams_now() -> models.Panel:
    words = Words(
        "AgentStream share",
        "AgentStream (voice bot) sessions as a share of those allowed, on the fullest account. From 80% on, "
        "send fewer calls to bots or ask Exotel for more sessions.",
        NO_AGENT_STREAMS,
    )
    return tile(words, highest(select(SHARE_OF_AGENT_STREAMS)), unit="percentunit", scale=OF_AGENT_STREAMS)


def _against_limit() -> models.Panel:
    words = Words(
        "Slots in use and limit",
        "Slots that calls take of the limit, by account: one each, or as many as call_slots says; the dashed "
        "line is the limit. A flat top at the line: calls are being refused. As reported: the listing is "
        "incomplete, and this is estimated from the API's own number of calls, which agreed with listings "
        "before. A gap: not even that is known; see Exporter.",
        NOT_COUNTED,
    )
    queries = [
        Query(once(select(SLOTS_USED)), "{{account}}"),
        Query(once(select(SLOTS_AS_REPORTED)), "{{account}} as reported"),
        Query(once(select("exotel_call_limit")), "{{account}} limit"),
    ]
    return graph(words, queries, unit="short")


def _against_last_week() -> models.Panel:
    words = Words(
        "Concurrent calls and last week",
        "All selected accounts together, as the API reports them where a listing is incomplete; the dashed "
        "line is the same time last week. Far below it in working hours: do callers reach you? Far above: a "
        "campaign, a loop in a call flow, or news.",
        NOT_COUNTED,
    )
    calls = total(select(CONCURRENT_CALLS), of=COUNTED)
    return graph(words, [Query(calls, "calls"), Query(week_before(calls), "last week")], unit="short")


def _by_direction() -> models.Panel:
    words = Words(
        "Calls by direction",
        "Who started the calls. A jump of outbound calls is a campaign, or a loop in a call flow; no inbound "
        "calls in working hours means that callers don't reach you.",
        NOT_LISTED,
    )
    calls = total(select(CONCURRENT_CALLS_BY_DIRECTION), "direction")
    return graph(words, [Query(calls, "{{direction}}")], unit="short", stacked=True)


def calls_by_status() -> models.Panel:
    """What calls are doing."""
    words = Words(
        "Calls by status",
        "Ringing grows while in-progress stands still: nobody answers. Queued grows: the limit is reached. "
        "Ended calls may linger in the list; they don't count against the limit.",
        NOT_LISTED,
    )
    calls = total(select("exotel_active_calls"), "status")
    return graph(words, [Query(calls, "{{status}}")], unit="short", stacked=True)


def _by_line() -> models.Panel:
    words = Words(
        "Calls by line",
        "By purpose of the ExoPhones, as configured; other is every number that isn't. A line that drops to "
        "nothing in working hours: call it. Other grows: a number is missing in the configuration.",
        NO_LINES,
    )
    calls = total(select("exotel_line_calls", ON_CHOSEN_LINES), "line")
    return graph(words, [Query(calls, "{{line}}")], unit="short", stacked=True)


def _started() -> models.Panel:
    words = Words(
        "Calls started a second",
        "Mean of five minutes, as seen from listing to listing: calls shorter than the scrape interval are "
        "not included, and after a failure all calls that started meanwhile count at once. A burst fills "
        "the limit and the queues: spread campaigns.",
        NOT_LISTED,
    )
    return graph(words, [Query(once(select(CALLS_STARTED)), "{{account}}")], unit="cps")


def _erlangs() -> models.Panel:
    words = Words(
        "Traffic in Erlangs",
        "The mean number of concurrent calls over the hour before each point; the dashed line is the same "
        "time last week. Where listings were incomplete, as the API reported it. To plan lines and agents, "
        "take the busiest hour of the week.",
        NOT_COUNTED,
    )
    calls = total(ERLANGS, of=COUNTED)
    return graph(words, [Query(calls, "calls"), Query(week_before(calls), "last week")], unit="short")


def _agent_streams() -> models.Panel:
    words = Words(
        "AgentStream sessions and limit",
        "AgentStream (voice bot) sessions, by account; the dashed line is how many are allowed. At the "
        "line, bots can't join further calls. Sessions without calls: a bot doesn't hang up.",
        NO_AGENT_STREAMS,
    )
    queries = [
        Query(once(select("exotel_agent_streams_active")), "{{account}}"),
        Query(once(select("exotel_agent_streams_limit")), "{{account}} limit"),
    ]
    return graph(words, queries, unit="short")
