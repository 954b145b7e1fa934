"""/probe and /sd: one account at a time, and how Prometheus learns of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import quote

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse, Response

from exporter.config import Line, MetricsConfig, Secret, StreamsConfig
from exporter.http.endpoints import Endpoints
from exporter.http.exchange import InFlight
from exporter.http.scrape import TIMEOUT_HEADER
from exporter.simulator import Settings, Simulator
from tests.serving import EAGER, account, served
from tests.waiting import GUARD

CALLS = 12
NUMBER = "+918012345678"
TOKEN = "hush-hush-7f3a9c"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A centre of CALLS calls that stands still."""
    with Simulator(Settings(calls=CALLS, speed=0, api_token=TOKEN)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def exporter(simulator: Simulator) -> Iterator[str]:
    """The URL of an exporter that leaves its accounts, two good and one broken, to /probe."""
    made = [
        account("acme", simulator.url, token=Secret(TOKEN), lines=(Line("sales", (NUMBER,)),)),
        account("नमस्ते & co", simulator.url, token=Secret(TOKEN)),
        account("broken", "http://127.0.0.1:1", token=Secret(TOKEN)),
    ]
    with served(made, Endpoints(probe_only=True)) as url:
        yield url


def probe(exporter: str, query: str, **headers: str) -> requests.Response:
    """What a probe answers."""
    return requests.get(f"{exporter}/probe{query}", headers=headers, timeout=GUARD)


def samples(answer: requests.Response) -> dict[tuple[str, str | None], float]:
    """The values by name and account, label sets summed."""
    assert answer.status_code == 200
    found: dict[tuple[str, str | None], float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            key = sample.name, sample.labels.get("account")
            found[key] = found.get(key, 0) + sample.value
    return found


def asked(simulator: Simulator) -> int:
    """How many requests for calls the simulator has had."""
    return simulator.requests_served().get("calls", 0)


@pytest.mark.parametrize("name", ["acme", "नमस्ते & co"])
def test_a_probe_has_one_account_and_nothing_of_the_exporter(exporter: str, name: str) -> None:
    """Its calls are all there; the exporter's own metrics would come once for each account."""
    found = samples(probe(exporter, f"?target={quote(name)}"))
    assert found["exotel_active_calls", name] == CALLS
    assert {label for _, label in found} == {name}


@pytest.mark.parametrize(
    ("metrics", "waits"), [(MetricsConfig(), False), (MetricsConfig(longest_calls=1), True)]
)
def test_a_probe_waits_for_no_writer_unless_its_text_may_be_long(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, metrics: MetricsConfig, waits: bool
) -> None:
    """Both threads that write may be at /metrics; a few hundred series take less time than a hand-over."""

    async def at_work(*_: object) -> Response:
        return PlainTextResponse("too busy", 503)

    monkeypatch.setattr(InFlight, "write", at_work)
    with served([account("acme", simulator.url, token=Secret(TOKEN), metrics=metrics)]) as url:
        assert probe(url, "?target=acme").status_code == (503 if waits else 200)


def test_a_probe_asks_for_its_own_account_alone(exporter: str, simulator: Simulator) -> None:
    """The account that is broken is probed without a request to the good ones, and says why it failed."""
    before = asked(simulator)
    found = samples(probe(exporter, "?target=broken"))
    assert found["exotel_up", "broken"] == 0
    assert found["exotel_collector_failures_total", "broken"] == 1
    assert asked(simulator) == before


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "nothing"),
        ("?target=", "''"),
        ("?target=nobody", "'nobody'"),
        ("?target=ACME", "'ACME'"),
        ("?target=acme%20", "'acme '"),
        ("?target=acme%00", r"'acme\x00'"),
        ("?target=a%0Ab", r"'a\nb'"),
        ("?target=%ff%fe", r"'\ufffd\ufffd'"),
        ("?target=http://169.254.169.254/latest/meta-data", "'http://169.254.169.254/latest/meta-data'"),
        ("?target=<script>alert(1)</script>", "'<script>alert(1)</script>'"),
        (f"?target={'x' * 10_000}", f"'{'x' * 60}'…"),
        ("?target=acme&target=broken", "'acme' and 'broken'"),
        ("?Target=acme", "nothing"),
        ("?target[]=acme", "nothing"),
    ],
)
@pytest.mark.parametrize("debug", ["", "&debug=true"])
def test_any_other_target_is_told_in_one_line_and_asks_nothing(
    exporter: str, simulator: Simulator, query: str, found: str, debug: str
) -> None:
    """What is no configured account is 404, with what was found, cut short, and no account's data."""
    before = asked(simulator)
    answer = probe(exporter, (query or "?") + debug)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == f"target: found {found}; accepted: the name of one account, as in /sd\n"
    assert asked(simulator) == before


def test_a_probe_obeys_the_scrapers_timeout(exporter: str) -> None:
    """A timeout that is no number is refused, as on /metrics."""
    answer = probe(exporter, "?target=acme", **{TIMEOUT_HEADER: "soon"})
    assert (answer.status_code, answer.text.count("\n")) == (400, 1)


def test_debug_shows_the_log_the_metrics_and_the_configuration(exporter: str) -> None:
    """For a person: each step of this probe, what Prometheus would have got, and what is configured."""
    text = probe(exporter, "?target=acme&debug=true").text
    log, _, rest = text.partition("\n\nMetrics that the probe would have returned:\n")
    metrics, _, configuration = rest.partition("\n\nConfiguration of the account:\n")
    steps = [line.partition("msg=")[2].partition(" account=")[0] for line in log.splitlines()[1:]]
    assert steps == ['"collection started"', "request", '"listing finished"', "collected"]
    assert f'exotel_calls_reported{{account="acme"}} {CALLS}.0\n' in metrics
    assert "api_token: <secret>\n" in configuration
    assert "sales: [<telephone number>]\n" in configuration
    assert "duration_buckets: [5, 15," in configuration


def test_debug_shows_why_a_probe_failed(exporter: str) -> None:
    """The reason and its detail stand in the log."""
    text = probe(exporter, "?target=broken&debug=true").text
    assert 'msg="collection failed" account=broken collector=calls reason=connection ' in text
    assert re.search(r'detail="127\.0\.0\.1:\d+: connection refused"', text)


@pytest.mark.parametrize(
    ("collector", "fault", "facts"),
    [
        ("calls", "status:401", "reason=auth status=401 code=1010 detail="),
        ("calls", "inside:403", "reason=forbidden status=200 "),
        ("streams", "stream/status:401", "reason=auth status=401 code=1010 detail="),
        ("agent_streams", "agent_streams/status:404", "reason=not_found status=404 code="),
    ],
)
def test_debug_shows_the_last_failure_while_what_was_refused_rests(
    collector: str, fault: str, facts: str
) -> None:
    """It is why nobody is asked: when it was, reason, status, the API's own code and the detail."""
    collection = replace(EAGER, agent_streams=True, streams=StreamsConfig(enabled=True))
    with Simulator(Settings(calls=CALLS, speed=0)) as simulator:
        simulator.set_faults([fault])
        with served([account("acme", simulator.url, collection=collection)]) as url:
            first = probe(url, "?target=acme&debug=true").text
            simulator.clear_faults()
            second = probe(url, "?target=acme&debug=true").text
    assert f'level=warn msg="collection failed" account=acme collector={collector} {facts}' in first
    assert "last failure" not in first
    [line] = [line for line in second.splitlines() if 'msg="last failure"' in line]
    assert f" account=acme collector={collector} {facts}" in line
    assert re.search(r" at=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ( |$)", line)


def test_debug_shows_the_last_failure_of_what_is_given_again_before_its_time() -> None:
    """Whatever it was: within `min_interval` as well."""
    with Simulator(Settings(calls=CALLS, speed=0)) as simulator:
        simulator.set_faults(["status:500"])
        patient = replace(EAGER, min_interval=600)
        with served([account("acme", simulator.url, collection=patient)]) as url:
            text = [probe(url, "?target=acme&debug=true").text for _ in range(2)][-1]
    assert 'msg="no collection is due yet: returning the last snapshot"' in text
    assert 'msg="last failure" account=acme collector=calls reason=server_error status=500' in text


@pytest.mark.parametrize("name", ["acme", "broken"])
def test_debug_shows_no_secret_and_no_number(exporter: str, name: str) -> None:
    """Whatever went on, the token and the telephone numbers are not in it."""
    text = probe(exporter, f"?target={name}&debug=true").text
    assert "<secret>" in text
    assert TOKEN not in text
    assert NUMBER.removeprefix("+91") not in text


def test_a_debugged_probe_shows_nothing_of_other_accounts(exporter: str) -> None:
    """Even while they are probed at the same time."""
    with ThreadPoolExecutor(8) as pool:
        others = [pool.submit(probe, exporter, "?target=broken") for _ in range(40)]
        text = probe(exporter, "?target=acme&debug=true").text
        assert all(other.result().status_code == 200 for other in others)
    assert "account=acme" in text
    assert "broken" not in text


def test_the_accounts_are_discovered(exporter: str, simulator: Simulator) -> None:
    """/sd is what Prometheus's http_sd reads: every account, as /probe takes it, and nobody is asked."""
    before = asked(simulator)
    answer = requests.get(f"{exporter}/sd", timeout=GUARD)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == [{"targets": ["acme", "नमस्ते & co", "broken"], "labels": {}}]
    assert asked(simulator) == before


def test_the_accounts_can_be_left_to_probes(exporter: str, simulator: Simulator) -> None:
    """With --web.probe-only, /metrics has the exporter itself and asks for no account."""
    before = asked(simulator)
    found = samples(requests.get(f"{exporter}/metrics", timeout=GUARD))
    assert found["exotel_exporter_config_last_reload_successful", None] == 1
    assert {label for _, label in found} == {None}
    assert asked(simulator) == before
