"""What may be asked of the exporter itself: a part of the metrics, its configuration, whom it answered."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.responses import PlainTextResponse

from exporter.collect.accounts import Accounts
from exporter.config import Line, Secret, from_file
from exporter.http import people
from exporter.http.endpoints import Endpoints
from exporter.http.exchange import Answers, Exchange
from exporter.simulator import Settings, Simulator
from exporter.web.config import ActiveWebConfig
from exporter.web.server import Limits, Server
from tests.configurations import write
from tests.serving import account, configuration, running, served, serving
from tests.waiting import GUARD, wait_until
from tests.web import PASSWORD, hashed, write_web

NUMBER = "+918012345678"
TOKEN = "hush-hush-7f3a9c"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A centre that stands still."""
    with Simulator(Settings(calls=5, speed=0, api_token=TOKEN)) as simulator:
        yield simulator


def names(answer: requests.Response) -> set[str]:
    """The names of the samples in an answer."""
    assert answer.status_code == 200
    return {s.name for family in text_string_to_metric_families(answer.text) for s in family.samples}


def asked(simulator: Simulator) -> int:
    """How many requests the API has had."""
    return sum(simulator.requests_served().values())


# A part of the metrics


def test_metrics_are_filtered_as_params_of_prometheus_ask(simulator: Simulator) -> None:
    """`params: {"collect[]": [exporter, process]}` and `name[]`; what no account is asked for asks no API."""
    with served([account("acme", simulator.url, token=Secret(TOKEN))]) as url:

        def get(path: str, **parameters: list[str]) -> set[str]:
            query = {f"{name}[]": values for name, values in parameters.items()}
            return names(requests.get(url + path, params=query, timeout=GUARD))

        own = get("/metrics", collect=["exporter", "process"])
        assert {"exotel_exporter_build_info", "process_open_fds"} <= own
        assert not [name for name in own if not name.startswith(("exotel_exporter_", "process_"))]
        assert asked(simulator) == 0
        calls = get("/metrics", collect=["calls"])
        assert {"exotel_up", "exotel_active_calls"} <= calls
        assert not [name for name in calls if name.startswith(("exotel_exporter", "process", "python"))]
        assert get("/metrics", name=["exotel_up", "python_info"]) == {"exotel_up", "python_info"}
        probed = requests.get(
            f"{url}/probe",
            params={"target": "acme", "collect[]": "calls", "name[]": "exotel_active_calls"},
            timeout=GUARD,
        )
        assert names(probed) == {"exotel_active_calls"}


@pytest.mark.parametrize(
    ("path", "endpoints", "accepted"),
    [
        ("/metrics", Endpoints(), "calls, streams, agent_streams, exporter, process, python"),
        ("/metrics", Endpoints(exporter_metrics=False), "calls, streams, agent_streams, exporter"),
        ("/metrics", Endpoints(probe_only=True), "exporter, process, python"),
        ("/probe", Endpoints(), "calls, streams, agent_streams"),
    ],
)
def test_an_unknown_collector_is_told_with_those_that_are_known(
    simulator: Simulator, path: str, endpoints: Endpoints, accepted: str
) -> None:
    """400, as in node_exporter, and nothing is collected."""
    with served([account("acme", simulator.url, token=Secret(TOKEN))], endpoints) as url:
        query = {"target": "acme", "collect[]": ["exporter" if path == "/metrics" else "calls", "cpu"]}
        answer = requests.get(url + path, params=query, timeout=GUARD)
    assert (answer.status_code, answer.text) == (400, f"collect[]: found 'cpu'; accepted: {accepted}\n")
    assert asked(simulator) == 0


def test_without_exporter_metrics_the_rest_is_as_it_was(simulator: Simulator) -> None:
    """Build and reload are told all the same: they are no metrics of the process, and rules look at them."""
    told = []
    for endpoints in (Endpoints(), Endpoints(exporter_metrics=False)):
        with served([account("acme", simulator.url, token=Secret(TOKEN))], endpoints) as url:
            told.append(names(requests.get(f"{url}/metrics", timeout=GUARD)))
    whole, rest = told
    assert rest < whole
    assert {name.partition("_")[0] for name in whole - rest} == {"process", "python", "exotel"}
    assert {name for name in whole - rest if name.startswith("exotel")} == {
        "exotel_exporter_http_requests_total"
    }
    assert "exotel_exporter_config_last_reload_successful" in rest


# Answers, counted


def counted(url: str, password: str | None = None) -> dict[str, float]:
    """What the exporter says of its answers, by code."""
    answer = requests.get(
        f"{url}/metrics",
        params={"collect[]": "exporter"},
        auth=("alice", password) if password else None,
        timeout=GUARD,
    )
    return {
        sample.labels["code"]: sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "exotel_exporter_http_requests_total"
    }


def test_answers_that_no_handler_gave_are_counted_too() -> None:
    """A scrape too many, and a request that never came to its end."""
    with Simulator(Settings(calls=1, api_token=TOKEN)) as simulator, ThreadPoolExecutor(1) as pool:
        simulator.set_faults(["hang"])
        made = account("acme", simulator.url, token=Secret(TOKEN))
        with served([made], Endpoints(max_requests=1), Limits(request=0.2)) as url:
            first = pool.submit(requests.get, f"{url}/probe?target=acme", timeout=GUARD)
            wait_until(lambda: asked(simulator), "a request to the API")
            assert requests.get(f"{url}/probe?target=acme", timeout=GUARD).status_code == 503
            host, port = url.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), GUARD) as unfinished:
                unfinished.sendall(b"GET / HTTP/1.1\r\n")
                assert unfinished.recv(100).startswith(b"HTTP/1.1 408 ")
            told = counted(url)
            made.cancel()
            first.result(GUARD)
    assert {code: number for code, number in told.items() if number} == {"503": 1, "408": 1}


def test_answers_are_counted_by_code_from_0(simulator: Simulator) -> None:
    """Whatever is asked, in whatever manner: each request once, those that are no HTTP too."""
    with served([account("acme", simulator.url, token=Secret(TOKEN))]) as url:
        codes = ["200", "400", "401", "403", "404", "405", "408", "429", "500", "503"]
        assert counted(url) == dict.fromkeys(codes, 0)
        for method, path in (
            *[("GET", "/-/healthy"), ("GET", "/nothing"), ("GET", "/probe"), ("POST", "/metrics")],
            *[("POST", "/-/reload"), ("GET", "/metrics?collect[]=cpu"), ("HEAD", "/sd")],
        ):
            requests.request(method, url + path, timeout=GUARD)
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), GUARD) as connection:
            connection.sendall(b"no HTTP\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        found = {code: value for code, value in counted(url).items() if value}
    assert found == {"200": 3, "400": 2, "403": 1, "404": 2, "405": 1}


def test_those_who_are_not_let_in_are_counted(simulator: Simulator, tmp_path: Path) -> None:
    """By the web configuration: without a password, and too often."""
    made = account("acme", simulator.url, token=Secret(TOKEN))
    accounts = Accounts(lambda: configuration(made.config))
    users = {"alice": hashed(PASSWORD)}
    file = write_web(tmp_path, basic_auth_users=users, rate_limit={"interval": "1h", "burst": 2})
    web = ActiveWebConfig(file)
    with serving(accounts, web=web) as url:
        assert [requests.get(url, timeout=GUARD).status_code for _ in range(4)] == [401, 401, 429, 429]
        write_web(tmp_path, basic_auth_users=users)
        web.look()
        found = {code: value for code, value in counted(url, PASSWORD).items() if value}
    made.close()
    assert found == {"401": 2, "429": 2}


def test_an_error_of_the_program_is_counted_once(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 is answered, and counted."""
    with served([account("acme", simulator.url, token=Secret(TOKEN))]) as url:
        with monkeypatch.context() as patched:
            patched.setattr(people, "_landing_page", lambda *_: 1 / 0)
            assert requests.get(f"{url}/", timeout=GUARD).status_code == 500
        assert counted(url)["500"] == 1


# The configuration


def test_an_error_of_the_middleware_is_counted_and_logged(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What checks users is a part of the program like any other."""

    async def fail(*_: object) -> bool:
        raise MemoryError

    monkeypatch.setattr("exporter.web.auth.Authenticator.authenticate", fail)
    web = ActiveWebConfig(write_web(tmp_path, basic_auth_users={"alice": hashed("secret")}))
    answers = Answers()
    server = Server(PlainTextResponse("never"), web, None, answers.count, lambda app: Exchange(app, answers))
    with running(server) as address:
        assert requests.get(f"http://{address}/", timeout=GUARD).status_code == 500
    assert answers.by_code()[500] == 1
    assert "request failed" in [record.getMessage() for record in caplog.records]


def test_the_active_configuration_is_shown_without_what_is_secret(simulator: Simulator) -> None:
    """What holds for each account, as a file could hold it: no key, no token, no telephone number."""
    made = [
        account("acme", simulator.url, token=Secret(TOKEN), lines=(Line("sales", (NUMBER,)),)),
        account("zeta", simulator.url, timeout=7, token=Secret(TOKEN)),
    ]
    with served(made) as url:
        answer = requests.get(f"{url}/config", timeout=GUARD)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    assert not {TOKEN, NUMBER, NUMBER[1:]} & {*re.findall(r"[\w-]+|\+\d+", answer.text)}
    shown = yaml.safe_load(answer.text)
    assert [(each["name"], each["timeout"], each["base_url"]) for each in shown["accounts"]] == [
        ("acme", "20s", simulator.url),
        ("zeta", "7s", simulator.url),
    ]
    assert {each["api_token"] for each in shown["accounts"]} == {"<secret>"}
    assert shown["accounts"][0]["lines"] == {"sales": ["<telephone number>"]}
    assert shown["metrics"]["per_agent"] is False
    assert asked(simulator) == 0


def test_the_configuration_that_is_shown_could_be_loaded(simulator: Simulator, tmp_path: Path) -> None:
    """With the secrets put in: nothing but them is missing, and no key is none of the file's."""
    made = account("acme", simulator.url, timeout=7, token=Secret(TOKEN))
    with served([made]) as url:
        shown = requests.get(f"{url}/config", timeout=GUARD).text
    loaded = from_file(write(tmp_path, shown), {})
    [again] = loaded.accounts
    assert replace(again, api_key=made.config.api_key, api_token=made.config.api_token) == made.config
    assert loaded.metrics == made.metrics


def test_whoever_may_not_see_the_page_sees_no_configuration(simulator: Simulator, tmp_path: Path) -> None:
    """It is behind the same password."""
    made = account("acme", simulator.url, token=Secret(TOKEN))
    web = ActiveWebConfig(write_web(tmp_path, basic_auth_users={"alice": hashed(PASSWORD)}))
    with serving(Accounts(lambda: configuration(made.config)), web=web) as url:
        statuses = [requests.get(url + path, timeout=GUARD).status_code for path in ("/", "/config")]
    made.close()
    assert statuses == [401, 401]
