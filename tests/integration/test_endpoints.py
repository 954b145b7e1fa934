"""The endpoints, over HTTP, with accounts of simulators behind them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from exporter.http.landing import HEADERS as PAGE_HEADERS
from exporter.http.scrape import TIMEOUT_HEADER
from exporter.simulator import Settings, Simulator
from tests.scraping import hurried
from tests.serving import account, served
from tests.waiting import GUARD, scaled, wait_until

Samples = dict[tuple[str, str], float]


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    """Return the URL of an exporter of one account with 30 calls."""
    with (
        Simulator(Settings(calls=30, speed=0)) as simulator,
        served([account("acme <b>", simulator.url)]) as url,
    ):
        yield url


def samples(answer: requests.Response) -> Samples:
    """Return the values by name and account, label sets summed."""
    assert answer.status_code == 200
    found: Samples = {}
    for family in parse_plain(answer.text):
        for sample in family.samples:
            key = sample.name, sample.labels.get("account", "")
            found[key] = found.get(key, 0) + sample.value
    return found


def test_metrics_tell_of_the_account_and_of_the_exporter(exporter: str) -> None:
    """One scrape has the calls, the build and the process."""
    found = samples(requests.get(f"{exporter}/metrics", timeout=GUARD))
    assert found["exotel_active_calls", "acme <b>"] == 30
    assert found["exotel_exporter_build_info", ""] == 1
    assert found["process_start_time_seconds", ""] > 0
    assert ("python_info", "") in found


def test_openmetrics_is_served_to_whoever_prefers_it(exporter: str) -> None:
    """By its Accept header; the text ends as OpenMetrics must."""
    answer = requests.get(
        f"{exporter}/metrics", headers={"Accept": "application/openmetrics-text"}, timeout=GUARD
    )
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    families = {f.name: f.type for f in parse_openmetrics(answer.text)}  # type: ignore[no-untyped-call]
    assert families["exotel_active_call_duration_seconds"] == "gaugehistogram"


def test_the_text_is_compressed_for_whoever_accepts_it(exporter: str) -> None:
    """Prometheus does; a reader without gzip gets it plain."""
    with requests.get(
        f"{exporter}/metrics", headers={"Accept-Encoding": "gzip"}, stream=True, timeout=GUARD
    ) as answer:
        assert b"exotel_up" in gzip.decompress(answer.raw.read())
    plain = requests.get(f"{exporter}/metrics", headers={"Accept-Encoding": "identity"}, timeout=GUARD)
    assert "Content-Encoding" not in plain.headers


def test_a_text_that_fits_into_a_packet_is_not_compressed(exporter: str) -> None:
    """It would arrive no sooner."""
    url = f"{exporter}/metrics?name[]=exotel_up"
    short = requests.get(url, headers={"Accept-Encoding": "gzip"}, timeout=GUARD)
    assert "exotel_up{" in short.text
    assert "Content-Encoding" not in short.headers


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_a_probe_of_the_service_asks_nothing_of_the_api(path: str) -> None:
    """Health is the exporter's own: no API is behind it."""
    with Simulator(Settings(calls=1)) as simulator, served([account("acme", simulator.url)]) as url:
        assert requests.get(url + path, timeout=GUARD).status_code == 200
        assert simulator.requests_served().get("calls", 0) == 0


def test_the_page_for_people_tells_how_the_last_collection_went() -> None:
    """Before a scrape, after a good one, after a bad one: legible, and every name escaped."""
    with (
        Simulator(Settings(calls=30, speed=0)) as simulator,
        served([account("<script>alert(1)</script>", simulator.url)]) as url,
    ):
        assert "not scraped yet" in requests.get(f"{url}/", timeout=GUARD).text
        requests.get(f"{url}/metrics", timeout=GUARD)
        good = requests.get(f"{url}/", timeout=GUARD)
        simulator.set_faults(["status:404"])
        requests.get(f"{url}/metrics", timeout=GUARD)
        bad = requests.get(f"{url}/", timeout=GUARD).text
    assert ">30<" in good.text
    assert "complete" in good.text
    assert "&lt;script&gt;" in good.text
    assert "<script>alert" not in good.text
    assert good.headers["Content-Type"].startswith("text/html")
    assert PAGE_HEADERS.items() <= good.headers.items()
    assert re.search(r"failed: not_found</b>, \d+\N{NO-BREAK SPACE}s ago", bad)


def test_an_account_that_hangs_costs_the_others_nothing() -> None:
    """Of three accounts one never answers and one is refused: the third is whole, within the deadline."""
    with Simulator(Settings(calls=12, speed=0)) as good, Simulator(Settings(calls=1)) as hanging:
        hanging.set_faults(["hang"])
        accounts = [
            account("good", good.url),
            account("hangs", hanging.url),
            account("down", "http://127.0.0.1:1"),
        ]
        with served(accounts) as url:
            found = samples(requests.get(f"{url}/metrics", headers=hurried(1.5), timeout=GUARD))
    assert {name: found["exotel_up", name] for name in ("good", "hangs", "down")} == {
        "good": 1,
        "hangs": 0,
        "down": 0,
    }
    assert found["exotel_active_calls", "good"] == 12
    assert ("exotel_active_calls", "hangs") not in found


def test_a_slow_collection_does_not_hold_up_other_requests() -> None:
    """While a scrape waits for the API, health and the page are answered: nothing blocks the event loop."""
    with Simulator(Settings(calls=1)) as simulator, ThreadPoolExecutor(1) as pool:
        simulator.set_faults(["hang"])
        with served([account("acme", simulator.url, timeout=scaled(3))]) as url:
            scrape = pool.submit(requests.get, f"{url}/metrics", timeout=GUARD)
            wait_until(lambda: simulator.requests_served().get("calls", 0), "the scrape's request")
            for path in ("/-/healthy", "/"):
                assert requests.get(url + path, timeout=GUARD).status_code == 200
            assert not scrape.done()
            assert samples(scrape.result())["exotel_up", "acme"] == 0


def test_two_scrapers_at_once_share_one_collection() -> None:
    """Prometheus replicas don't double the load on the API."""
    with Simulator(Settings(calls=5, speed=0, latency=0.3)) as simulator, ThreadPoolExecutor(10) as pool:
        with served([account("acme", simulator.url)]) as url:
            scrapes = [pool.submit(requests.get, f"{url}/metrics", timeout=GUARD) for _ in range(10)]
            assert all(samples(scrape.result())["exotel_active_calls", "acme"] == 5 for scrape in scrapes)
        assert simulator.requests_served().get("calls", 0) < 10


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("POST", "/metrics", 405), ("GET", "/metrics/", 404)],
)
def test_what_does_not_exist_is_said_not_to_exist(exporter: str, method: str, path: str, status: int) -> None:
    """No redirect, no page, no scrape."""
    answer = requests.request(method, exporter + path, allow_redirects=False, timeout=GUARD)
    assert answer.status_code == status


def test_a_scrape_timeout_that_is_no_number_is_told_as_such(exporter: str) -> None:
    """One clear line, and nothing is collected."""
    answer = requests.get(f"{exporter}/metrics", headers={TIMEOUT_HEADER: "soon"}, timeout=GUARD)
    assert answer.status_code == 400
    assert answer.text.count("\n") == 1
    assert "found 'soon'; accepted: a number of seconds above 0" in answer.text
