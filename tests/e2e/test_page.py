"""The page for people in a real browser, as a telephone and a desk show it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

from tests.e2e.browser import Browser, browser
from tests.e2e.exotel import account, exporter_of, simulator
from tests.ports import free_address
from tests.waiting import GUARD, wait_until

HOSTILE = "<script>document.title='owned'</script>\"'&amp;<img src=//example.invalid/a.png onerror=alert(1)>"
LONG = "x" * 128
SHOWN = ("refused", "unknown-sid", LONG, HOSTILE, "demo")
"""The accounts, in the order in which the page shows them: the first three failed."""

SMALL_PHONE, PHONE, DESK = (320, 640), (360, 740), (1280, 800)

LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Opened:
    """A browser, and the exporter whose page it is to open."""

    browser: Browser
    url: str

    def look(self, size: tuple[int, int] = DESK, scheme: str = "light") -> Browser:
        """Open the page on a screen of this size, in light or in dark."""
        self.browser.show(f"{self.url}/", size, scheme)
        return self.browser


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A browser beside an exporter that has been scraped once.

    Of its accounts one is refused and one isn't known; the token of another has gone with its file, whose
    path is long.
    """
    folder = tmp_path_factory.mktemp("page")
    token = folder / ("t" * 200)
    token.write_text("demo", encoding="utf-8")
    with simulator(folder, "--calls=60") as api:
        accounts = {name: account(api, name) for name in SHOWN}
        accounts["demo"]["call_limit"] = 150
        accounts["refused"]["api_token"] = "wrong"
        accounts["unknown-sid"]["account_sid"] = "nobody"
        del accounts[LONG]["api_token"]
        accounts[LONG]["api_token_file"] = str(token)
        with exporter_of("page", folder, [*accounts.values()]) as (address, _), browser(folder) as chromium:
            url = f"http://{address}"
            token.unlink()
            assert requests.get(f"{url}/metrics", timeout=GUARD).ok
            yield Opened(chromium, url)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [SMALL_PHONE, PHONE, DESK], ids=str)
def test_the_page_is_legible(opened: Opened, size: tuple[int, int], scheme: str) -> None:
    """Nothing reaches beyond the screen's edge, no letter is small or faint, and night is dark."""
    looks = opened.look(size, scheme).evaluate(LOOKS)
    assert {what: looks[what] for what in ("wide", "scrolls", "small", "faint")} == {
        "wide": [],
        "scrolls": False,
        "small": [],
        "faint": [],
    }
    assert looks["lettered"] > 40
    assert looks["ground"] < 0.02 if scheme == "dark" else looks["ground"] > 0.98


@pytest.mark.parametrize("size", [PHONE, DESK], ids=str)
def test_the_page_asks_for_nothing_else_and_complains_of_nothing(
    opened: Opened, size: tuple[int, int]
) -> None:
    """One request; no error in the console; and what a name tries to do doesn't happen."""
    seen = opened.look(size)
    asked = [event["request"]["url"] for event in seen.events("Network.requestWillBeSent")]
    assert asked == [f"{opened.url}/"]
    complaints = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    assert not seen.events(*complaints)
    assert seen.evaluate("document.title") == "2 of 5 accounts listed, 3 failed · Exotel exporter"


REFRESHED = "document.querySelector('.head').textContent"


def test_the_page_refreshes_itself_and_leaves_the_reader_alone(opened: Opened) -> None:
    """Rows change where they are: scroll, focus and selection stay; what it does can be stopped."""
    seen = opened.look((1280, 300))
    seen.evaluate("""
        window.row = document.querySelectorAll('tbody tr')[1];
        window.row.querySelector('a').focus();
        getSelection().selectAllChildren(window.row.querySelector('bdi'));
        scrollTo(0, 200);
    """)
    state = """[window.row.isConnected, document.activeElement.href, String(getSelection()), scrollY]"""
    before, first = seen.evaluate(state), seen.evaluate(REFRESHED)
    wait_until(lambda: seen.evaluate(REFRESHED) != first, "a page that is newer")
    assert seen.evaluate(state) == before
    assert before[2] == SHOWN[1]
    assert not seen.events("Log.entryAdded", "Runtime.exceptionThrown")
    seen.evaluate("document.getElementById('pause').click()")
    assert seen.evaluate("document.getElementById('pause').textContent") == "Resume"


def test_a_page_whose_exporter_is_gone_says_so_and_keeps_what_it_shows(
    opened: Opened, tmp_path: Path
) -> None:
    """Until it answers again; nobody is to take the figures for those of now."""
    status = "document.querySelector('[role=status]').textContent"
    address = free_address()
    with exporter_of("gone", tmp_path, [account("http://127.0.0.1:1")], listen=address):
        opened.browser.open(f"http://{address}/")
        assert opened.browser.evaluate(status) == ""
    wait_until(lambda: "This page is as of " in opened.browser.evaluate(status), "word of it")
    assert "can't be reached" in opened.browser.evaluate(status)
    assert "demo" in opened.browser.evaluate("document.body.textContent")
    with exporter_of("back", tmp_path, [account("http://127.0.0.1:1")], listen=address):
        wait_until(lambda: opened.browser.evaluate(status) == "", "that it is back")
    opened.browser.open("about:blank")  # or it would ask whoever is next to have this port


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [SMALL_PHONE, DESK], ids=str)
def test_the_page_before_the_first_scrape_is_legible(
    opened: Opened, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    """With the configuration to copy in it."""
    with exporter_of("new", tmp_path, [account("http://127.0.0.1:1")]) as (address, _):
        looks = Opened(opened.browser, f"http://{address}").look(size, scheme).evaluate(LOOKS)
        assert address in opened.browser.evaluate("document.querySelector('pre').textContent")
    assert (looks["wide"], looks["scrolls"], looks["small"], looks["faint"]) == ([], False, [], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [SMALL_PHONE, DESK], ids=str)
def test_the_runbooks_are_legible(opened: Opened, size: tuple[int, int], scheme: str) -> None:
    """From the alert's link on: its section is what is seen first."""
    opened.browser.open("about:blank")  # the same page with an anchor wouldn't be loaded again
    opened.browser.show(f"{opened.url}/runbooks#exotelringingtoolong", size, scheme)
    looks = opened.browser.evaluate(LOOKS)
    assert (looks["wide"], looks["scrolls"], looks["small"], looks["faint"]) == ([], False, [], [])
    assert looks["lettered"] > 500
    top = opened.browser.evaluate(
        "document.getElementById('exotelringingtoolong').getBoundingClientRect().top"
    )
    assert -1 < top < size[1] / 2  # it may be off by less than a pixel
    assert not opened.browser.events("Log.entryAdded", "Runtime.exceptionThrown")


def test_a_script_that_got_into_the_page_would_not_run(opened: Opened) -> None:
    """The policy holds where escaping would not: no script, no style but the page's own."""
    seen = opened.look()
    add = "document.body.append(Object.assign(document.createElement('{}'), {{textContent: '{}'}}))"
    seen.evaluate(add.format("script", "window.owned = true"))
    seen.evaluate(add.format("style", "body { display: none }"))
    assert seen.evaluate("window.owned") is None
    assert seen.evaluate("document.body.checkVisibility()")
    refused = [event["entry"]["text"] for event in seen.events("Log.entryAdded")]
    assert len(refused) == 2
    assert all("Content Security Policy" in text for text in refused)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=str)
def test_a_screen_reader_finds_a_table_with_a_row_for_each_account(
    opened: Opened, size: tuple[int, int]
) -> None:
    """Also where it doesn't look like one; the names are the rows' headers, those that failed first."""
    tree = opened.look(size).call("Accessibility.getFullAXTree")["nodes"]
    headers = [_name(node) for node in tree if node.get("role", {}).get("value") == "rowheader"]
    shown = [header.removesuffix(" probe debug") for header in headers]
    assert shown == list(SHOWN)


def test_links_lead_where_they_say(opened: Opened) -> None:
    """Those of the exporter to its endpoints; each account's to its probe, without and with its log."""
    links = opened.look().evaluate("[...document.links].map((link) => [link.textContent, link.href])")
    for name in ("/metrics", "/sd", "/-/healthy", "/-/ready"):
        [href] = [href for text, href in links if text == name]
        assert href == urljoin(opened.url, name)
        assert requests.get(href, timeout=GUARD).ok
    asked = {
        what: [parse_qs(urlsplit(href).query) for text, href in links if text == what]
        for what in ("probe", "debug")
    }
    assert asked["probe"] == [{"target": [name]} for name in SHOWN]
    assert asked["debug"] == [{"target": [name], "debug": ["true"]} for name in SHOWN]
    answers = {text: requests.get(href, timeout=GUARD).text for text, href in links if _is_of(href, HOSTILE)}
    label = HOSTILE.replace('"', r"\"")
    assert f'exotel_up{{account="{label}"}} 1.0' in answers["probe"]
    assert "Log of the probe:" in answers["debug"]


def _is_of(href: str, name: str) -> bool:
    return parse_qs(urlsplit(href).query).get("target") == [name]


def _name(node: dict[str, Any]) -> str:
    return str(node["name"]["value"])
