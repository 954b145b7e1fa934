"""/calls and /calls.json over HTTP, with accounts of simulators behind them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from exporter.collect.account import Account
from exporter.config import CollectionConfig, Line, MetricsConfig, StreamsConfig
from exporter.http.endpoints import Endpoints
from exporter.simulator import EXOPHONES, Settings, Simulator
from tests.command import exporter
from tests.configurations import document, write
from tests.serving import EAGER, account, served
from tests.tools import ROOT, run
from tests.waiting import GUARD
from tests.web import PASSWORD, hashed, write_authority, write_certificate, write_web

ON = Endpoints(live_calls=True)
LINES = (Line("sales", EXOPHONES[:2]), Line("support", EXOPHONES[2:3]))
SCHEMA = ROOT / "docs" / "live-calls.schema.json"
DETAILED = CollectionConfig(
    timeout=EAGER.timeout,
    min_interval=0,
    requests_per_minute=100_000,
    streams=StreamsConfig(enabled=True, max_per_scrape=20),
)


def get(url: str, **headers: str) -> requests.Response:
    """Ask; whatever the answer is."""
    return requests.get(url, headers=headers, timeout=GUARD)


def rows(url: str) -> Any:
    """Return what /calls.json answers there."""
    answer = get(url)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Simulator, str]]:
    """A simulator of 150 calls, and the URL of an exporter that has been scraped once and inspected some."""
    with Simulator(Settings(calls=150, speed=0)) as simulator:
        made = account(
            "acme",
            simulator.url,
            collection=DETAILED,
            lines=LINES,
            metrics=MetricsConfig(agent_names=True),
            live_calls=True,
        )
        with served([made], ON) as url:
            assert get(f"{url}/metrics").ok
            yield simulator, url


# What is there


def test_every_call_of_the_listing_is_there_once(both: tuple[Simulator, str]) -> None:
    """As the simulator knows them: by direction and status, recorded, with an agent."""
    simulator, url = both
    told, truth = rows(f"{url}/calls.json"), simulator.truth()
    assert {each["call_sid"] for each in told["calls"]} == truth.call_sids
    assert (told["total"], told["matching"], told["shown"]) == (truth.total,) * 3
    for (direction, status), count in truth.calls.items():
        found = rows(f"{url}/calls.json?direction={direction}&status={status}")
        assert (found["matching"], len(found["calls"])) == (count, count)
    assert sum(each["has_agent"] is False for each in told["calls"]) == sum(truth.without_agent.values())
    inspected = [each for each in told["calls"] if each["details"]]
    assert len(inspected) == 20
    assert {each["line"] for each in told["calls"]} == {"sales", "support", "other"}


def test_the_page_has_the_same_calls(both: tuple[Simulator, str]) -> None:
    """Each in a row of its own."""
    simulator, url = both
    page = get(f"{url}/calls").text
    assert set(re.findall(r'<code title="(\w+)">', page)) == simulator.truth().call_sids


def test_answers_hold_no_telephone_number(both: tuple[Simulator, str]) -> None:
    """Neither those of customers nor the account's own, though lines and names are asked for."""
    _, url = both
    for path in ("/calls", "/calls?wallboard=1", "/calls.json"):
        assert not re.search(r"\+91|\b0?[6-9]\d{9}\b", re.sub(r"[0-9a-f]{32}", "", get(url + path).text)), (
            path
        )


def test_answers_are_as_the_schema_says(both: tuple[Simulator, str], tmp_path: Path) -> None:
    """With and without what can be switched on, and where an account has failed."""
    simulator, url = both
    (tmp_path / "all.json").write_text(get(f"{url}/calls.json").text, encoding="utf-8")
    plain = account("plain", simulator.url, live_calls=True)
    failing = account("failing", "http://127.0.0.1:1", live_calls=True)
    with served([plain, failing], ON) as other:
        (tmp_path / "none.json").write_text(get(f"{other}/calls.json").text, encoding="utf-8")
        get(f"{other}/metrics")
        (tmp_path / "plain.json").write_text(get(f"{other}/calls.json").text, encoding="utf-8")
    files = sorted(map(str, tmp_path.glob("*.json")))
    assert len(files) == 3
    run("check-jsonschema", "--schemafile", str(SCHEMA), *files)


def test_nothing_is_asked_of_the_api(both: tuple[Simulator, str]) -> None:
    """However often people look."""
    simulator, url = both
    before = simulator.requests_served()
    for path in ("/calls", "/calls?wallboard=1", "/calls.json", "/calls?status=gone"):
        assert get(url + path).ok
    assert simulator.requests_served() == before


# Who gets it


@pytest.mark.parametrize("path", ["/calls", "/calls.json"])
def test_nothing_is_served_unless_it_is_switched_on(path: str) -> None:
    """403 names the flag, and no row is kept for it."""
    with Simulator(Settings(calls=3)) as simulator:
        made = account("acme", simulator.url)
        with served([made]) as url:
            get(f"{url}/metrics")
            answer = get(url + path)
            assert (answer.status_code, answer.text) == (
                403,
                "Live calls are not enabled: see --web.enable-live-calls\n",
            )
            assert made.live[1] is None
            assert "/calls" not in get(f"{url}/").text


@pytest.mark.parametrize("path", ["/calls", "/calls?wallboard=1", "/calls.json"])
def test_other_sites_can_not_read_it_and_browsers_do_not_keep_it(
    both: tuple[Simulator, str], path: str
) -> None:
    """No CORS, no frame, no sniffing, nothing on the disk of a computer that others use."""
    answer = get(both[1] + path, Origin="https://elsewhere.example")
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("application/json" if "json" in path else "text/html")


def test_who_has_it_gets_it_again_only_when_it_has_changed(both: tuple[Simulator, str]) -> None:
    """A collection changes it."""
    _, url = both
    for path in ("/calls", "/calls.json"):
        first = get(url + path)
        again = get(url + path, **{"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        get(f"{url}/metrics")
        changed = get(url + path, **{"If-None-Match": first.headers["ETag"]})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != first.headers["ETag"]


def test_a_bad_parameter_is_one_line_in_json_and_told_in_place_on_the_page(
    both: tuple[Simulator, str],
) -> None:
    """Scripts are to notice; people are to see the rest."""
    _, url = both
    query = "account=%3Cb%3E&longer_than=%0A1"
    answer = get(f"{url}/calls.json?{query}")
    assert answer.status_code == 400
    assert answer.text == (
        "account: found '<b>'; accepted: acme; "
        "longer_than: found '1'; accepted: a duration like 90s, 5m or 1h30m\n"
    )
    page = get(f"{url}/calls?{query}")
    assert page.status_code == 200
    assert "found <bdi>&#39;&lt;b&gt;&#39;</bdi>; accepted: <bdi>acme</bdi>" in page.text


def test_the_landing_page_leads_there(both: tuple[Simulator, str]) -> None:
    """Where it is on."""
    assert '<a href="./calls">' in get(f"{both[1]}/").text


def test_it_is_behind_users_and_tls_and_the_log_says_so(tmp_path: Path) -> None:
    """As every other path; the log says at start whether users are required."""
    write_certificate(tmp_path, write_authority(tmp_path), "127.0.0.1")
    web = write_web(tmp_path, {}, basic_auth_users={"alice": hashed(PASSWORD)})
    flags = f"--config.file={write(tmp_path, document())}", "--web.enable-live-calls"
    with exporter(tmp_path, *flags, f"--web.config.file={web}") as running:
        url = running.url("/calls").replace("http:", "https:")
        trust = str(tmp_path / "ca.pem")
        assert requests.get(url, verify=trust, timeout=GUARD).status_code == 401
        assert requests.get(url, verify=trust, auth=("alice", PASSWORD), timeout=GUARD).status_code == 200
        said = running.program.said()
    assert re.search(r'level=info msg="live calls are served at /calls" users_required=true', said)


def test_the_log_warns_where_anybody_may_look(tmp_path: Path) -> None:
    """Neither users nor client certificates."""
    flags = f"--config.file={write(tmp_path, document())}", "--web.enable-live-calls"
    with exporter(tmp_path, *flags) as running:
        assert requests.get(running.url("/calls"), timeout=GUARD).status_code == 200
        said = running.program.said()
    assert re.search(
        r'level=warn msg="live calls are served at /calls to anybody who can reach the port" '
        r"users_required=false client_certificates_required=false",
        said,
    )


# Accounts that come, fail and go


def test_before_a_scrape_nothing_is_known() -> None:
    """Which is not the same as no calls."""
    with Simulator(Settings(calls=3)) as simulator:
        with served([account("acme", simulator.url, live_calls=True)], ON) as url:
            told = rows(f"{url}/calls.json")
            assert told["accounts"] == [
                {
                    "name": "acme",
                    "state": "not_scraped",
                    "listed_at": None,
                    "collected_at": None,
                    "failure": None,
                    "calls": None,
                }
            ]
            assert "No calls are known yet." in get(f"{url}/calls").text
        assert not simulator.requests_served()


def test_a_failed_account_shows_its_last_calls_and_leaves_the_others_alone() -> None:
    """With the reason; they are those of the last complete listing."""
    with Simulator(Settings(calls=7, speed=0)) as good, Simulator(Settings(calls=5, speed=0)) as bad:
        made = [account(name, each.url, live_calls=True) for name, each in (("good", good), ("bad", bad))]
        with served(made, ON) as url:
            get(f"{url}/metrics")
            before = rows(f"{url}/calls.json?account=bad")
            bad.set_faults(["status:404"])
            get(f"{url}/metrics")
            after = rows(f"{url}/calls.json?account=bad")
            page = get(f"{url}/calls").text
    assert after["calls"] == before["calls"]
    states = {each["name"]: each for each in after["accounts"]}
    assert (states["good"]["state"], states["good"]["failure"]) == ("listed", None)
    assert states["bad"]["state"] == "failed"
    assert states["bad"]["failure"]["reason"] == "not_found"
    assert states["bad"]["collected_at"] > states["bad"]["listed_at"]
    assert page.count('class="aged"') == 5


def test_all_accounts_failing_is_a_page_that_says_so() -> None:
    """No figure of it is 0."""
    with served([account("acme", "http://127.0.0.1:1", live_calls=True)], ON) as url:
        get(f"{url}/metrics")
        page, told = get(f"{url}/calls?wallboard=1").text, rows(f"{url}/calls.json")
    assert "failed: connection" in page
    assert '<span class="value">0</span>' not in page
    assert told["accounts"][0]["calls"] is None


def test_an_account_that_a_reload_removed_is_told_as_one_that_there_is_not(tmp_path: Path) -> None:
    """Its page has no calls of others; JSON answers 400."""
    with Simulator(Settings(calls=4, speed=0)) as simulator:
        one = {
            "name": "one",
            "account_sid": "demo",
            "base_url": simulator.url,
            "api_key": "demo",
            "api_token": "demo",
        }
        file = write(tmp_path, yaml.safe_dump({"accounts": [one, {**one, "name": "two"}]}))
        flags = f"--config.file={file}", "--web.enable-live-calls", "--web.enable-lifecycle"
        with exporter(tmp_path, *flags) as running:
            get(running.url("/metrics"))
            assert rows(running.url("/calls.json?account=two"))["matching"] == 4
            write(tmp_path, yaml.safe_dump({"accounts": [one]}))
            assert requests.post(running.url("/-/reload"), timeout=GUARD).ok
            page = get(running.url("/calls?account=two"))
            answer = get(running.url("/calls.json?account=two"))
            assert rows(running.url("/calls.json"))["matching"] == 4
    assert (answer.status_code, answer.text) == (400, "account: found 'two'; accepted: one\n")
    assert page.status_code == 200
    assert "<code" not in page.text
    assert "found <bdi>&#39;two&#39;</bdi>; accepted: <bdi>one</bdi>" in page.text


# The flag's cost


def test_more_people_than_are_answered_at_once_are_all_answered() -> None:
    """They wait for their places; all get the same."""
    with Simulator(Settings(calls=100, speed=0)) as simulator, ThreadPoolExecutor(12) as pool:
        made = account("acme", simulator.url, live_calls=True)
        with served([made], Endpoints(live_calls=True, max_requests=2)) as url:
            get(f"{url}/metrics")
            answers = [*pool.map(get, [f"{url}/calls"] * 12)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["ETag"] for answer in answers}) == 1


def test_rows_are_made_only_when_somebody_looks() -> None:
    """A scrape leaves them as they were listed."""
    with Simulator(Settings(calls=3, speed=0)) as simulator:
        made = account("acme", simulator.url, live_calls=True)
        with served([made], ON) as url:
            get(f"{url}/metrics")
            calls = kept(made)
            assert "rows" not in vars(calls)
            rows(f"{url}/calls.json")
            assert "rows" in vars(calls)
            get(f"{url}/metrics")
            assert "rows" not in vars(kept(made))


def kept(made: Account) -> Any:
    """Return the calls that an account keeps."""
    _, calls = made.live
    assert calls is not None
    return calls


def test_people_who_never_read_their_calls_keep_no_scrape_waiting() -> None:
    """Pages have places of their own: scrapes are what the exporter is there for."""
    with Simulator(Settings(calls=9_000, speed=0)) as simulator:
        made = account("acme", simulator.url, collection=EAGER, live_calls=True)
        with served([made], Endpoints(live_calls=True, max_requests=1)) as url:
            assert get(f"{url}/metrics").ok
            assert rows(f"{url}/calls.json")["shown"] == 9_000
            address = urlsplit(url)
            with socket.socket() as reader:
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                reader.settimeout(GUARD)
                reader.connect((address.hostname, address.port))
                reader.sendall(b"GET /calls.json HTTP/1.1\r\nHost: x\r\n\r\n")
                assert reader.recv(12) == b"HTTP/1.1 200"
                assert get(f"{url}/metrics").status_code == 200
