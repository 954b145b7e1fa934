"""Building blocks of queries: what is selected, and how exporters and accounts are reduced to one figure."""

import re

RATE_WINDOW = "$__rate_interval"
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

IN_PROGRESS = 'status="in-progress"'
RINGING = 'status="ringing"'
ON_CHOSEN_LINES = 'line=~"$line"'

#: How long an account is remembered: so long its calls are missed, not thought to be none.
MEMORY = "1h"


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
    known = f"last_over_time({_selected('exotel_exporter_build_info')}[1d])"
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


#: Accounts that are listed, and those of which the number of calls is known, listed or not.
LISTED = f"{select('exotel_up')} == 1"
COUNTED = select(CONCURRENT_CALLS)


def total(expr: str, *labels: str, of: str = LISTED) -> str:
    """The sum of all selected accounts, by `labels`; none while one of the accounts isn't among `of`."""
    summed = f"sum by ({', '.join(labels)}) ({once(expr, *labels)})" if labels else f"sum({once(expr)})"
    return _whole(summed, of)


def highest(expr: str, *, of: str = LISTED) -> str:
    """The highest value of all selected accounts; none while one of the accounts isn't among `of`."""
    return _whole(f"max({expr})", of)


def lowest(expr: str, *, of: str = LISTED) -> str:
    """The lowest value of all selected accounts; none while one of the accounts isn't among `of`."""
    return _whole(f"min({expr})", of)


def quantile(share: float, buckets: str) -> str:
    """The seconds that this share of what the buckets hold doesn't exceed, all accounts together."""
    return f"histogram_quantile({share}, {total(buckets, 'le')})"


def week_before(expr: str) -> str:
    """What `expr` was at the same time last week."""
    return re.sub(r"\}(\[[^]]*\])?", r"\g<0> offset 1w", expr)


def named(expr: str, *key: str) -> str:
    """`expr` by agent, distinguished by `key`, with the names of agents where they are exported."""
    names = f"max by (account, agent_id, agent_name) ({select('exotel_agent_info')})"
    one_name = f"topk by (account, agent_id) (1, {names})"
    with_name = f"({expr}) * on (account, agent_id) group_left (agent_name) {one_name}"
    return f"({with_name}) or on (account, {', '.join(key)}) ({expr})"


def _whole(expr: str, accounts: str) -> str:
    # A sum that lacks an account looks like fewer calls: a gap is honest.
    there = f"count(count by (account) ({accounts}))"
    known = f"count(count by (account) (last_over_time({select('exotel_up')}[{MEMORY}])))"
    return f"({expr} and on () ({there} == {known}))"
