"""The page for people, written from snapshots and read as HTML."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.breakdowns import printable
from exporter.collect.history import Minute
from exporter.collect.snapshot import Result, Snapshot
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import Cause, Failure, Reason
from exporter.exotel.models import AgentStreams
from exporter.exotel.remediation import REMEDIATIONS
from exporter.http.endpoints import Endpoints
from exporter.http.first_scrape import ScrapeConfig
from exporter.http.landing import HEADERS, Seen
from exporter.http.landing import page as written
from tests.html import Read
from tests.snapshots import (
    CENTRE,
    ENDED_AT,
    ESTIMATE,
    LIFE,
    NAMED,
    STREAMS,
    everything,
    failed,
    snapshot,
)

NOW = ENDED_AT + 12
WELL = snapshot(CENTRE, limit=150, slots={"outbound-api": 2}).snapshot
TIMEOUT = Failure(Reason.TIMEOUT, "no whole answer in the time that was left")
SCRAPE = ScrapeConfig("http", "exporter:9927", "", "/metrics", 15, 11, has_users=False, probe_only=False)
HOUR = [*[None] * 57, Minute(0, 4, 1, 80, 82, 0.25), None, Minute(2, 4, 0, 90, 142, 0.5)]
"""The minutes of an account's last hour."""


def page(*accounts: Seen, path: str = "/metrics", now: float = NOW, scrape: ScrapeConfig = SCRAPE) -> str:
    """Write the page of these accounts."""
    return written(accounts, Endpoints(telemetry_path=path), now, scrape)


def read(*accounts: Seen, now: float = NOW) -> Read:
    """Write the page of these accounts, and read it."""
    return Read(page(*accounts, now=now))


def text(*accounts: Seen, now: float = NOW) -> str:
    """Return what the page of these accounts says."""
    return read(*accounts, now=now).text


def failing(failure: Failure, reported: int | None = None) -> Snapshot:
    """Return the snapshot of a listing that ended with this failure."""
    results = {Endpoint.CALLS: Result(1.5, failure)}
    return replace(failed(failure.reason, reported=reported).snapshot, results=results)


def everything_on(streams: Failure | None = None, agent_streams: Failure | None = None) -> Snapshot:
    """Return a snapshot with all that can be switched on, of which these failed."""
    whole = everything(NAMED, STREAMS, LIFE).snapshot
    results = {
        **whole.results,
        Endpoint.STREAMS: Result(0.75, streams),
        Endpoint.AGENT_STREAMS: Result(0.25, agent_streams),
    }
    sessions = None if agent_streams else AgentStreams(12, 100)
    return replace(whole, results=results, agent_streams=sessions)


# What it tells of an account


def test_a_complete_collection_is_told_with_its_calls() -> None:
    """How long ago it was, how long it took; the calls, by direction and status too; slots; agents."""
    said = text(Seen("acme", WELL))
    assert "1 of 1 accounts listed" in said
    assert "complete, 12 s ago, took 0.50 s" in said
    assert "5 active calls, 7 of 150 slots" in said
    assert "2 agents on call" in said
    assert "inbound: 1 in-progress, 1 ringing" in said
    assert "outbound-api: 2 in-progress" in said
    assert "outbound-dial" not in said


def test_agents_of_whom_nothing_is_known_are_not_none() -> None:
    """An API that says nothing of agents has no figure, which is not 0."""
    assert WELL.active_calls is not None
    silent = replace(WELL, active_calls=replace(WELL.active_calls, agents=None))
    assert "agents on call" not in text(Seen("acme", silent)).partition("status")[2]


@pytest.mark.parametrize("reason", Reason)
def test_a_failure_is_told_with_its_reason_and_what_to_do(reason: Reason) -> None:
    """The reason, the detail, the request for a ticket, the advice, its runbook; the total, if told."""
    seen = Seen("acme", failing(Failure(reason, "HTTP 599", request_id="b1946ac9"), reported=1204))
    said = text(seen)
    assert "0 of 1 accounts listed, 1 failed" in said
    assert f"failed: {reason}, 12 s ago, took 1.50 s" in said
    assert "Why HTTP 599 (request b1946ac9)" in said
    assert f"What to do {REMEDIATIONS[reason].sentence} Runbook" in said
    assert "The API reports 1,204 active calls." in said
    assert REMEDIATIONS[reason].runbook in read(seen).links()


def test_what_a_failed_listing_saw_is_told_where_a_page_came() -> None:
    """It may have seen none: that is told as well."""
    for seen, line in ((1187, "The listing found 1,187."), (0, "The listing found 0."), (None, None)):
        failure = Failure(Reason.INCOMPLETE, "calls could be missing between 4 pairs of pages")
        said = text(Seen("acme", replace(failing(failure), seen=seen)))
        assert (line in said) if line else ("listing" not in said)


def test_what_is_estimated_is_told_as_such() -> None:
    """Beside the total that the API reports: by direction and status, with how far off it may be."""
    last = failing(Failure(Reason.BUDGET, "too many"), reported=1200)
    said = text(Seen("acme", replace(last, estimate=ESTIMATE)))
    assert "estimated, inbound: 1,041 ± 64 in-progress, 159 ± 42 ringing" in said
    assert "queued" not in said
    assert "estimated" not in text(Seen("acme", last))


@pytest.mark.parametrize("cause", Cause)
def test_what_to_do_about_an_incomplete_listing_is_told_by_its_cause(cause: Cause) -> None:
    """A server whose list can't be read whole isn't told as a list that moves."""
    failure = Failure(Reason.INCOMPLETE, "calls could be missing between 4 pairs of pages", cause)
    said = text(Seen("acme", failing(failure)))
    assert f"What to do {REMEDIATIONS[cause].sentence} Runbook" in said


def test_collectors_beside_the_calls_are_told_where_they_are_switched_on() -> None:
    """What they found, and how long they took."""
    said = text(Seen("acme", everything_on()))
    assert "streams: complete, 5 of 6 calls inspected, took 0.75 s" in said
    assert "agent_streams: complete, 12 of 100 sessions, took 0.25 s" in said
    assert "streams" not in text(Seen("acme", WELL))


def test_a_collector_that_had_nothing_to_go_by_is_told() -> None:
    """Details of calls need a list of calls."""
    last = failing(TIMEOUT)
    last = replace(last, results={**dict.fromkeys(Endpoint), **last.results})
    assert "streams: did not run agent_streams: did not run" in text(Seen("acme", last))


def test_a_collector_that_fails_beside_the_calls_is_no_failed_account() -> None:
    """Its calls are shown, and what is missing is, with what to do about it."""
    said = text(Seen("acme", everything_on(streams=TIMEOUT, agent_streams=TIMEOUT)))
    assert "1 of 1 accounts listed, 1 of them partially" in said
    assert "6 active calls" in said
    assert "streams: failed: timeout, 5 of 6 calls inspected, took 0.75 s" in said
    assert "agent_streams: failed: timeout, took 0.25 s" in said
    assert said.count(REMEDIATIONS[Reason.TIMEOUT].sentence) == 2


def test_calls_that_are_reported_beyond_those_listed_are_told() -> None:
    """A listing can be complete and yet shorter than the API's own total."""
    assert "3 more reported than listed" in text(Seen("acme", replace(WELL, reported=8, unseen=3)))
    assert "reported" not in text(Seen("acme", WELL))


def test_an_account_before_its_first_scrape_is_not_a_failed_one() -> None:
    """It says so, and how to have it collected."""
    said = text(Seen("acme", None))
    assert "0 of 1 accounts listed, 1 not scraped yet" in said
    assert "not scraped yet; probe collects it now" in said
    assert "failed" not in said


@pytest.mark.parametrize("last", [WELL, failing(TIMEOUT)])
def test_an_account_that_nobody_scrapes_any_more_is_told(last: Snapshot) -> None:
    """Five minutes after its last collection, however that went; not sooner."""
    assert "scraped" not in text(Seen("acme", last), now=ENDED_AT + 299)
    said = text(Seen("acme", last), now=ENDED_AT + 7200)
    assert ", 1 no longer scraped" in said
    assert "2 h ago" in said
    assert "Not scraped since 2023-11-14 22:13:20 UTC." in said


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *((-5, "0 s"), (0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min")),
        *((7200, "2 h"), (172_799, "48 h"), (172_800, "2 d"), (86_400_000, "1000 d")),
    ],
)
def test_ages_are_told_in_a_unit_that_suits_them(seconds: float, told: str) -> None:
    """A clock that was set back makes none negative."""
    assert f" {told} ago," in text(Seen("acme", WELL), now=ENDED_AT + seconds)


# Its last hour


def test_the_last_hour_is_drawn_and_told_in_words() -> None:
    """Calls and how long listings took, a column a minute; failures below; a limit that is near."""
    shown = read(Seen("acme", WELL, HOUR, limit=150))
    assert "Last hour: 80 to 142 calls listed in 0.25 to 0.50 s" in shown.text
    assert "1 of 8 collections failed" in shown.text
    drawn = Counter(element.attributes.get("class") for element in shown.elements if element.tag == "path")
    assert drawn == {"axis": 2, "columns": 2, "limit": 1, "failures": 1}
    assert all(element.attributes["aria-hidden"] for element in shown.elements if element.tag == "svg")


def test_what_is_drawn_is_an_image_of_numbers_alone() -> None:
    """Valid XML, without a text, a style or an address in it."""
    for image in re.findall("<svg.*?</svg>", page(Seen("acme", WELL, HOUR, limit=150)), re.DOTALL):
        root = ElementTree.fromstring(image)  # noqa: S314  # our own
        assert {each.tag for each in root} == {"path"}
        assert all(re.fullmatch(r"[MhvVz0-9 ]+", each.attrib["d"]) for each in root)
        assert all(each.attrib.keys() == {"class", "d"} for each in root)


def test_an_hour_in_which_every_collection_failed_says_so() -> None:
    """It has no calls to tell of, which aren't 0."""
    said = text(Seen("acme", failing(TIMEOUT), [*[None] * 59, Minute(9, 4, 4)]))
    assert "4 of 4 collections failed" in said
    assert "Last hour: " not in said


def test_an_hour_that_was_simulated_says_so() -> None:
    """The demo begins with one; nothing else does."""
    simulated = [*[None] * 58, Minute(8, 1, 0, 9, 9, 0.1, is_simulated=True), Minute(9, 1, 0, 9, 9, 0.1)]
    assert "simulated" in text(Seen("demo", WELL, simulated))
    assert "simulated" not in text(Seen("acme", WELL, HOUR))


def test_an_account_without_an_hour_has_no_chart() -> None:
    """It was not collected, which is told beside it."""
    assert not [element for element in read(Seen("acme", None)).elements if element.tag == "svg"]


# Before the first scrape


def test_before_the_first_scrape_the_page_says_what_to_do() -> None:
    """With the scrape configuration to copy; not once an account was scraped, whatever came of it."""
    [config] = read(Seen("acme", None), Seen("initech", None)).texts("code")[-1:]
    assert yaml.safe_load(config)["scrape_configs"][0]["static_configs"] == [{"targets": ["exporter:9927"]}]
    for last in (WELL, failing(TIMEOUT)):
        assert "scrape_configs" not in text(Seen("acme", last), Seen("initech", None))


# Which comes first


def test_failed_accounts_come_first_then_all_by_name() -> None:
    """Then those that lack something; case doesn't matter for the order, and each account is there once."""
    seen = [
        *(Seen("delta", WELL), Seen("Charlie", None), Seen("bravo", WELL), Seen("zulu", failing(TIMEOUT))),
        *(Seen("yankee", everything_on(streams=TIMEOUT)), Seen("echo", failing(TIMEOUT))),
    ]
    shown = read(*seen)
    assert shown.texts("bdi") == ["echo", "zulu", "yankee", "bravo", "Charlie", "delta"]
    rows = [
        element.attributes["class"]
        for element in shown.elements
        if element.tag == "tr" and element.attributes
    ]
    assert rows == ["failed", "failed", "partial", "listed", "not-scraped", "listed"]


def test_of_hundreds_of_accounts_the_summary_tells_at_once() -> None:
    """On top of the page and in the title of its tab."""
    accounts = [Seen(f"account {number}", WELL) for number in range(1098)]
    shown = read(*accounts, Seen("bad", failing(TIMEOUT)), Seen("worse", failing(TIMEOUT)))
    summary = "1,098 of 1,100 accounts listed, 2 failed"
    assert shown.text.startswith(f"Exotel exporter Refresh Pause {summary}")
    assert shown.texts("title") == [f"{summary} · Exotel exporter"]


def test_a_page_without_accounts_is_a_page() -> None:
    """It says that there are none."""
    assert "0 of 0 accounts listed" in text()


# What it doesn't tell


def test_names_of_agents_lines_and_calls_are_not_on_the_page() -> None:
    """Not even where they are switched on for the metrics."""
    said = page(Seen("acme", everything_on()))
    for personal in ("Asha", "Ravi", "ann", "ben", "sales", "support", "call-1", "8012345678"):
        assert personal not in said.partition("</head>")[2], personal


# Hostile texts

HOSTILE = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="<>\"'&/=!-{%}# \x00\n\r\u202e\u2066\ud800bdiscript", max_size=200),
    st.sampled_from(
        ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "x" * 5000, "{{ 7 * 7 }}"]
    ),
)


@given(name=HOSTILE, detail=HOSTILE, request_id=HOSTILE)
def test_no_text_changes_what_the_page_is_made_of(name: str, detail: str, request_id: str) -> None:
    """Whatever a name and an error say: elements and attributes stay, the text is shown as it is."""

    def shown(name: str, detail: str, request_id: str) -> Read:
        error = Failure(Reason.INTERNAL, detail, request_id=request_id or "none")
        return read(Seen(name, failing(error)), Seen(name, everything_on(error)), Seen(name, None))

    hostile, harmless = shown(name, detail, request_id), shown("acme", "HTTP 500", "b1946ac9")
    for odd, usual in zip(hostile.elements, harmless.elements, strict=True):
        assert odd.tag == usual.tag
        if "probe" not in str(usual.attributes.get("href")):
            key = (
                {"data-key": quote(name, safe="", errors="replace")} if "data-key" in usual.attributes else {}
            )
            assert odd.attributes == {**usual.attributes, **key}
    assert hostile.texts("bdi") == [printable(name)] * 3
    why = f"{printable(detail, 500)} (request {printable(request_id or 'none')})"
    assert hostile.texts("dd")[::2] == [why] * 2


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128))
def test_links_lead_to_the_probe_of_their_account(name: str) -> None:
    """Of whatever name, as Starlette will read the query."""
    links = read(Seen(name, None)).links()
    probe, debug = [urlsplit(link) for link in links if link.startswith("./probe")]
    assert (probe.path, debug.path) == ("./probe", "./probe")
    assert parse_qs(probe.query, strict_parsing=True, max_num_fields=1) == {"target": [name]}
    assert parse_qs(debug.query, strict_parsing=True) == {"target": [name], "debug": ["true"]}
    assert not probe.fragment + debug.fragment


@pytest.mark.parametrize(
    "path", ["/metrics", "//elsewhere.example/metrics", "/a:b", '/"><script>', "/exotel/m"]
)
def test_the_metrics_path_leads_to_this_server(path: str) -> None:
    """Whatever --web.telemetry-path was given; and below a proxy's path as well."""
    link = next(
        element
        for element in Read(page(path=path)).elements
        if (element.attributes.get("href") or "").startswith("./")
    )
    assert (link.text, link.attributes) == (path, {"href": f".{path}"})


def test_only_the_style_and_the_script_of_the_page_apply() -> None:
    """The policy names their hashes, and allows nothing else: no frame, nothing from elsewhere."""
    [style], [script] = read().texts("style"), read().texts("script")
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
        "script-src": f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'",
        "connect-src": "'self'",
        "img-src": "data:",
        **dict.fromkeys(("base-uri", "form-action", "frame-ancestors"), "'none'"),
    }
    assert not [element for element in read().elements if {"style", "src"} & element.attributes.keys()]
