"""The dashboards in a real Prometheus: with everything on all have data, with it off they say what to set."""

import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests

from grafana.promql import CONCURRENT_CALLS, SLOTS_AS_REPORTED
from tests.e2e import exotel, servers
from tests.expressions import (
    Expression,
    Panel,
    all_panels,
    panel_expressions,
    substituted,
    variable_expressions,
)
from tests.offenders import offenders
from tests.tools import run
from tests.waiting import GUARD, wait_until

WEEK = 7 * 24 * 3600

NOWHERE = "127.0.0.1:9"  # alerts are not what is tested here

#: Calls come and go fast enough to be answered, held and over while the test looks; those that are over stay
#: in the list for a while.
CENTRE = ("--calls=95", "--second-calls=0.2", "--speed=5", "--flat", "--linger=5s")

#: What takes longer than the test: service is reckoned over half an hour.
SERVICE = [
    f"job_instance_account{line}:exotel_{figure}"
    for line in ("", "_line")
    for figure in (
        "service_level:ratio_rate30m",
        "abandoned_calls:ratio_rate30m",
        "speed_of_answer_seconds:mean30m",
        "handling_seconds:mean30m",
    )
]
#: What is known after five minutes of listings, or only while none is complete; and a leg that nobody took.
RARE = [
    "exotel_blocking_probability_ratio",
    "exotel_lines_needed",
    "exotel_active_calls_estimate",
    "exotel_active_calls_estimate_error",
    "exotel_stream_legs",
]


#: Only then does the API's number replace a listing; at first there may be too many calls that are over.
AGREES_WITH_THE_API = (
    "job_instance_account:exotel_calls_reported_deviation:mean1h"
    " <= on (account) group_left () account:exotel_calls_reported_deviation:threshold"
)


@pytest.fixture(scope="module")
def prometheus(generation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that watches one centre as two accounts: `full` with everything on, and `bare`.

    It remembers both from last week, and from just now what takes long. It has seen a failed collection, an
    incomplete one whose calls were reported, and values that nobody knows.
    """
    folder = tmp_path_factory.mktemp(f"dashboards-{generation}")
    with ExitStack() as stack:
        centre = stack.enter_context(exotel.simulator(folder, *CENTRE))
        full, _ = stack.enter_context(exotel.configured_exporter("full", folder, _full(centre)))
        bare, _ = stack.enter_context(exotel.configured_exporter("bare", folder, _bare(centre)))
        _remember(folder)
        url = stack.enter_context(servers.prometheus(folder, [full, bare], NOWHERE))
        _happened(url, f"count({AGREES_WITH_THE_API}) == 2")
        _trouble(centre, "status:503")
        _happened(url, 'count(exotel_collector_failures_total{collector="calls"} > 0) == 2')
        _trouble(centre, "empty_page")
        _happened(url, f"count({SLOTS_AS_REPORTED}) == 2")
        _trouble(centre, "rows")
        _happened(url, "count(count by (account) (exotel_unknown_values_total > 0)) == 2")
        _trouble(centre)
        _happened(url, "count(exotel_up == 1) == 2")
        yield url


def test_every_query_returns_data_when_everything_is_on(prometheus: str) -> None:
    """No panel and no variable asks for something that isn't there."""
    queries = [_of(query, "full") for query in (*panel_expressions(), *variable_expressions())]
    assert offenders(((query.place, query) for query in queries), partial(_seen, prometheus)) == []


def test_panels_without_data_say_what_to_set(prometheus: str) -> None:
    """With everything off a panel has data from the calls alone, or it is empty and tells the key."""

    def check(panel: Panel) -> None:
        queries = [_of(query, "bare") for query in panel.queries]
        if re.search(r"Set \w", panel.defaults["noValue"]):
            assert not any(_has_data(prometheus, query) for query in queries)
        else:
            _seen(prometheus, *queries)

    assert offenders(((panel.place, panel) for panel in all_panels()), check) == []


def _of(expression: Expression, account: str) -> Expression:
    return replace(expression, promql=substituted(expression.promql, account))


def _happened(prometheus: str, promql: str) -> None:
    _seen(prometheus, Expression("", promql))


def _seen(prometheus: str, *queries: Expression) -> None:
    """Wait until one of the expressions has data."""
    wait_until(lambda: any(_has_data(prometheus, query) for query in queries), str(queries))


def _has_data(prometheus: str, query: Expression) -> bool:
    """Whether the expression has a value: a number now, or, in a graph, at any time of the last minutes."""
    now = time.time()
    form = {"query": query.promql, "start": str(now if query.instant else now - 300), "end": str(now)}
    url, form = f"{prometheus}/api/v1/query_range", {**form, "step": "2"}
    answer = requests.post(url, data=form, timeout=GUARD).json()
    assert answer["status"] == "success", answer
    values = [float(value) for series in answer["data"]["result"] for _, value in series["values"]]
    return any(math.isfinite(value) for value in values)


def _bare(centre: str) -> dict[str, Any]:
    return {
        "accounts": [exotel.account(centre, "bare")],
        "collection": {"min_interval": "500ms", "requests_per_minute": 100000},
    }


def _full(centre: str) -> dict[str, Any]:
    config = _bare(centre)
    first, *_ = requests.get(f"{centre}/_simulator/truth", timeout=GUARD).json()["lines"]
    config["accounts"][0] |= {"name": "full", "call_limit": 100, "lines": {"sales": [first]}}
    config["collection"] |= {
        "agent_streams": True,
        "duration_counts_from": "answer",
        "streams": {"enabled": True, "max_per_scrape": 50},
    }
    config["metrics"] = {"per_agent": True, "agent_names": True, "longest_calls": 10}
    return config


def _trouble(centre: str, *faults: str) -> None:
    requests.post(f"{centre}/_simulator/faults", data=json.dumps(faults), timeout=GUARD).raise_for_status()


def _remember(folder: Path) -> None:
    """Write what Prometheus knows before it starts.

    It compares with last week, when both accounts were listed, and had calls; Erlangs are looked at every two
    minutes; and see SERVICE and, for `full` alone, RARE.
    """
    now = int(time.time())
    last_week, just_now = range(now - WEEK - 600, now - WEEK + 1800, 15), range(now - 600, now, 15)
    lines = [
        *_samples("exotel_up", "", ["full", "bare"], 1, last_week),
        *_samples(CONCURRENT_CALLS, "", ["full", "bare"], 80, [*last_week, *just_now]),
    ]
    for metric in SERVICE:
        lines += _samples(metric, ',line="sales"', ["full", "bare"], 1, just_now)
    for metric in RARE:
        lines += _samples(metric, ',direction="inbound",status="failed"', ["full"], 1, just_now)
    file = folder / "before.om"
    file.write_text("\n".join([*lines, "# EOF\n"]), encoding="utf-8")
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder / "prometheus"))


def _samples(
    metric: str, labels: str, accounts: Sequence[str], value: float, stamps: Iterable[int]
) -> Iterator[str]:
    yield f"# TYPE {metric} gauge"
    for account, stamp in product(accounts, stamps):
        yield f'{metric}{{job="exotel",instance="before",account="{account}"{labels}}} {value} {stamp}'
