"""/calls in a real browser: how it looks, how it keeps current, and what it does without its script."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from math import inf
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from exporter.config import CollectionConfig, Line, MetricsConfig, StreamsConfig
from exporter.http.endpoints import Endpoints
from exporter.simulator import EXOPHONES, Settings, Simulator
from tests.e2e.browser import Browser, browser
from tests.serving import EAGER, account, served
from tests.tools import require_module
from tests.waiting import GUARD, wait_until

SMALL_PHONE, PHONE, DESK, WALL = (320, 640), (360, 740), (1366, 768), (3840, 2160)
PAGES = (
    "/calls",
    "/calls?wallboard=1",
    "/calls?status=gone&direction=inbound&sort=-length",
    "/calls?agent=nobody",
    "/calls?wallboard=1&account=failing",
    "/calls?wallboard=1&line=gone",
)
LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
HOSTILE = "<img src=//example.invalid/a.png onerror=alert(1)>'\"&amp;"
LINES = (
    Line("sales", EXOPHONES[:2]),
    Line("a line whose name is as long as it may be and some", EXOPHONES[2:3]),
)
DETAILED = CollectionConfig(
    timeout=EAGER.timeout,
    min_interval=0,
    requests_per_minute=100_000,
    streams=StreamsConfig(enabled=True, max_per_scrape=40),
)
COMPLAINTS = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
AT_ONCE = "document.dispatchEvent(new Event('visibilitychange'))"
"""Has the page ask without waiting for its time."""


@dataclass
class Opened:
    """A browser, and the exporter whose page it is to open; the simulators of two of its accounts."""

    browser: Browser
    url: str
    simulator: Simulator
    failing: Simulator
    renewed_at: float = -inf

    def show(self, path: str, size: tuple[int, int] = DESK, scheme: str = "light") -> Browser:
        """Open a page; its calls are not about to be too old to be shown."""
        if time.monotonic() > self.renewed_at + 60:
            self.renew()
        self.browser.show(self.url + path, size, scheme)
        return self.browser

    def renew(self) -> None:
        """Have one account well, and the other fail after it was listed."""
        self.failing.clear_faults()
        self.collect()
        self.failing.set_faults(["status:500"])
        self.collect()
        self.renewed_at = time.monotonic()

    def collect(self) -> None:
        """Have all accounts collected, but for the one that nobody scrapes."""
        for name in (HOSTILE, "failing"):
            assert requests.get(f"{self.url}/probe", params={"target": name}, timeout=GUARD).ok


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A browser beside an exporter of an account that is well, one that failed, and one never scraped."""
    names = MetricsConfig(agent_names=True)
    with (
        Simulator(Settings(calls=60, speed=0, second_calls=0.1)) as well,
        Simulator(Settings(calls=5, speed=0, seed=2)) as failing,
        browser(tmp_path_factory.mktemp("live")) as chromium,
    ):
        made = [
            account(HOSTILE, well.url, collection=DETAILED, lines=LINES, metrics=names, live_calls=True),
            account("failing", failing.url, live_calls=True),
            account("never scraped", failing.url, live_calls=True),
        ]
        with served(made, Endpoints(live_calls=True)) as url:
            yield Opened(chromium, url, well, failing)


# Looks


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [SMALL_PHONE, PHONE, DESK, WALL], ids=str)
@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_legible(opened: Opened, path: str, size: tuple[int, int], scheme: str) -> None:
    """Nothing reaches beyond the screen's edge, no letter is small or faint, and night is dark."""
    looks = opened.show(path, size, scheme).evaluate(LOOKS)
    assert {what: looks[what] for what in ("wide", "scrolls", "small", "faint")} == {
        "wide": [],
        "scrolls": False,
        "small": [],
        "faint": [],
    }
    assert looks["lettered"] > 20
    assert looks["ground"] < 0.02 if scheme == "dark" else looks["ground"] > 0.98


@pytest.mark.parametrize("size", [PHONE, DESK], ids=str)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(opened: Opened, path: str, size: tuple[int, int]) -> None:
    """What keyboards and screen readers can't use (https://github.com/dequelabs/axe-core)."""
    require_module("axe_core_python")
    seen = opened.show(path, size)
    seen.evaluate(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";0")
    found = seen.evaluate("axe.run().then(({violations}) => violations)")
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def test_the_wallboard_fits_a_wall(opened: Opened) -> None:
    """All six figures are on the screen, in digits that are a twelfth of its height at least."""
    seen = opened.show("/calls?wallboard=1", WALL)
    boxes = seen.evaluate(
        "[...document.querySelectorAll('.tile .value')].map((each) => each.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == 6
    assert all(box["bottom"] <= WALL[1] and box["right"] <= WALL[0] for box in boxes)
    assert all(box["height"] >= WALL[1] / 12 for box in boxes)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=str)
def test_a_screen_reader_finds_a_table_with_its_columns(opened: Opened, size: tuple[int, int]) -> None:
    """Also where it looks like cards; which column is sorted by is told."""
    tree = opened.show("/calls", size).call("Accessibility.getFullAXTree")["nodes"]
    roles = [node.get("role", {}).get("value") for node in tree]
    assert roles.count("columnheader") == 10
    assert roles.count("row") == 66
    names = [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == "columnheader"]
    assert names[:3] == ["Status", "For", "Agent"]


# What it asks for, and what it lets others do


@pytest.mark.parametrize("path", PAGES)
def test_the_page_asks_for_nothing_but_itself_and_complains_of_nothing(opened: Opened, path: str) -> None:
    """No error in the console; and what a name tries to do doesn't happen."""
    seen = opened.show(path)
    seen.evaluate(AT_ONCE)
    wait_until(lambda: len(asked(seen)) >= 2, "the page to fetch itself")
    assert set(asked(seen)) == {opened.url + path}
    assert not seen.events(*COMPLAINTS)


def asked(seen: Browser) -> list[str]:
    """Return what was asked for since the page was opened."""
    seen.evaluate("0")  # takes in what has happened
    return [event["request"]["url"] for event in seen.events("Network.requestWillBeSent")]


def test_a_script_or_style_that_got_into_the_page_would_not_run(opened: Opened) -> None:
    """The policy holds where escaping would not."""
    seen = opened.show("/calls")
    add = "document.body.append(Object.assign(document.createElement('{}'), {{textContent: '{}'}}))"
    seen.evaluate(add.format("script", "window.owned = true"))
    seen.evaluate(add.format("style", "body { display: none }"))
    seen.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert seen.evaluate("window.owned") is None
    assert seen.evaluate("document.body.checkVisibility()")
    refused = [event["entry"]["text"] for event in seen.events("Log.entryAdded")]
    assert len(refused) >= 3
    assert all("Content Security Policy" in text for text in refused)


# How it keeps current


def test_what_has_changed_is_changed_and_nothing_else_is_lost(opened: Opened) -> None:
    """Place, focus and what was typed stay; rows of calls that go on are the same elements."""
    seen = opened.show("/calls?direction=inbound&account=" + quote(HOSTILE), PHONE)
    seen.evaluate(
        "document.getElementById('shows-filter').checked = true; "
        "agent.focus({preventScroll: true}); scrollTo(0, 900); agent.value = 'as'"
    )
    before = seen.evaluate("document.querySelector('.count').textContent")
    opened.simulator.advance(120)
    opened.collect()
    seen.evaluate(AT_ONCE)
    wait_until(
        lambda: (
            seen.evaluate("document.querySelector('.count .asof time').dateTime") not in before
            and seen.evaluate("document.querySelector('.count').textContent") != before
        ),
        "the next snapshot on the page",
    )
    assert seen.evaluate("[scrollY > 0, document.activeElement.id, agent.value]") == [True, "agent", "as"]


def test_a_selection_stays_while_another_row_moves(opened: Opened) -> None:
    """Here the first row goes to the end: it is moved, not all the others."""
    seen = opened.show("/calls?account=" + quote(HOSTILE))
    seen.evaluate(
        "const body = document.querySelector('tbody'); "
        "body.prepend(body.lastElementChild); "  # which the exporter has last
        "window.rows = [...body.children]; "
        "getSelection().selectAllChildren(rows[20].querySelector('code'))"
    )
    seen.evaluate(AT_ONCE)
    wait_until(
        lambda: seen.evaluate("document.querySelector('tbody').lastElementChild === rows[0]"),
        "the rows in order",
    )
    assert seen.evaluate("[String(getSelection()).length, rows.every((row) => row.isConnected)]") == [
        32,
        True,
    ]


def test_what_an_extension_adds_does_not_make_the_page_load_again(opened: Opened) -> None:
    """Many add a style to each page."""
    add = "document.documentElement.append(document.createElement('style'))"
    script = opened.browser.call("Page.addScriptToEvaluateOnNewDocument", source=add, worldName="extension")
    try:
        seen = opened.show("/calls")
        for number in (2, 3):
            seen.evaluate(AT_ONCE)
            wait_until(lambda number=number: len(statuses(seen)) >= number, "an answer")  # type: ignore[misc]
        assert len(seen.events("Page.loadEventFired")) == 1
    finally:
        opened.browser.call("Page.removeScriptToEvaluateOnNewDocument", **script)


def test_trouble_comes_and_goes_without_taking_what_is_typed(opened: Opened) -> None:
    """Above the form, which stays where the keyboard is."""
    seen = opened.show("/calls?direction=inbound&account=" + quote(HOSTILE))
    seen.evaluate("longer_than.focus(); longer_than.value = '7'; window.form = longer_than.form")
    notices = "document.querySelectorAll('.notices').length"
    for fault, shown in ((["status:500"], 1), ([], 0)):
        opened.simulator.set_faults(fault)
        opened.collect()
        seen.evaluate(AT_ONCE)
        wait_until(lambda shown=shown: seen.evaluate(notices) == shown, "the trouble, then none")  # type: ignore[misc]
        kept = seen.evaluate("[document.activeElement.id, longer_than.value, form.isConnected]")
        assert kept == ["longer_than", "7", True]


def test_a_page_that_has_not_changed_is_not_sent_again(opened: Opened) -> None:
    """The second fetch is answered with 304."""
    seen = opened.show("/calls")
    for number in (1, 2):
        seen.evaluate(AT_ONCE)
        wait_until(lambda number=number: len(statuses(seen)) > number, "an answer")  # type: ignore[misc]
    assert statuses(seen)[:3] == [200, 200, 304]


def statuses(seen: Browser) -> list[int]:
    """Return how what was asked for was answered."""
    seen.evaluate("0")
    return [event["response"]["status"] for event in seen.events("Network.responseReceived")]


def test_an_exporter_that_does_not_answer_is_told_until_it_does(opened: Opened) -> None:
    """With since when; what is shown is marked as of then."""
    seen = opened.show("/calls?wallboard=1")
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    try:
        seen.call("Network.emulateNetworkConditions", offline=True, **network)
        seen.evaluate(AT_ONCE)
        said = wait_until(lambda: seen.evaluate("said.textContent"), "trouble on the page")
        assert said.startswith("This page is as of ")
        assert seen.evaluate("document.body.className") == "lost"
    finally:
        seen.call("Network.emulateNetworkConditions", offline=False, **network)
    seen.evaluate(AT_ONCE)
    wait_until(lambda: not seen.evaluate("said.textContent"), "the end of it")
    assert seen.evaluate("document.body.className") == ""


def test_updates_can_be_paused(opened: Opened) -> None:
    """Which is to be seen; the button then goes on."""
    seen = opened.show("/calls")
    seen.evaluate("pause.click()")
    assert seen.evaluate("[pause.textContent, document.body.className]") == ["Resume", "paused"]
    before = len(asked(seen))
    seen.evaluate(AT_ONCE)
    assert len(asked(seen)) == before
    seen.evaluate("pause.click()")
    wait_until(lambda: len(asked(seen)) > before, "the next fetch")


def test_a_tab_that_nobody_sees_asks_for_nothing(opened: Opened) -> None:
    """And asks at once when it is seen again."""
    seen = opened.show("/calls")
    seen.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away})")
    seen.evaluate(f"window.away = true; {AT_ONCE}")
    before = len(asked(seen))
    seen.evaluate(AT_ONCE)
    assert len(asked(seen)) == before
    seen.evaluate(f"window.away = false; {AT_ONCE}")
    wait_until(lambda: len(asked(seen)) > before, "the next fetch")


@pytest.mark.parametrize(
    ("zone", "here"), [("America/New_York", True), ("Asia/Kolkata", False), ("UTC", False)]
)
def test_times_are_told_in_india_and_where_the_browser_is(opened: Opened, zone: str, *, here: bool) -> None:
    """And how long ago that was."""
    opened.browser.call("Emulation.setTimezoneOverride", timezoneId=zone)
    try:
        seen = opened.show("/calls?account=" + quote(HOSTILE))
        said = seen.evaluate("document.querySelector('.asof').textContent")
    finally:
        opened.browser.call("Emulation.setTimezoneOverride", timezoneId="")
    assert " IST (" in said
    assert (" here, " in said) is here
    assert said.endswith(" ago")


# Without its script


def test_it_works_without_its_script(opened: Opened) -> None:
    """Rows, filters and sorting are there; a button that would do nothing isn't."""
    opened.browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        seen = opened.show("/calls?direction=inbound")
        tree = seen.call("Accessibility.getFullAXTree")["nodes"]
    finally:
        opened.browser.call("Emulation.setScriptExecutionDisabled", value=False)
    names = {(node.get("role", {}).get("value"), node.get("name", {}).get("value")) for node in tree}
    assert {("button", "Filter"), ("link", "Agent"), ("combobox", "Status")} <= names
    assert ("button", "Pause") not in names


def test_the_form_asks_for_what_is_chosen(opened: Opened) -> None:
    """By the address, so that it can be kept and sent on; the order stays."""
    seen = opened.show("/calls?sort=-length")
    seen.evaluate("document.querySelector('form [name=status]').value = 'waiting'")
    seen.follow("document.querySelector('form button').click()")
    query = seen.evaluate("location.search")
    assert "status=waiting" in query
    assert "sort=-length" in query
    statuses = seen.evaluate(
        "[...new Set([...document.querySelectorAll('td.status')].map((e) => e.textContent))]"
    )
    assert set(statuses) <= {"queued", "ringing"}
