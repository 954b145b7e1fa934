"""Building blocks of queries: what is selected, and how exporters of the same account are reduced to one."""

RATE_WINDOW = "$__rate_interval"
SHOWN_RANGE = "$__range"

#: Recorded by deploy/prometheus/rules/exotel.yml, which alone says which calls count against the limit.
CONCURRENT_CALLS = "job_instance_account:exotel_active_calls:sum"
CONCURRENT_CALLS_BY_DIRECTION = "job_instance_account_direction:exotel_active_calls:sum"
SHARE_OF_LIMIT = "job_instance_account:exotel_active_calls_per_call_limit:ratio"


def select(metric: str, *matchers: str) -> str:
    """The series of `metric` that the dashboard's variables select, narrowed by further matchers."""
    chosen = ['job=~"$job"', 'instance=~"$instance"', 'account=~"$account"', *matchers]
    return f"{metric}{{{', '.join(chosen)}}}"


def once(expr: str, *labels: str) -> str:
    """`expr` by account and `labels`, counted once however many exporters watch the account."""
    by = ", ".join(("account", *labels))
    return f"max by ({by}) (sum by ({by}, job, instance) ({expr}))"
