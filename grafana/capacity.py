"""What the limit of an account allows: the share in use, the calls refused, the slots that it lacks."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.panels import Query, graph, tile
from grafana.promql import SHARE_OF_LIMIT, SLOTS_AS_REPORTED, SLOTS_USED, highest, lowest, once, select
from grafana.style import BAD, BLOCKING, FULL, GOOD, NO_LIMIT, NO_LOAD, WARNING, Scale, Words
from grafana.tables import Column, Figure, Label, columns

_LIMIT = once(select("exotel_call_limit"))
_BLOCKING = f"max by (account) ({select('exotel_blocking_probability_ratio')})"
_LINES_NEEDED = f"max by (account) ({select('exotel_lines_needed')})"
_SHARE = f"max by (account) ({select(SHARE_OF_LIMIT)})"


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


def calls_refused() -> models.Panel:
    """What share of new calls is refused."""
    words = Words(
        "Calls refused",
        "Share of new calls for which no slot is free (Erlang B: the load of the last hour against the "
        "limit), on the account with the highest. Above 1%, slow down campaigns or ask Exotel for a higher "
        "limit.",
        NO_LOAD,
    )
    return tile(words, highest(_BLOCKING), unit="percentunit", scale=BLOCKING)


def lines_short() -> models.Panel:
    """How many slots the limit lacks."""
    words = Words(
        "Slots short",
        "How many slots the limit is short of what the load of the last hour needs, for no more calls "
        "refused than metrics.grade_of_service allows, on the account that lacks most. Below 0: so many to "
        "spare. Above 0 day after day: ask Exotel for that many more.",
        NO_LOAD,
    )
    return tile(words, highest(f"{_LINES_NEEDED} - {_LIMIT}"), unit="short", scale=Scale(GOOD, {1: WARNING}))


def headroom() -> models.Panel:
    """How many slots of the limit are free."""
    words = Words(
        "Headroom",
        "Slots of the limit that are free, on the account with the fewest, estimated where a listing is "
        "incomplete. At 0, calls are refused; below 0, call_limit or call_slots is not what the plan says.",
        NO_LIMIT,
    )
    room = f"{_LIMIT} - {once(select(SLOTS_USED))}"
    return tile(words, lowest(room), unit="short", scale=Scale(BAD, {1: GOOD}))


def shares_of_limit() -> models.Panel:
    """The share of the limit in use, over time."""
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


def refusals() -> models.Panel:
    """What share of new calls is refused, over time."""
    words = Words(
        "Calls refused, by account",
        "Share of new calls for which no slot is free: Erlang B, for calls that come independently of one "
        "another, at the mean load of the hour before. Above the lower line in the busy hour: plan a higher "
        "limit. A campaign's calls come in bursts: more of those are refused; spread them.",
        NO_LOAD,
    )
    return graph(words, [Query(_BLOCKING, "{{account}}")], unit="percentunit", scale=BLOCKING)


def capacity() -> models.Panel:
    """What each account uses, may use and needs."""
    words = Words(
        "Capacity",
        "What each account uses of its limit, what share of new calls is refused at the load of the last "
        "hour, and how many slots that load needs for metrics.grade_of_service. More than the limit: ask "
        "Exotel for them.",
        NO_LIMIT,
    )
    shown: list[Column] = [
        Label("Account", "account"),
        Figure("Slots in use", f"{once(select(SLOTS_USED))} and on (account) {_LIMIT}"),
        Figure("Limit", _LIMIT),
        Figure("Share", _SHARE, "percentunit"),
        Figure("Refused", _BLOCKING, "percentunit", BLOCKING),
        Figure("Slots needed", _LINES_NEEDED),
    ]
    return columns(words, shown, sort_by="Refused")
