"""The Load dashboard: how many calls there are, against how many there may be."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.capacity import (
    calls_refused,
    capacity,
    headroom,
    lines_short,
    refusals,
    share_of_limit,
    shares_of_limit,
)
from grafana.panels import Query, counted_tile, graph, tile
from grafana.promql import (
    CALLS_STARTED,
    CONCURRENT_CALLS,
    CONCURRENT_CALLS_BY_DIRECTION,
    LISTED_ACCOUNTS,
    ON_CHOSEN_LINES,
    SHARE_OF_AGENT_STREAMS,
    SLOTS_USED,
    highest,
    once,
    select,
    total,
    week_before,
)
from grafana.style import (
    BAD,
    FULL,
    NO_AGENT_STREAMS,
    NO_ESTIMATE,
    NO_LINES,
    NOT_COUNTED,
    NOT_LISTED,
    NOT_SCRAPED,
    OF_AGENT_STREAMS,
    Words,
)

#: Erlangs are the mean number of calls at a time, over the hour as telephony reckons it. Looked at every two
#: minutes, as each point of a graph reads its whole hour.
ERLANGS = f"avg_over_time({select(CONCURRENT_CALLS)}[1h:2m])"

#: Calls that are over may linger in the list.
_ENDED = "completed|failed|busy|no-answer|canceled"


def load() -> models.Dashboard:
    """The dashboard, ready to be written."""
    tiles = [_calls_now(), share_of_limit(), calls_refused(), lines_short(), headroom()]
    return board(
        uid="exotel-load",
        title="Exotel / Load",
        description="Concurrent calls against the limit of each account.",
        bands=[
            Band(4, [*tiles, accounts_listed()]),
            Band(8, [shares_of_limit(), refusals()]),
            Band(8, [_against_last_week(), capacity()]),
            Band(8, [_by_direction(), calls_by_status(), _by_line()]),
            Band(8, [(_erlangs_now(), _peak()), _erlangs(), _started()], widths=[4, 10, 10]),
            Band(8, [_agent_streams_now(), _agent_streams(), _estimates()], widths=[4, 10, 10]),
        ],
    )


def accounts_listed() -> models.Panel:
    """How many of the selected accounts the totals are of."""
    words = Words(
        "Accounts listed",
        "Totals are of the accounts that an exporter lists, of all that any exporter has. Fewer than all: "
        "totals lack the calls of the others; Exporter shows why.",
        NOT_SCRAPED,
    )
    return counted_tile(words, LISTED_ACCOUNTS, otherwise=BAD)


def _calls_now() -> models.Panel:
    words = Words(
        "Concurrent calls",
        "Calls that count against the limit now, of all selected accounts together; as the API reports them "
        "where a listing is incomplete. Unusual for the hour? See which direction, status or line changed.",
        NOT_COUNTED,
    )
    return tile(words, total(select(CONCURRENT_CALLS)), unit="short")


def _peak() -> models.Panel:
    words = Words(
        "Peak of the day",
        "The most slots in use in the last 24 hours, of all selected accounts together, as far as calls were "
        "listed or reported. Near the limit day after day? The plan is too small.",
        "No calls counted in 24 hours",
    )
    return tile(words, f"max_over_time({total(select(SLOTS_USED))}[1d:])", unit="short")


def _erlangs_now() -> models.Panel:
    words = Words(
        "Erlangs",
        "Traffic of the last hour: the mean number of concurrent calls, including those that wait, as "
        "listed, or else as the API reported them. How many slots that needs is shown under capacity.",
        NOT_COUNTED,
    )
    return tile(words, total(ERLANGS), unit="short")


def _agent_streams_now() -> models.Panel:
    words = Words(
        "AgentStream share",
        "AgentStream (voice bot) sessions as a share of those allowed, on the fullest account. From 80% on, "
        "send fewer calls to bots or ask Exotel for more sessions.",
        NO_AGENT_STREAMS,
    )
    return tile(words, highest(select(SHARE_OF_AGENT_STREAMS)), unit="percentunit", scale=OF_AGENT_STREAMS)


def _against_last_week() -> models.Panel:
    words = Words(
        "Concurrent calls and last week",
        "All selected accounts together, as the API reports them where a listing is incomplete; the dashed "
        "line is the same time last week. Far below it in working hours: do callers reach you, and are all "
        "accounts listed? Far above: a campaign, a loop in a call flow, or news.",
        NOT_COUNTED,
    )
    calls = total(select(CONCURRENT_CALLS))
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
        "Ringing grows while in-progress stands still: nobody answers. Queued grows: agents are busy, or the "
        "limit is reached. Calls that have ended are not included.",
        NOT_LISTED,
    )
    calls = total(select("exotel_active_calls", f'status!~"{_ENDED}"'), "status")
    return graph(words, [Query(calls, "{{status}}")], unit="short", stacked=True)


def ended_calls_listed() -> models.Panel:
    """Calls that are over, but still in the list."""
    words = Words(
        "Ended calls still listed",
        "Calls in the list whose status says that they are over, by status. They don't count as concurrent. "
        "A few right after their end are normal; a level that stays: report it to Exotel.",
        "No ended call is listed",
    )
    ended = select("exotel_active_calls", f'status=~"{_ENDED}"')
    calls = f"{total(ended, 'status')} > 0"
    return graph(words, [Query(calls, "{{status}}")], unit="short")


def _by_line() -> models.Panel:
    words = Words(
        "Calls by line: ${line:text}",
        "By purpose of the ExoPhones, as configured; other is every number that isn't. A line that drops to "
        "nothing in working hours: call it. Other grows: a number is missing in the configuration.",
        NO_LINES,
    )
    calls = total(select("exotel_line_calls", ON_CHOSEN_LINES), "line")
    return graph(words, [Query(calls, "{{line}}")], unit="short", stacked=True)


def _started() -> models.Panel:
    words = Words(
        "Calls started an hour",
        "At the rate of the five minutes before, as seen from listing to listing: calls shorter than the "
        "scrape interval are not included, and after a failure all calls that started meanwhile count at "
        "once. A burst fills the limit and the queues: spread campaigns.",
        NOT_LISTED,
    )
    return graph(words, [Query(f"3600 * {once(select(CALLS_STARTED))}", "{{account}}")], unit="short")


def _erlangs() -> models.Panel:
    words = Words(
        "Traffic in Erlangs",
        "The mean number of concurrent calls over the hour before each point; the dashed line is the same "
        "time last week. Where listings were incomplete, as the API reported it. To plan the limit and the "
        "agents, take the busiest hour of the week.",
        NOT_COUNTED,
    )
    calls = total(ERLANGS)
    return graph(words, [Query(calls, "calls"), Query(week_before(calls), "last week")], unit="short")


def _agent_streams() -> models.Panel:
    words = Words(
        "AgentStream share, by account",
        "AgentStream (voice bot) sessions as a share of those allowed, which is the upper dashed line. At "
        "it, bots can't join further calls. Sessions without calls: a bot doesn't hang up.",
        NO_AGENT_STREAMS,
    )
    share = f"max by (account) ({select(SHARE_OF_AGENT_STREAMS)})"
    return graph(words, [Query(share, "{{account}}")], unit="percentunit", scale=FULL)


def _estimates() -> models.Panel:
    words = Words(
        "Estimated calls by status",
        "While no listing is complete: what the part that was seen says of all calls. The dashed lines are "
        "the 95% interval. Wide: more requests_per_minute, or a longer scrape interval; Exporter shows why "
        "listings are incomplete.",
        NO_ESTIMATE,
    )
    pairs = ("direction", "status")
    estimate = total(select("exotel_active_calls_estimate"), "status")
    # Of independent estimates the squares of the errors add up.
    error = f"sqrt(sum by (status) ({once(select('exotel_active_calls_estimate_error'), *pairs)} ^ 2))"
    queries = [
        Query(estimate, "{{status}}"),
        Query(f"clamp_min({estimate} - {error}, 0)", "{{status}} at least"),
        Query(f"{estimate} + {error}", "{{status}} at most"),
    ]
    return graph(words, queries, unit="short")
