"""The Load dashboard: how many calls there are, against how many there may be."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.panels import Column, Figure, Label, Query, columns, counted_tile, graph, tile
from grafana.promql import (
    CALLS_STARTED,
    CONCURRENT_CALLS,
    CONCURRENT_CALLS_BY_DIRECTION,
    LISTED_ACCOUNTS,
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
    BLOCKING,
    FULL,
    GOOD,
    NO_AGENT_STREAMS,
    NO_ESTIMATE,
    NO_LIMIT,
    NO_LINES,
    NO_LOAD,
    NOT_COUNTED,
    NOT_LISTED,
    NOT_SCRAPED,
    OF_AGENT_STREAMS,
    WARNING,
    Scale,
    Words,
)

#: Erlangs are the mean number of calls at a time, over the hour as telephony reckons it. Looked at every two
#: minutes, as each point of a graph reads its whole hour.
ERLANGS = f"avg_over_time({select(CONCURRENT_CALLS)}[1h:2m])"

#: Calls that are over may linger in the list.
_ENDED = "completed|failed|busy|no-answer|canceled"

_LIMIT = once(select("exotel_call_limit"))
_BLOCKING = f"max by (account) ({select('exotel_blocking_probability_ratio')})"
_LINES_NEEDED = f"max by (account) ({select('exotel_lines_needed')})"
_SHARE = f"max by (account) ({select(SHARE_OF_LIMIT)})"


def load() -> models.Dashboard:
    """The dashboard, ready to be written."""
    return board(
        uid="exotel-load",
        title="Exotel / Load",
        description="Concurrent calls against the limit of each account.",
        bands=[
            Band(
                4,
                [_calls_now(), share_of_limit(), _refused(), _lines_short(), _headroom(), accounts_listed()],
            ),
            Band(8, [_shares(), _blocking()]),
            Band(8, [_against_last_week(), _capacity()]),
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


def share_of_limit() -> models.Panel:
    """The share of the limit in use, as bad as the share of calls that it makes Exotel refuse."""
    words = Words(
        "Share of the limit",
        "Slots in use on the fullest account, as a share of its limit; estimated from the API's own number "
        "of calls where a listing is incomplete. The colour: how many further calls are refused, at the "
        "load of the last hour. Orange, more than 1%; red, more than 5%; the fullest of those accounts is "
        "shown. Slow down campaigns, or ask Exotel for a higher limit; Load says how much higher.",
        NO_LIMIT,
    )
    states = {
        "more than 5% refused": f"{_SHARE} and on (account) {_BLOCKING} > 0.05",
        "more than 1% refused": f"{_SHARE} and on (account) {_BLOCKING} > 0.01",
        "few refused": f"{_SHARE} and on (account) {_BLOCKING}",
        "refusals not known": _SHARE,
    }
    share = " or on () ".join(
        f"label_replace(max({shares}), 'state', '{state}', '', '')" for state, shares in states.items()
    )
    return tile(words, share, unit="percentunit", coloured_by=[*states])


def _calls_now() -> models.Panel:
    words = Words(
        "Concurrent calls",
        "Calls that count against the limit now, of all selected accounts together; as the API reports them "
        "where a listing is incomplete. Unusual for the hour? See which direction, status or line changed.",
        NOT_COUNTED,
    )
    return tile(words, total(select(CONCURRENT_CALLS)), unit="short")


def _refused() -> models.Panel:
    words = Words(
        "Calls refused",
        "Share of new calls for which no line is free (Erlang B: the load of the last hour against the "
        "limit), on the account with the highest. Above 1%, slow down campaigns or ask Exotel for a higher "
        "limit.",
        NO_LOAD,
    )
    return tile(words, highest(_BLOCKING), unit="percentunit", scale=BLOCKING)


def _lines_short() -> models.Panel:
    words = Words(
        "Lines short",
        "How many lines the limit is short of what the load of the last hour needs, for no more calls "
        "refused than metrics.grade_of_service allows, on the account that lacks most. Below 0: so many to "
        "spare. Above 0 day after day: ask Exotel for that many more.",
        NO_LOAD,
    )
    return tile(words, highest(f"{_LINES_NEEDED} - {_LIMIT}"), unit="short", scale=Scale(GOOD, {1: WARNING}))


def _headroom() -> models.Panel:
    words = Words(
        "Headroom",
        "Slots of the limit that are free, on the account with the fewest, estimated where a listing is "
        "incomplete. At 0, calls are refused; below 0, call_limit or call_slots is not what the plan says.",
        NO_LIMIT,
    )
    room = f"{_LIMIT} - {once(select(SLOTS_USED))}"
    return tile(words, lowest(room), unit="short", scale=Scale(BAD, {1: GOOD}))


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
        "listed, or else as the API reported them. How many lines that needs is shown under capacity.",
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


def _shares() -> models.Panel:
    words = Words(
        "Share of the limit, by account",
        "Slots in use as a share of the limit, which is the dashed line. A flat top at the line: calls are "
        "being refused. As reported: the listing is incomplete, and this is estimated from the API's own "
        "number of calls, which agreed with listings before. A gap: not even that is known; see Exporter.",
        NO_LIMIT,
    )
    queries = [
        Query(_SHARE, "{{account}}"),
        Query(f"{once(select(SLOTS_AS_REPORTED))} / ({_LIMIT} > 0)", "{{account}} as reported"),
    ]
    return graph(words, queries, unit="percentunit", scale=FULL)


def _blocking() -> models.Panel:
    words = Words(
        "Calls refused, by account",
        "Share of new calls for which no line is free: Erlang B, for calls that come independently of one "
        "another, at the mean load of the hour before. Above the lower line in the busy hour: plan a higher "
        "limit. A campaign's calls come in bursts: more of those are refused; spread them.",
        NO_LOAD,
    )
    return graph(words, [Query(_BLOCKING, "{{account}}")], unit="percentunit", scale=BLOCKING)


def _capacity() -> models.Panel:
    words = Words(
        "Capacity",
        "What each account uses of its limit, what share of new calls is refused at the load of the last "
        "hour, and how many lines that load needs for metrics.grade_of_service. More than the limit: ask "
        "Exotel for them.",
        NO_LIMIT,
    )
    shown: list[Column] = [
        Label("Account", "account"),
        Figure("Slots in use", f"{once(select(SLOTS_USED))} and on (account) {_LIMIT}"),
        Figure("Limit", _LIMIT),
        Figure("Share", _SHARE, "percentunit"),
        Figure("Refused", _BLOCKING, "percentunit", BLOCKING),
        Figure("Lines needed", _LINES_NEEDED),
    ]
    return columns(words, shown, sort_by="Refused")


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
        "time last week. Where listings were incomplete, as the API reported it. To plan lines and agents, "
        "take the busiest hour of the week.",
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
