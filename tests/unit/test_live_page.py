"""The page /calls, written from listings and read as HTML; and /calls.json beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as with_fields

from exporter.collect.breakdowns import printable
from exporter.collect.history import Callers
from exporter.collect.holds import Hold
from exporter.collect.live import LiveCalls
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.models import Call, NamedAgent
from exporter.exotel.remediation import REMEDIATIONS
from exporter.http.live import LiveAccount, State, document
from exporter.http.live_page import HEADERS, page
from exporter.http.live_query import Choices, Query
from tests.html import Read
from tests.live import AT, inspection, live_account, live_calls
from tests.rows import agent, call, personal_call
from tests.snapshots import ANN, CENTRE, ENDED_AT, LEG, LINES, NAMED, TIMED

TIMEOUT = Failure(Reason.TIMEOUT, "no whole answer in the time that was left")
WELL = live_account(live_calls(CENTRE, limit=10), limit=10)
WELL_WITH_LINES = live_account(live_calls(NAMED, lines=LINES))
FAILED = live_account(
    live_calls([call("last-known")], account="beta"),
    name="beta",
    state=State.FAILED,
    failure=TIMEOUT,
    collected_at=ENDED_AT + 60,
)
ACME = Choices(("acme",))
NOT_SCRAPED = live_account(None, name="new", state=State.NOT_SCRAPED, listed_at=None, collected_at=None)


def asked(query: str, accounts: Sequence[LiveAccount], lines: Sequence[str] = ()) -> tuple[Query, Choices]:
    """Read what a URL asks of these accounts."""
    choices = Choices(tuple(account.name for account in accounts), tuple(lines))
    return Query.parse(parse_qsl(query), choices), choices


def wanted(query: Query, accounts: Sequence[LiveAccount]) -> list[LiveAccount]:
    """Return the accounts that it is of."""
    return [each for each in accounts if query.account in {None, each.name}]


def read(*accounts: LiveAccount, query: str = "", lines: Sequence[str] = ()) -> Read:
    """Write the page of these accounts, and read it."""
    parsed, choices = asked(query, accounts, lines)
    return Read(page(parsed, choices, wanted(parsed, accounts)))


def text(*accounts: LiveAccount, query: str = "") -> str:
    """Return what it says, but for its script."""
    return read(*accounts, query=query).text.partition("// Keeps the page")[0]


def answer(*accounts: LiveAccount, query: str = "") -> Any:
    """Return what /calls.json says."""
    parsed, _ = asked(query, accounts)
    return json.loads(document(parsed, wanted(parsed, accounts)))


def cells(shown: Read) -> list[dict[str, str]]:
    """Return the rows of the table, by the class of each cell, without what is only for the eye."""
    rows: list[dict[str, str]] = []
    for element in shown.elements:
        if element.tag == "tr":
            rows.append({})
        elif element.tag == "td":
            rows[-1][str(element.attributes["class"]).split()[0]] = element.text.strip()
    return [row for row in rows if row]


# The table


def test_every_call_is_a_row_with_what_is_known_of_it() -> None:
    """Those that wait first."""
    shown = read(WELL)
    assert [row["status"] for row in cells(shown)] == ["ringing", *["in-progress"] * 3, "unknown"]
    assert "ringing ≥ at least 0:00 no agentnone inbound not recordedno call-3" in shown.text
    assert "in-progress ▲ long: 1:01:40 ben outbound-api not recordedno call-2" in shown.text
    assert "unknown –length not known no agentnone other –recording not known call-5" in shown.text


@pytest.mark.parametrize(
    ("accounts", "columns"),
    [
        ((WELL,), ["Status ▴", "For", "Agent", "Direction", "Recorded"]),
        ((WELL, NOT_SCRAPED), ["Status ▴", "For", "Agent", "Direction", "Account", "Recorded"]),
        (
            (live_account(live_calls(NAMED, lines=LINES)),),
            ["Status ▴", "For", "Agent", "Line", "Direction", "Recorded"],
        ),
        (
            (live_account(live_calls(TIMED, inspections=[inspection(TIMED[0], {"legs": [LEG]})])),),
            ["Status ▴", "For", "Agent", "Direction", "On hold", "Recorded"],
        ),
    ],
)
def test_columns_that_would_be_empty_or_all_the_same_are_left_out(
    accounts: Sequence[LiveAccount], columns: list[str]
) -> None:
    """A single account, no lines, no details."""
    shown = read(*accounts)
    headers = [link for link in shown.elements if link.tag == "a" and "sort=" in str(link.attributes["href"])]
    assert [" ".join(link.text.split()) for link in headers] == [each.removesuffix(" ▴") for each in columns]


def test_headers_sort_by_their_column_and_then_the_other_way() -> None:
    """The filter stays; which one is sorted by is told."""
    links = read(WELL, query="direction=inbound&sort=length").links()
    assert "./calls?direction=inbound&sort=-length" in links
    assert "./calls?direction=inbound&sort=agent" in links
    sorted_by = [
        each.attributes["aria-sort"] for each in read(WELL).elements if "aria-sort" in each.attributes
    ]
    assert sorted_by == ["ascending"]


def test_only_the_first_two_hundred_calls_are_drawn_and_all_are_counted() -> None:
    """The rest is found by filters."""
    many = live_account(live_calls([call(f"call-{number}") for number in range(1204)]))
    shown = read(many)
    assert len(cells(shown)) == 200
    assert "1,204 calls, the first 200 shown: filter to see the others." in shown.text
    assert shown.texts("title") == ["1,204 active calls · Exotel exporter"]


def test_what_is_filtered_is_told_of_all() -> None:
    """And the way back."""
    shown = read(WELL, query="direction=outbound-api")
    assert "2 of 5 calls" in shown.text
    assert "./calls" in shown.links()


@pytest.mark.parametrize(
    ("accounts", "query", "told"),
    [
        ([live_account(live_calls([]))], "", "There are no active calls."),
        ([WELL], "agent=nobody", "No call matches the filter."),
        ([NOT_SCRAPED], "", "No calls are known yet."),
        ([], "", "No calls are known yet."),
    ],
)
def test_why_there_is_no_row_is_told(accounts: Sequence[LiveAccount], query: str, told: str) -> None:
    """None at all is not the same as none that matches, nor as none that is known."""
    assert told in text(*accounts, query=query)


def test_a_bad_filter_is_told_in_place() -> None:
    """With what is accepted, and the rest still works."""
    said = text(WELL, query="status=gone&direction=inbound")
    assert "status : found 'gone'; accepted: waiting, queued, ringing, in-progress" in said.replace(
        "status:", "status :"
    )
    assert "2 of 5 calls" in said


# Accounts in trouble


def test_a_failed_account_keeps_its_last_calls_marked_as_old() -> None:
    """With the reason, when it was last tried, and where it says what to do; the others are untouched."""
    said = text(WELL, FAILED)
    assert "beta failed: timeout, last tried 15 Nov 03:44:20 IST. What to do." in said
    assert f"./runbooks#{REMEDIATIONS[Reason.TIMEOUT].anchor}" in read(WELL, FAILED).links()
    assert "Its calls are those of 15 Nov 03:43:20 IST ." in said.replace("IST.", "IST .")
    aged = [each for each in read(WELL, FAILED).elements if each.attributes.get("class") == "aged"]
    assert len(aged) == 1
    assert "beta as of 03:43:20" in said


def test_the_trouble_of_an_account_is_not_told_where_another_is_asked_for() -> None:
    """Neither on the wallboard nor beside the table."""
    for query in ("account=acme", "account=acme&wallboard=1"):
        assert "beta failed" not in text(WELL, FAILED, query=query)
        assert "beta failed" in text(WELL, FAILED, query=query.replace("acme", "beta"))


def test_calls_that_are_too_old_are_not_shown() -> None:
    """It is told when they were last known; nothing is counted of them."""
    gone = replace(FAILED, calls=None)
    said = text(gone)
    assert "Its calls were last known 15 Nov 03:43:20 IST; they are no longer shown." in said.replace(
        " ;", ";"
    )
    assert "last-known" not in said
    assert "No calls are known yet." in said
    assert "Callers waiting – not known" in said


def test_an_account_that_was_never_listed_has_no_calls() -> None:
    """Whether it failed or nobody scraped it; no figure is made of it."""
    assert "new not scraped yet: its calls aren't known until Prometheus scrapes it." in text(NOT_SCRAPED)
    never = live_account(None, state=State.FAILED, failure=TIMEOUT, listed_at=None)
    assert "Its calls aren't known." in text(never)


def test_an_account_that_nobody_scrapes_says_since_when() -> None:
    """Its calls are those of then."""
    said = text(replace(WELL, state=State.STALE))
    assert "acme not scraped since 15 Nov 03:43:20 IST" in said
    assert "Its calls are those of" in said


# Figures


def figures(*accounts: LiveAccount, query: str = "") -> Mapping[str, str]:
    """Return what each tile of the wallboard says, by its name."""
    found: dict[str, list[str]] = {}
    for element in read(*accounts, query=f"wallboard=1&{query}", lines=LINES.names).elements:
        if element.tag == "dt":
            found[element.text] = []
        elif str(element.attributes.get("class")).split()[:1] in (["value"], ["note"]):
            found[[*found][-1]].append(" ".join(element.text.split()))
    return {name: " ".join(filter(None, parts)) for name, parts in found.items()}


def test_the_wallboard_has_six_figures() -> None:
    """Callers are those of inbound calls; the limit is told in slots, as in the metrics."""
    assert figures(WELL) == {
        "Callers waiting": "1",
        "Longest wait": "0:00 at least",
        "Talking": "3",
        "Agents on call": "2",
        "Service level": "– after 5 min of scrapes at most 30 s apart",
        "Share of limit": "50% 5 of 10 slots; about 1% refused at this load",
    }


def test_the_service_level_is_that_of_all_accounts_whose_callers_are_known() -> None:
    """An account without callers doesn't lower it."""
    known = [Callers(30, 40, 60), Callers(0, 0, 60), None, Callers(9, 10, 60)]
    accounts = [
        live_account(WELL.calls, name=f"a{number}", callers=each) for number, each in enumerate(known)
    ]
    assert figures(*accounts)["Service level, 1 h"] == "78% below 80% within 20 s; from 3 of 4 accounts"
    assert figures(accounts[1])["Service level, 1 h"] == "– no callers"
    assert figures(WELL_WITH_LINES, query="line=sales")["Service level"] == "– not known by line"
    new = live_account(WELL.calls, callers=Callers(799, 1000, 6))
    assert figures(new)["Service level, 6 min"] == "79% below 80% within 20 s"


@pytest.mark.parametrize(
    "query", ["direction=outbound-api", "status=ringing", "agent=nobody", "longer_than=9h"]
)
def test_figures_above_the_table_are_of_all_calls(query: str) -> None:
    """Else who filters would take the callers who wait for none."""
    tiles = "Callers waiting 1 Longest wait 0:00 at least Talking 3 Agents on call 2"
    assert tiles in " ".join(text(WELL, query=query).split())


def test_figures_are_of_an_account_or_a_line() -> None:
    """Whichever is asked for."""
    found = figures(WELL_WITH_LINES, query="line=sales")
    assert (found["Callers waiting"], found["Talking"]) == ("0", "2")
    assert figures(WELL_WITH_LINES)["Talking"] == "3"


@pytest.mark.parametrize("query", ["line=gone", "account=gone", "direction=inbound", "account=a&account=b"])
def test_a_wallboard_of_what_there_is_not_has_no_figures(query: str) -> None:
    """A line that was renamed has no callers who wait; nobody knows of any, which isn't 0."""
    assert all(value.startswith("–") for value in figures(WELL, query=query).values())
    assert "found" in text(WELL, query=f"wallboard=1&{query}")


@pytest.mark.parametrize("query", ["line=a&line=b", "account=a&account=b", "line=gone"])
def test_a_table_of_what_there_is_not_has_no_calls(query: str) -> None:
    """As its figures have none."""
    assert not cells(read(WELL, query=query))
    assert "No call matches the filter." in text(WELL, query=query)


def test_figures_of_some_accounts_say_so() -> None:
    """As do the counts; nobody takes them for all."""
    assert figures(WELL, NOT_SCRAPED)["Callers waiting"] == "1 from 1 of 2 accounts"
    assert figures(WELL, NOT_SCRAPED)["Talking"] == "3 from 1 of 2 accounts"
    assert figures(WELL, NOT_SCRAPED)["Longest wait"] == "0:00 at least; from 1 of 2 accounts"
    assert "acme" in figures(WELL, NOT_SCRAPED)["Share of limit"]
    assert figures(WELL, NOT_SCRAPED)["Share of limit"].endswith("; from 1 of 2 accounts")
    served = live_account(WELL.calls, callers=Callers(1, 2, 60))
    assert figures(served, NOT_SCRAPED)["Service level, 1 h"].endswith("20 s; from 1 of 2 accounts")
    for query in ("", "wallboard=1"):
        assert "5 calls from 1 of 2 accounts." in " ".join(text(WELL, NOT_SCRAPED, query=query).split())
    assert "No active calls are known." in text(live_account(live_calls([])), NOT_SCRAPED)


def test_a_wallboard_of_old_figures_says_so_above_them() -> None:
    """With since when; and they are faint."""
    said = " ".join(text(FAILED, query="wallboard=1").split())
    assert said.index("beta failed: timeout") < said.index("Callers waiting")
    assert "As of 03:43:20 IST" in said
    assert "tiles aged" in [
        each.attributes.get("class") for each in read(FAILED, query="wallboard=1").elements
    ]


def test_who_waits_in_a_direction_that_is_not_known_is_not_left_out() -> None:
    """Some servers leave directions out."""
    found = figures(live_account(live_calls([call("a", None, "queued", 0.0)])))
    assert found["Callers waiting"] == found["Longest wait"] == "– directions not known"


def test_a_talk_whose_beginning_is_not_known_has_lasted_at_most_as_long_as_the_call() -> None:
    """Where durations don't count from the answer."""
    talking = live_calls([call("a", "inbound", "in-progress", 90.0)])
    unknown = with_fields(talking.rows[0], talking_seconds=None)
    vars(talking)["rows"] = (unknown,)
    assert "in-progress ≤ at most 1:30" in text(live_account(talking))


def test_a_long_wait_is_told_in_words_as_well() -> None:
    """Colour is never alone."""
    waits = call("a", "inbound", "ringing", 0.0)
    before: list[list[Call]] = [[], *[[waits]] * 9]
    found = figures(live_account(live_calls([waits], before=before)))
    assert found["Longest wait"] == "2:22 over two minutes"


def test_of_several_limits_the_fullest_is_told() -> None:
    """A sum would hide it."""
    other = live_account(live_calls(CENTRE, account="small", limit=5), name="small", limit=5)
    assert figures(WELL, other)["Share of limit"].startswith("100% 5 of 5 slots, small")
    assert figures(WELL, other, query="account=acme")["Share of limit"].startswith("50% 5 of 10 slots")


def test_figures_that_are_not_known_are_no_zeros() -> None:
    """Neither without calls, nor without a limit, nor where the API says nothing of agents."""
    assert set(figures(NOT_SCRAPED).values()) == {"– not known"}
    silent = figures(live_account(live_calls([call("a", "inbound", "in-progress", 1.0)])))
    assert silent["Agents on call"] == "– not known"
    assert silent["Share of limit"] == "– no call_limit set"
    assert silent["Callers waiting"] == "0"


# JSON


def test_json_has_the_same_rows() -> None:
    """Every call with what is known of it, and where each account stands."""
    held = {"legs": [{**LEG, "audio_status": {"muted": True, "hold": True}}]}
    hold = Hold(0.0, since=AT, seen_at=AT, was_told=True)
    calls = live_calls([CENTRE[0]], inspections=[inspection(CENTRE[0], held, hold=hold)])
    told = answer(live_account(calls), FAILED)
    assert told["accounts"] == [
        {
            "name": "acme",
            "state": "listed",
            "listed_at": "2023-11-14T22:13:20.500000Z",
            "collected_at": "2023-11-14T22:13:20.500000Z",
            "failure": None,
            "calls": 1,
        },
        {
            "name": "beta",
            "state": "failed",
            "listed_at": "2023-11-14T22:13:20.500000Z",
            "collected_at": "2023-11-14T22:14:20.500000Z",
            "failure": {"reason": "timeout", "detail": TIMEOUT.detail},
            "calls": 1,
        },
    ]
    assert (told["total"], told["matching"], told["shown"]) == (2, 2, 2)
    assert told["calls"][0] == {
        "account": "acme",
        "call_sid": "call-1",
        "direction": "inbound",
        "status": "in-progress",
        "line": None,
        "has_agent": True,
        "agent_id": "ann",
        "agent_name": None,
        "duration_seconds": 42.0,
        "waiting_seconds": None,
        "waiting_seconds_at_least": False,
        "talking_seconds": 42.0,
        "recorded": True,
        "details": {
            "inspected_at": "2023-11-14T22:13:20.500000Z",
            "legs": 1,
            "legs_muted": 1,
            "on_hold": True,
            "on_hold_seconds": 0.0,
        },
    }


def test_json_is_filtered_by_the_same_parameters_and_bounded() -> None:
    """All are counted, those of ten thousand are written."""
    assert [each["call_sid"] for each in answer(WELL, query="agent=ben")["calls"]] == ["call-2"]
    told = answer(live_account(live_calls([call(str(number)) for number in range(10_001)])))
    assert (told["total"], told["matching"], told["shown"], len(told["calls"])) == (10_001,) * 2 + (
        10_000,
    ) * 2


# Hostile texts

HOSTILE = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="<>\"'&/=!-{%}# \x00\n\r\u202e\u2066\ud800bdiscript", max_size=200),
    st.sampled_from(
        ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "x" * 10_000, "{{ 7 * 7 }}"]
    ),
)


def shown(sid: str, agent_id: str, name: str, detail: str, status: str, *, wallboard: bool) -> Read:
    """Return the page of one account with these texts, all of which others write."""
    named = NamedAgent(agent_id or "x", None, name or "x")
    of = [personal_call(sid or "x", "inbound", "in-progress", 1.0, named)]
    failure = Failure(Reason.INTERNAL, detail)
    account = live_account(live_calls(of, has_names=True), state=State.FAILED, failure=failure)
    parameters = [("status", f"x{status}"), ("wallboard", str(int(wallboard)))]
    return Read(page(Query.parse(parameters, ACME), ACME, [account]))


USUAL = [shown("a", "b", "c", "d", "e", wallboard=wallboard) for wallboard in (False, True)]


def same_structure(odd: Read, usual: Read) -> None:
    """Fail if two pages differ in more than texts and the values of attributes that hold some."""
    own = {"data-key", "title", "value", "href"}
    for one, other in zip(odd.elements, usual.elements, strict=True):
        assert (one.tag, one.attributes.keys()) == (other.tag, other.attributes.keys())
        for name in one.attributes.keys() - own:
            assert one.attributes[name] == other.attributes[name]


@given(texts=st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE), wallboard=st.booleans())
def test_no_text_changes_what_the_page_is_made_of(texts: tuple[str, ...], *, wallboard: bool) -> None:
    """Whatever ids, names, errors and filters say: elements and attributes stay, and no text is endless."""
    odd = shown(*texts, wallboard=wallboard)
    same_structure(odd, USUAL[wallboard])
    assert all(len(value or "") < 600 for one in odd.elements for value in one.attributes.values())
    if not wallboard:
        assert odd.texts("code") == [printable(texts[0] or "x")]


@given(agent_filter=HOSTILE.map(lambda text: f"x{text}"[:128]), gone=HOSTILE.map(lambda text: f"x{text}"))
def test_no_filter_changes_what_the_page_is_made_of(agent_filter: str, gone: str) -> None:
    """It stands in the form, in links and, if it is rejected, in a message."""

    def filtered(agent_filter: str, gone: str) -> Read:
        return Read(page(Query.parse([("agent", agent_filter), ("account", gone)], ACME), ACME, [WELL]))

    same_structure(filtered(agent_filter, gone), filtered("xb", "xa"))


def test_no_number_of_a_telephone_is_on_the_page() -> None:
    """Rows have both, where lines or names are asked for."""
    account = live_account(live_calls(NAMED, lines=LINES, has_names=True))
    numbers = [number for each in NAMED for number in (each.from_, each.to) if number and number != "x"]
    assert len(numbers) > 3
    for query in ("", "wallboard=1"):
        parsed, choices = asked(query, [account], LINES.names)
        said = page(parsed, choices, [account]) + document(parsed, [account]).decode()
        assert not [number for number in numbers if number in said]


def test_names_of_agents_are_shown_only_where_they_are_asked_for() -> None:
    """Ids always are."""
    of = [personal_call("a", "inbound", "in-progress", 1.0, ANN)]
    assert "Asha" not in text(live_account(live_calls(of)))
    assert "Asha Rao ann" in text(live_account(live_calls(of, has_names=True)))


def test_only_the_page_itself_can_be_fetched_and_only_its_own_style_and_script_apply() -> None:
    """No site frames it, sends forms to others, or reads it."""
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy.keys() == {
        *("default-src", "style-src", "script-src", "connect-src", "img-src"),
        *("base-uri", "form-action", "frame-ancestors"),
    }
    assert {policy[name] for name in ("default-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert {policy[name] for name in ("connect-src", "form-action")} == {"'self'"}
    assert all(policy[name].startswith("'sha256-") for name in ("style-src", "script-src"))
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["Cross-Origin-Resource-Policy"] == "same-origin"
    assert HEADERS["Cache-Control"] == "no-store"
    assert not [each for each in read(WELL).elements if {"style", "src", "onclick"} & each.attributes.keys()]


def test_the_page_changes_only_with_what_it_shows() -> None:
    """So that what was written before still holds: no age, no time but those of listings."""
    assert page(Query(), ACME, [WELL]) == page(Query(), ACME, [WELL])


@pytest.mark.parametrize("calls", [None, live_calls([call("a", agent_details=agent("x"))])])
def test_the_key_of_an_account_changes_with_what_is_shown_of_it(calls: LiveCalls | None) -> None:
    """And keeps no calls in memory."""
    account = live_account(calls)
    changed = [
        replace(account, state=State.FAILED),
        replace(account, failure=TIMEOUT),
        replace(account, collected_at=ENDED_AT + 1),
        replace(account, calls=live_calls([])),
        replace(account, name="other"),
    ]
    assert len({account.key, *(each.key for each in changed)}) == 6
    assert replace(account).key == account.key


def test_script_and_style_are_for_browsers_of_2020() -> None:
    """Nothing that came to Chromium after version 80, or to Firefox after 74, and would break the page."""
    shown = read(WELL)
    [style], [script] = shown.texts("style"), shown.texts("script")
    newer = (
        r"\?\.[a-z(\[]|\?\?|\|\|=|&&=|\.at\(|replaceAll|replaceChildren|AbortSignal|structuredClone|\.any\("
    )
    assert not re.findall(newer, script)
    assert not re.findall(
        r":has\(|:is\(|@layer|@container|\bgap:|inset:|color-mix|light-dark\(|:focus-visible", style
    )


def test_holds_are_followed_as_of_the_listing() -> None:
    """A hold of over two minutes is worth a look."""
    talking = call("a", "inbound", "in-progress", 900.0)
    held = {"legs": [{**LEG, "audio_status": {"muted": False, "hold": True}}]}
    found = inspection(talking, held)
    found = replace(found, hold=replace(found.hold, since=AT - 130, seen_at=AT, was_told=True))
    assert "on hold ▲ long: 2:10" in text(live_account(live_calls([talking], inspections=[found])))
