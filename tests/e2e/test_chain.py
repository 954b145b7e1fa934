"""From the API to the one on call: simulator, exporter, Prometheus with its rules, Alertmanager, webhook."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.metrics.definitions import CATALOGUE
from tests.e2e import exotel, servers
from tests.e2e.processes import Program
from tests.e2e.webhook import Webhook, webhook
from tests.expressions import panel_expressions, substituted
from tests.offenders import offenders
from tests.tools import run
from tests.waiting import GUARD, wait_until

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@dataclass(frozen=True)
class Chain:
    """Where each link of the chain is found."""

    exporter: str
    twin: str
    doomed: str
    doomed_program: Program
    prometheus: str
    webhook: Webhook

    def query(self, promql: str) -> list[dict[str, object]]:
        """The series that the expression has, as soon as it has any."""
        return wait_until(lambda: servers.query(self.prometheus, promql), promql)


@pytest.fixture(scope="module")
def chain(generation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """95 calls of 100 allowed, watched by an exporter, by its twin, and by one that will be killed."""
    folder = tmp_path_factory.mktemp(f"chain-{generation}")
    with ExitStack() as stack:
        receiver = stack.enter_context(webhook())
        alertmanager = stack.enter_context(servers.alertmanager(folder, receiver.url))
        url = stack.enter_context(exotel.simulator(folder, "--calls=95", "--speed=0"))
        exporter, _ = stack.enter_context(exotel.exporter("exporter", folder, url, limit=100))
        twin, _ = stack.enter_context(exotel.exporter("twin", folder, url, limit=100))
        doomed, program = stack.enter_context(exotel.exporter("doomed", folder, url, limit=100))
        own = {"exotel_active_calls_per_call_limit:threshold": 0.95}
        exporters = [exporter, twin, doomed]
        prometheus = stack.enter_context(servers.prometheus(folder, exporters, alertmanager, own))
        yield Chain(exporter, twin, doomed, program, prometheus, receiver)


def test_prometheus_scrapes_the_exporter(chain: Chain) -> None:
    """The exporter is up, and has listed every call of the account."""
    assert chain.query(f'up{{instance="{chain.exporter}"}} == 1')
    assert chain.query(f'exotel_up{{instance="{chain.exporter}", account="demo"}} == 1')


ESTIMATES = ("exotel_active_calls_estimate", "exotel_active_calls_estimate_error")
"""Told only of an account that can't be listed."""
AVERAGES = ("exotel_blocking_probability_ratio", "exotel_lines_needed")
"""Told once there are five minutes of listings, which nobody waits for here."""


def test_all_that_is_told_of_an_account_arrives(chain: Chain) -> None:
    """With everything switched on, each metric of calls, agents, lines, streams and lives has series."""
    told = [metric.name for metric in CATALOGUE if len(metric.collectors) == 1]
    names = [name for name in told if name not in ESTIMATES + AVERAGES]
    here = f'instance="{chain.exporter}", account="demo"'
    missing = offenders(
        ((name, name) for name in names),
        lambda name: chain.query(f'{{__name__=~"{name}(_bucket)?", {here}}}'),
    )
    assert missing == []


def test_nothing_is_estimated_of_an_account_that_is_listed(chain: Chain) -> None:
    """What is known needs no estimate."""
    assert chain.query(f'exotel_up{{instance="{chain.exporter}", account="demo"}} == 1')
    assert not servers.query(chain.prometheus, f'{{__name__=~"{"|".join(ESTIMATES)}", account="demo"}}')


def test_an_account_that_fails_costs_the_other_nothing(chain: Chain) -> None:
    """The account that Exotel does not know is down, for that reason, and has no calls: not zero, none."""
    assert chain.query('exotel_up{account="unknown-sid"} == 0')
    assert chain.query('exotel_collector_failures_total{account="unknown-sid", reason="not_found"} > 0')
    assert not servers.query(chain.prometheus, 'exotel_active_calls{account="unknown-sid"}')


def test_promtool_finds_nothing_wrong_with_the_metrics(chain: Chain) -> None:
    """Names, types and units of the plain text are as Prometheus's own linter wants them."""
    text = requests.get(f"http://{chain.exporter}/metrics", headers={"Accept": "text/plain"}, timeout=GUARD)
    assert "exotel_up" in text.text
    run("promtool", "check", "metrics", stdin=text.content)


def test_openmetrics_is_what_its_parser_expects(chain: Chain) -> None:
    """The OpenMetrics text is complete and valid, durations as a gauge histogram included."""
    text = requests.get(f"http://{chain.exporter}/metrics", headers={"Accept": OPENMETRICS}, timeout=GUARD)
    families = text_string_to_metric_families(text.text)  # type: ignore[no-untyped-call]
    types = {family.name: family.type for family in families}
    assert types["exotel_active_call_duration_seconds"] == "gaugehistogram"


def test_exporters_of_the_same_account_do_not_double_its_calls(chain: Chain) -> None:
    """Two exporters watch the 95 calls, and the dashboard still says 95."""
    for instance in (chain.exporter, chain.twin):
        chain.query(f'job_instance_account:exotel_active_calls:sum{{instance="{instance}"}} == 95')
    [promql] = [e.promql for e in panel_expressions() if e.place == "Exotel / Load: Concurrent calls A"]
    assert chain.query(f"{substituted(promql, account='demo')} == 95")


def test_the_longest_call_of_a_bucket_is_its_exemplar(chain: Chain) -> None:
    """From a duration on the graph there is a way to the call: Prometheus has stored its call_sid."""
    series = "exotel_active_call_duration_seconds_bucket"
    stored = wait_until(lambda: servers.exemplars(chain.prometheus, series), "an exemplar")
    assert all(exemplar["labels"].keys() == {"call_sid"} for one in stored for exemplar in one["exemplars"])


def test_calls_at_a_share_of_the_limit_that_a_user_set_reach_the_one_on_call(chain: Chain) -> None:
    """95 calls of 100 allowed: the alert fires, and says which account and against what."""
    [alert, *_] = _delivered(chain, alertname="ExotelCallsAtLimit", account="demo")
    assert "have taken 95 of the 100 slots of its limit" in alert["annotations"]["description"]
    assert "the threshold is 95%" in alert["annotations"]["description"]


def test_a_failing_collection_reaches_the_one_on_call(chain: Chain) -> None:
    """The account that can't be listed is reported, the other isn't."""
    assert _delivered(chain, alertname="ExotelCollectionFailing", account="unknown-sid")
    assert not chain.webhook.firing(alertname="ExotelCollectionFailing", account="demo")


def test_an_exporter_that_dies_is_reported(chain: Chain) -> None:
    """The exporter is killed, and Alertmanager delivers that it is down; others watch its accounts."""
    chain.query(f'up{{instance="{chain.doomed}"}} == 1')
    assert not chain.webhook.firing(alertname="ExotelExporterDown", instance=chain.doomed)
    chain.doomed_program.kill()
    [alert, *_] = _delivered(chain, alertname="ExotelExporterDown", instance=chain.doomed)
    assert alert["labels"]["severity"] == "warning"


def _delivered(chain: Chain, **labels: str) -> list[dict[str, dict[str, str]]]:
    return wait_until(lambda: chain.webhook.firing(**labels), f"delivery of {labels}")
