"""Building blocks of queries: what is selected, and how exporters and accounts are reduced to one figure."""

import re

RATE_WINDOW = "$__rate_interval"
POINT_INTERVAL = "$__interval"
SHOWN_RANGE = "$__range"

# Recorded by deploy/prometheus/rules, which alone say what counts against the limit, and when the number that
# the API reports replaces a listing that fails.
CONCURRENT_CALLS = "job_instance_account:exotel_active_calls:sum_or_reported"
SLOTS_USED = "job_instance_account:exotel_call_slots_used:sum_or_reported"
SLOTS_AS_REPORTED = "job_instance_account:exotel_call_slots_used:fallback"
CONCURRENT_CALLS_BY_DIRECTION = "job_instance_account_direction:exotel_active_calls:sum"
SHARE_OF_LIMIT = "job_instance_account:exotel_active_calls_per_call_limit:ratio"
CALLS_RETURNED = "job_instance_account:exotel_observed_calls_returned:ratio_increase15m"
CALLS_STARTED = "job_instance_account:exotel_observed_calls_started:rate5m"
ANSWERED_SHARE = "job_instance_account:exotel_observed_rings_answered:ratio_rate15m"
RECORDED_SHARE = "job_instance_account:exotel_recording_enabled_calls:ratio"
DETAILS_COVERAGE = "job_instance_account:exotel_stream_inspected_calls:ratio"
SHARE_OF_AGENT_STREAMS = "job_instance_account:exotel_agent_streams_per_limit:ratio"

# How inbound callers are served, in the half hour before; also with job_instance_account_line.
SERVICE_LEVEL = "job_instance_account:exotel_service_level:ratio_rate30m"
SPEED_OF_ANSWER = "job_instance_account:exotel_speed_of_answer_seconds:mean30m"
ABANDONED_SHARE = "job_instance_account:exotel_abandoned_calls:ratio_rate30m"
HANDLING_TIME = "job_instance_account:exotel_handling_seconds:mean30m"

IN_PROGRESS = 'status="in-progress"'
WAITING = 'status=~"queued|ringing"'
INBOUND = 'direction="inbound"'
WAS_ANSWERED, WAS_UNANSWERED = 'outcome="answered"', 'outcome="unanswered"'
ON_CHOSEN_LINES = 'line=~"$line"'


def select(metric: str, *matchers: str) -> str:
    """The series of `metric` that the dashboard's variables select, narrowed by further matchers."""
    return _selected(metric, 'account=~"$account"', *matchers)


def select_own(metric: str, *matchers: str) -> str:
    """The series of a metric that only exporters have, of themselves."""
    return _selected(metric, *matchers)


def _selected(metric: str, *matchers: str) -> str:
    chosen = ['job=~"$job"', 'instance=~"$instance"', *matchers]
    return f"{metric}{{{', '.join(chosen)}}}"


def of_exporters(metric: str, *matchers: str) -> str:
    """A metric that any program has, such as its memory, of the exporters alone, those now down included."""
    # Looked for now, and every twenty minutes of the day before: each point of a graph reads the whole day.
    exporters = _selected("exotel_exporter_build_info")
    known = f"({exporters} or last_over_time({exporters}[1d:20m]))"
    return f"{_selected(metric, *matchers)} and on (job, instance) {known}"


def of_scrapes(metric: str) -> str:
    """What Prometheus says of scrapes, such as `up`, of the exporters alone, those that are down included.

    An account that is probed at an exporter has its job and instance, but is a target with a label `account`.
    """
    return of_exporters(metric, 'account=""')


def once(expr: str, *labels: str) -> str:
    """`expr` by account and `labels`, counted once however many exporters watch the account."""
    by = ", ".join(("account", *labels))
    return f"max by ({by}) (sum by ({by}, job, instance) ({expr}))"


def total(expr: str, *labels: str) -> str:
    """The sum of all selected accounts of which it is known, by `labels`.

    LISTED_ACCOUNTS says beside it of how many it is.
    """
    return f"sum by ({', '.join(labels)}) ({once(expr, *labels)})" if labels else f"sum({once(expr)})"


def out_of(some: str, every: str) -> str:
    """One series whose label `counted` says how many of how many, such as `19 of 20`."""
    counted = f"count_values('some', {some}) * on () group_left (every) count_values('every', {every})"
    return f"label_join({counted}, 'counted', ' of ', 'some', 'every')"


_UP = f"max by (account) ({select('exotel_up')})"
#: Accounts that an exporter lists, of those that any has: one that is taken out isn't missed.
LISTED_ACCOUNTS = out_of(f"sum({_UP})", f"count({_UP})")


def risen(counter: str) -> str:
    """By how much a counter has risen since the point before; absent where its exporter restarted meanwhile.

    For counters of many series: increase() reads every scrape of the range, this two a point.
    """
    return f"({counter} - {counter} offset {POINT_INTERVAL} >= 0)"


def highest(expr: str) -> str:
    """The highest value of all selected accounts of which it is known."""
    return f"max({expr})"


def lowest(expr: str) -> str:
    """The lowest value of all selected accounts of which it is known."""
    return f"min({expr})"


def quantile(share: float, buckets: str) -> str:
    """The seconds that this share of what the buckets hold doesn't exceed, all accounts together."""
    return f"histogram_quantile({share}, {total(buckets, 'le')})"


def week_before(expr: str) -> str:
    """What `expr` was at the same time last week."""
    return re.sub(r"\}(\[[^]]*\])?", r"\g<0> offset 1w", expr)


def by_line(recorded: str) -> str:
    """The name under which what is recorded by account is recorded by line."""
    return recorded.replace("job_instance_account:", "job_instance_account_line:")


def named(expr: str, *key: str) -> str:
    """`expr` by agent, distinguished by `key`, with the names of agents where they are exported."""
    names = f"max by (account, agent_id, agent_name) ({select('exotel_agent_info')})"
    one_name = f"topk by (account, agent_id) (1, {names})"
    with_name = f"({expr}) * on (account, agent_id) group_left (agent_name) {one_name}"
    return f"({with_name}) or on (account, {', '.join(key)}) ({expr})"
