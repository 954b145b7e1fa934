"""Every metric: whose it is, type, name, HELP, labels, and most series that are 0 when nothing happened.

Those by direction and status are tallied with their zeros, as their histograms need the configured buckets.
"""

from __future__ import annotations

from functools import partial

from exporter.exotel.enums import (
    AgentStatus,
    BridgeStatus,
    Channels,
    Endpoint,
    LegDirection,
    LegStatus,
    NetworkType,
)
from exporter.exotel.errors import RETRIED, Reason
from exporter.metrics.metric import Kind, Metric

EXPORTER = "exporter"
"""The collector of the exporter's own metrics."""
_PAIR = ("direction", "status")


class _Group:
    """Makes metrics that are shown with some collectors."""

    def __init__(self, *collectors: str) -> None:
        self.gauge = partial(Metric, collectors, Kind.GAUGE)
        self.counter = partial(Metric, collectors, Kind.COUNTER)
        self.histogram = partial(Metric, collectors, Kind.HISTOGRAM)
        self.gauge_histogram = partial(Metric, collectors, Kind.GAUGE_HISTOGRAM)


_each = _Group(*Endpoint)
_calls = _Group(Endpoint.CALLS)
_streams = _Group(Endpoint.STREAMS)
_agent_streams = _Group(Endpoint.AGENT_STREAMS)
_exporter = _Group(EXPORTER)

# How each collector went

UP = _each.gauge(
    "exotel_up",
    "1 when this collection listed every readable active call; otherwise 0, and there are no call metrics.",
)
SUCCESS = _each.gauge(
    "exotel_collector_success",
    "1 when the collector's last run succeeded, 0 when it failed. Absent when there was no list of calls or "
    "no time left for it, and until it has finished.",
    ("collector",),
)
COLLECTOR_DURATION = _each.gauge(
    "exotel_collector_duration_seconds", "How long the collector's last run took.", ("collector",)
)
FAILURES = _each.counter(
    "exotel_collector_failures_total",
    "Failed runs of the collector, by reason.",
    ("collector", "reason"),
    {collector: [(collector, reason) for reason in Reason] for collector in Endpoint},
)
TIMESTAMP = _each.gauge(
    "exotel_snapshot_timestamp_seconds", "When the listing behind these metrics ended, in seconds since 1970."
)
WINDOW = _each.gauge(
    "exotel_snapshot_window_seconds",
    "How long the listing took, plus the age of the API's answers where call durations show that they were "
    "old. A call that started or ended within this window may be counted or not.",
)
LISTED = _each.gauge(
    "exotel_listed_calls",
    "Distinct calls seen in the last listing, complete or not: a lower bound while exotel_up is 0. Absent "
    "when no page was received.",
)
UNSEEN = _each.gauge(
    "exotel_snapshot_unseen_calls",
    "Calls that the API reports beyond those listed; some may have started during the listing.",
)
ORDER = _each.gauge(
    "exotel_listing_order_info",
    "Always 1. The label is the order of the list, on which the proof rests that no call was missed: start "
    "= by start time, stable = another order that calls keep, moving = calls change places in it, none. "
    "Absent while it isn't known.",
    ("order",),
)
INTERVAL = _each.gauge(
    "exotel_sustainable_interval_seconds",
    "The shortest interval that the request budget allows for listings like the last one, repeated requests "
    "included. A scrape that comes sooner gets the last snapshot again, with its timestamp.",
)
REPORTED = _each.gauge(
    "exotel_calls_reported",
    "Active calls as the API reports them (total_active), even when the listing then failed.",
)
LIMIT = _each.gauge(
    "exotel_call_limit",
    "Concurrent calls that the plan allows, as configured (call_limit). Compare with exotel_call_slots_used.",
)
REQUESTS = _each.counter(
    "exotel_api_requests_total",
    "Requests to the API; code is the HTTP status, or the reason when there was no answer, or abandoned when "
    "the exporter cancelled the request.",
    ("endpoint", "code"),
    {endpoint: [(endpoint, "200")] for endpoint in Endpoint},
)
REQUEST_DURATION = _each.histogram(
    "exotel_api_request_duration_seconds",
    "How long requests to the API took, answered or not.",
    ("endpoint",),
    {endpoint: [endpoint] for endpoint in Endpoint},
)
RETRIES = _each.counter(
    "exotel_api_retries_total",
    "Requests to the API that were repeated, by the reason why the one before failed.",
    ("endpoint", "reason"),
    {endpoint: [(endpoint, reason) for reason in reasons] for endpoint, reasons in RETRIED.items()},
)
BUDGET = _each.gauge(
    "exotel_api_budget_remaining_requests",
    "Requests left of requests_per_minute in the current minute; also 0 while the API asks for a pause.",
)
UNKNOWN = _each.counter(
    "exotel_unknown_values_total",
    "Values that were missing, unreadable or outside the known sets, counted each time one is read, by "
    'field; field="call" counts rows that could not be read.',
    ("field",),
    {
        Endpoint.CALLS: (
            *("call", "direction", "status", "duration", "recording_enabled"),
            *("agent_details", "agent_id", "agent_status", "total_active"),
        ),
        Endpoint.STREAMS: (
            *("legs", "leg_direction", "leg_status", "network_type", "audio_status", "bridge_status"),
            *("start_time", "bridge_created_at", "recording", "recording_channels", "recording_duration"),
        ),
        Endpoint.AGENT_STREAMS: ("agent_streams_limit",),
    },
)

# Active calls

ACTIVE_CALLS = _calls.gauge(
    "exotel_active_calls",
    "Concurrent calls in the last complete listing. Known directions and statuses are 0 when there are "
    "none; other = a value that the exporter doesn't know, unknown = the API gave none.",
    _PAIR,
)
SLOTS_USED = _calls.gauge(
    "exotel_call_slots_used",
    "Slots of exotel_call_limit in use by the calls of the last complete listing: for each, as many as "
    "call_slots says for its direction, otherwise one. Queued and ringing calls count in full, since the "
    "list doesn't tell whether both legs exist; calls that have ended but are still listed don't count.",
)
BLOCKING = _calls.gauge(
    "exotel_blocking_probability_ratio",
    "Share of new calls that find every slot of exotel_call_limit taken and are refused: at 0.02, two "
    "calls in a hundred. If it stays above 0.01 in the busy hours, ask Exotel for a higher limit, or "
    "spread campaigns. Refused calls aren't listed, so they can't be counted: the share follows from the "
    "limit and the load of the last hour, by Erlang's loss formula (Erlang B, 1917), with call_slots by "
    "that of Kaufman and Roberts (1981). The load is the one of which the limit leaves the mean of "
    "exotel_call_slots_used (ITU-T E.501). Calls are taken to come independently, and not again when "
    "refused. From 0.5 on the value is uncertain: the limit is nearly always full, or call_limit is lower "
    "than the plan allows. Absent without call_limit, and until there are five minutes of listings.",
)
LINES_NEEDED = _calls.gauge(
    "exotel_lines_needed",
    "How high exotel_call_limit would have to be for no more than grade_of_service of the calls to be "
    "refused at the load of the last hour. It is in slots: concurrent calls, unless call_slots says that "
    "some calls take several. If it is above exotel_call_limit in the busy hours of several days, ask "
    "Exotel for that many; if far below, there are more than enough. By the formula and the load of "
    "exotel_blocking_probability_ratio. Absent without that, and where half of the calls or more are "
    "refused (with call_slots, of those that take the most slots): a limit that is nearly always full "
    "doesn't show how many more calls there would be.",
)
CALL_DURATION = _calls.gauge_histogram(
    "exotel_active_call_duration_seconds",
    "How long the active calls have lasted so far, according to the API. It can decrease: don't use rate(). "
    "In OpenMetrics the longest call of each bucket is its exemplar.",
    _PAIR,
)
LONGEST = _calls.gauge(
    "exotel_longest_call_duration_seconds",
    "Duration so far of the longest active call; 0 when there is none, absent when the API gives no "
    "duration.",
    _PAIR,
)
RECORDED = _calls.gauge(
    "exotel_recording_enabled_calls",
    "Active calls for which the API says that recording is enabled; absent when it doesn't say.",
    _PAIR,
)
ONE_CALL = _calls.gauge(
    "exotel_call_duration_seconds",
    "Duration so far of each of the longest active calls; opt-in (longest_calls). Each call is a series of "
    "its own for as long as it is among them: keep their number small, as every new one takes storage. "
    "agent_id is none for a call without an agent.",
    ("call_sid", "agent_id", *_PAIR, "line"),
    has_known_labels=False,
)
ESTIMATE = _calls.gauge(
    "exotel_active_calls_estimate",
    "Concurrent calls estimated from a part of the list and scaled up to the total that the API reports; "
    "opt-in (estimate), and only while no listing is complete. Complete listings: exotel_active_calls.",
    _PAIR,
)
ESTIMATE_ERROR = _calls.gauge(
    "exotel_active_calls_estimate_error",
    "Half the width of the 95 % confidence interval of exotel_active_calls_estimate.",
    _PAIR,
)
LINE_CALLS = _calls.gauge(
    "exotel_line_calls",
    'Active calls by configured line (lines), whichever end of the call has its number; line="other" is all '
    "the rest. Absent for an account without lines.",
    ("line", *_PAIR),
    has_known_labels=False,
)
ON_CALL = _calls.gauge(
    "exotel_agents_on_call",
    "Distinct agents in active calls whose status is on-call; where the API gives no status, those with an "
    "in-progress call. Absent when the API says nothing about agents.",
)
AGENTS = _calls.gauge(
    "exotel_agents",
    "Distinct agents in active calls, by the status that the API gives. Agents without a call aren't listed.",
    ("status",),
    {Endpoint.CALLS: [status for status in AgentStatus if status.is_known]},
)
MULTIPLE = _calls.gauge(
    "exotel_agents_multiple_calls", "Distinct agents who are on more than one active call."
)
WITHOUT_AGENT = _calls.gauge(
    "exotel_calls_without_agent", "Active calls that the API lists without an agent.", _PAIR
)
AGENT_CALLS = _calls.gauge(
    "exotel_agent_calls",
    "Active calls of each agent who has one; opt-in (per_agent), one series per agent.",
    ("agent_id",),
    has_known_labels=False,
)
AGENT_LONGEST = _calls.gauge(
    "exotel_agent_longest_call_duration_seconds",
    "Duration so far of the agent's longest active call; opt-in (per_agent).",
    ("agent_id",),
    has_known_labels=False,
)
AGENT_INFO = _calls.gauge(
    "exotel_agent_info",
    "Always 1. The labels are the id and the name of each agent who has an active call; opt-in "
    "(agent_names), personal data.",
    ("agent_id", "agent_name"),
    has_known_labels=False,
)

# Details of single calls

STREAM_CALLS = _streams.gauge(
    "exotel_stream_calls",
    "Active calls whose details are known (inspected) or not (pending): every metric of streams covers the "
    "inspected ones only. Opt-in (streams). Details count for max_age, while the call is listed.",
    ("result",),
)
LEGS = _streams.gauge(
    "exotel_stream_legs",
    "Legs of the inspected calls.",
    ("direction", "status", "network_type"),
    {
        Endpoint.STREAMS: [
            (direction, status, network_type)
            for direction in (LegDirection.INBOUND, LegDirection.OUTBOUND)
            for status in (LegStatus.RINGING, LegStatus.ANSWERED, LegStatus.CONNECTED, LegStatus.IN_PROGRESS)
            for network_type in (NetworkType.PSTN, NetworkType.VOIP)
        ]
    },
)
MUTED = _streams.gauge("exotel_stream_legs_muted", "Legs of inspected calls that are muted.")
ON_HOLD = _streams.gauge("exotel_stream_legs_on_hold", "Legs of inspected calls that are on hold.")
LONGEST_HOLD = _streams.gauge(
    "exotel_stream_longest_hold_seconds",
    "How long the call that has been on hold longest was seen to be, from the first inspection to the last; "
    "0 when none was seen, or only once. Below 5 minutes it is absent while calls aren't inspected, or not "
    "often enough: when one may have been on hold for 5 minutes longer than was seen.",
)
BY_LEGS = _streams.gauge(
    "exotel_stream_calls_by_legs",
    "Inspected calls in progress for 10 s or more, by the number of legs that haven't ended: with one, "
    "somebody hears silence.",
    ("legs",),
    {Endpoint.STREAMS: ("0", "1", "2", "3+")},
)
ALL_MUTED = _streams.gauge(
    "exotel_stream_all_muted_calls", "Inspected calls in progress for 10 s or more whose legs are all muted."
)
BRIDGES = _streams.gauge(
    "exotel_stream_bridges",
    "Bridges of the inspected calls, by status; none = a call in progress for 10 s or more without one.",
    ("status",),
    {Endpoint.STREAMS: (BridgeStatus.ACTIVE, "none")},
)
BRIDGE_SETUP = _streams.gauge_histogram(
    "exotel_stream_bridge_setup_seconds",
    "Time from the start of the call to its bridge, for inspected calls that have one.",
)
RECORDINGS = _streams.gauge(
    "exotel_stream_recordings",
    "Recordings in progress among the inspected calls, by channels.",
    ("channels",),
    {Endpoint.STREAMS: (Channels.SINGLE, Channels.DUAL)},
)
MISMATCHES = _streams.gauge(
    "exotel_stream_recording_mismatch_calls",
    "Inspected calls in progress for 10 s or more that are listed as recorded but aren't being recorded, or "
    "the reverse.",
)
LAG = _streams.gauge_histogram(
    "exotel_stream_recording_lag_seconds",
    "By how much the recording is shorter than the call, for inspected calls that are being recorded.",
)

# Sessions of voice bots

SESSIONS = _agent_streams.gauge(
    "exotel_agent_streams_active", "AgentStream (voice bot) sessions; opt-in (agent_streams)."
)
SESSIONS_LIMIT = _agent_streams.gauge(
    "exotel_agent_streams_limit", "AgentStream sessions that are allowed, according to the API."
)

# The life of calls, as differences between complete listings show it

_UNSEEN = "Calls shorter than the time between two listings can't be seen."
STARTED = _calls.counter(
    "exotel_observed_calls_started_total",
    "Calls that appeared between complete listings, however far apart: after a failure many may appear at "
    f"once. {_UNSEEN}",
    ("direction",),
)
ENDED = _calls.counter(
    "exotel_observed_calls_ended_total",
    f"Calls that were missing from two complete listings in a row, by the last status seen. {_UNSEEN}",
    _PAIR,
)
RETURNED = _calls.counter(
    "exotel_observed_calls_returned_total",
    "Calls that were missing from one complete listing and back in the next: each proves that the first "
    "wasn't as complete as it seemed. They count neither as ended nor as started again.",
)
RING_DURATION = _calls.histogram(
    "exotel_observed_ring_duration_seconds",
    "Time from the first listing that showed a call queued or ringing to the first that showed it in "
    "progress (answered) or no more (unanswered). Calls that no listing showed waiting aren't included, nor "
    "those that rang while there was no listing for more than five minutes.",
    ("direction", "outcome"),
)
OBSERVED_DURATION = _calls.histogram(
    "exotel_observed_call_duration_seconds",
    "Last seen duration of calls that ended, unanswered ones included; not known for those that ended while "
    f"there was no listing for more than five minutes. {_UNSEEN}",
    ("direction",),
)
WAIT_DURATION = _calls.histogram(
    "exotel_observed_wait_duration_seconds",
    "How long callers waited, queued or ringing, until the call was answered or ended without an answer "
    "(abandoned), by configured line; other = a call of no line. source=start_time: exact at any scrape "
    "interval, to within exotel_snapshot_window_seconds, from start_time and duration (duration_counts_from: "
    "answer). source=listings: what happened between two listings is taken to have happened halfway, and "
    "calls that no listing showed waiting aren't included, except with duration_counts_from: start. Calls "
    "that no listing showed at all are never included, nor those that were answered before the first one.",
    ("direction", "line", "outcome", "source"),
    has_known_labels=False,
)
HANDLING_DURATION = _calls.histogram(
    "exotel_observed_handling_duration_seconds",
    "How long answered calls that ended had lasted since their answer when they were last seen, by "
    "configured line; other = a call of no line. Calls answered before the first listing are included only "
    "with duration_counts_from: answer, those that ended while there was no listing for more than five "
    f"minutes never. {_UNSEEN}",
    ("direction", "line"),
    has_known_labels=False,
)
LONGEST_RING = _calls.gauge(
    "exotel_observed_longest_ring_seconds",
    "How long the call that has waited longest has been seen queued or ringing; 0 when none is waiting.",
    ("direction",),
)

CATALOGUE = tuple(each for each in tuple(globals().values()) if isinstance(each, Metric))
"""Every metric of an account, in the order of the exposition; each has the label `account` before its own."""

# The exporter itself

BUILD_INFO = _exporter.gauge(
    "exotel_exporter_build_info",
    "Always 1. The labels are the version and the commit it was built from.",
    ("version", "revision"),
)
RELOADED = _exporter.gauge(
    "exotel_exporter_config_last_reload_successful",
    "1 when the last read of the configuration succeeded; otherwise 0, and the previous one stays active.",
)
RELOADED_AT = _exporter.gauge(
    "exotel_exporter_config_last_reload_success_timestamp_seconds",
    "When the active configuration was read, in seconds since 1970.",
)
IN_FLIGHT = _exporter.gauge(
    "exotel_exporter_collections_in_flight", "Collections in flight, except those behind this scrape."
)
WAITING = _exporter.gauge(
    "exotel_exporter_collections_waiting",
    "Collections waiting to start because the processor is busy.",
)
COLLECTIONS = _exporter.counter(
    "exotel_exporter_collections_total",
    "Collections that were due, by outcome: begun, or put_off = the processor was too busy to start it in "
    "time. The scrape then got the account's last snapshot, with its timestamp, if that was at most two "
    "minutes old; otherwise exotel_up was 0. A scrape that shares another's collection isn't counted.",
    ("outcome",),
)
HTTP_REQUESTS = _exporter.counter(
    "exotel_exporter_http_requests_total",
    "Requests that the exporter has answered, except this one, by HTTP status.",
    ("code",),
)
OWN = (BUILD_INFO, RELOADED, RELOADED_AT, IN_FLIGHT, WAITING, COLLECTIONS, HTTP_REQUESTS)
"""Every metric of the exporter itself."""
