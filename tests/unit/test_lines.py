"""Which line a call is on, by numbers that may be written in any way."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.breakdowns import OTHER, Lines, LineTally, tally_lines
from exporter.collect.tallies import KNOWN_PAIRS
from exporter.config import Line
from exporter.exotel.decode import read_page
from exporter.exotel.models import Call, PersonalCall
from exporter.simulator.malformed import MALFORMED_ROWS
from exporter.simulator.phone_numbers import EXOPHONES, Format, customer, write
from tests.rows import PERSONAL_CALLS, TEXT, call, personal_call

LINES = Lines(
    [
        Line("sales", ("+918012345678", "+918012345679")),
        Line("support", ("+912212345678",)),
        Line("singapore", ("+6567890123",)),
        Line("rome", ("+390612345678",)),
        Line("boston", ("+16175550123",)),
    ]
)
SPELLINGS = {
    "sales": [
        *("+918012345678", "918012345678", "0918012345678", "00918012345678", "08012345678", "8012345678"),
        *("9108012345679", "8012345679"),
    ],
    "support": ["+912212345678", "0912212345678", "02212345678"],
    "singapore": ["+6567890123", "6567890123", "06567890123", "006567890123", "67890123"],
    "rome": ["+390612345678", "00390612345678", "0390612345678", "0612345678"],
    "boston": ["+16175550123", "16175550123", "0016175550123", "6175550123"],
}
SPELT = [(line, spelling) for line, spellings in SPELLINGS.items() for spelling in spellings]


def tallied(calls: Sequence[Call], lines: Lines) -> LineTally | None:
    """Count calls by these lines."""
    return tally_lines(calls, lines.of_each(calls), lines.names)


def line_of(number: str | None, lines: Lines = LINES) -> str:
    """Return the line of a call from this number."""
    return lines.line_of(personal_call("a", "outbound-api", from_=number))


@pytest.mark.parametrize(
    "number",
    [
        *("+91 80 1234 5678", "+91-80-1234-5678", "+91 (0)80 1234-5678", "(080) 1234 5678", "080-12345678"),
        *("0091 80 1234 5678", "091 80 1234 5678", " 80.1234.5678 ", "tel:+918012345678"),
        *("+91 080 1234 5678", "(+91) 80 1234 5678", "tel:+918012345678;ext=5"),
        *("sip:+918012345678@10.0.0.1:5060", "sip:08012345678;phone-context=1@voice2.example;user=phone"),
    ],
)
def test_a_number_is_found_however_people_write_it(number: str) -> None:
    """Only its digits count, and a plus before them; nothing that stands behind it in a SIP URI does."""
    assert line_of(number) == "sales"


@given(st.sampled_from(SPELT), st.randoms())
def test_a_number_is_found_whatever_stands_between_its_digits(
    spelt: tuple[str, str], chance: random.Random
) -> None:
    """With and without the country's code, of countries with trunk prefix, without, and with a zero kept."""
    line, spelling = spelt
    assert (
        line_of("".join(chance.choice(["", " ", "-", "(", ") ", "."]) + digit for digit in spelling)) == line
    )


@pytest.mark.parametrize(
    "number",
    [
        *(
            None,
            "",
            " ",
            "+",
            "anonymous",
            "sip:agent@voice.example",
            "९१८०१२३४५६७८",
            "\ud800",
            "\0",
            "0",
            "91",
        ),
        *("+91801234567", "+9180123456780", "0612345670", "612345678", "+3912345678", "+448012345678"),
        *("+8012345678", "+08012345678", "+0918012345678", "+00918012345678"),
        *("sip:bot@8012345678", "sip:+1@+918012345678", ";+918012345678"),
    ],
)
def test_no_other_number_is_found(number: str | None) -> None:
    """One digit more or less, another country, or no number at all: the rest.

    With a plus, what isn't a full number is another country's.
    """
    assert line_of(number) == OTHER


@given(TEXT)
def test_any_text_is_on_a_line_or_on_none(text: str) -> None:
    """Whatever stands where a number should."""
    assert line_of(text) in LINES.names


def test_a_call_is_on_the_line_it_came_in_on_or_goes_out_from() -> None:
    """Between two of the account's own lines, the near end decides; else whichever end is a line."""
    sales, support = "+918012345678", "+912212345678"
    for direction, line in [
        ("inbound", "support"),
        ("incoming", "support"),
        ("outbound-api", "sales"),
        ("outbound-dial", "sales"),
        ("outbound", "sales"),
        ("sideways", "sales"),
        (None, "sales"),
    ]:
        assert LINES.line_of(personal_call("a", direction, from_=sales, to=support)) == line
        assert LINES.line_of(personal_call("a", direction, from_=sales, to="+911199999999")) == "sales"
        assert LINES.line_of(personal_call("a", direction, from_=None, to=support)) == "support"


def test_a_full_number_goes_before_another_numbers_spelling() -> None:
    """+65 9876 5432 without its + is +91 65 9876 5432 without its country: whatever the order of lines."""
    india, singapore = Line("india", ("+916598765432",)), Line("singapore", ("+6598765432",))
    for lines in (Lines([india, singapore]), Lines([singapore, india])):
        assert line_of("6598765432", lines) == "singapore"
        assert line_of("+65 9876 5432", lines) == "singapore"
        assert line_of("06598765432", lines) == OTHER  # either of them
        assert line_of("+91 65987 65432", lines) == "india"
        assert line_of("0916598765432", lines) == "india"


def test_a_spelling_that_two_lines_share_is_on_neither() -> None:
    """The national digits are the same in two countries; only with its country a number is clear."""
    lines = Lines([Line("india", ("+912079460123", "+918012345678")), Line("london", ("+442079460123",))])
    for shared in ("2079460123", "02079460123"):
        assert line_of(shared, lines) == OTHER
    for full in ("+91{}", "91{}", "0091{}", "091{}", "+910{}"):
        assert line_of(full.format("2079460123"), lines) == "india"
    for full in ("+44{}", "44{}", "0044{}", "044{}", "+440{}"):
        assert line_of(full.format("2079460123"), lines) == "london"
    assert line_of("08012345678", lines) == "india"


def test_a_spelling_that_two_numbers_of_one_line_share_is_clear() -> None:
    """Whichever it is."""
    assert line_of("02079460123", Lines([Line("both", ("+912079460123", "+442079460123"))])) == "both"


@pytest.mark.parametrize("form", get_args(Format))
def test_every_way_in_which_the_simulator_writes_its_numbers_is_found(form: Format) -> None:
    """And no customer is taken for a line."""
    lines = Lines([Line(exophone, (exophone,)) for exophone in EXOPHONES])
    assert [line_of(write(exophone, form), lines) for exophone in EXOPHONES] == list(EXOPHONES)
    chance = random.Random(1)  # noqa: S311  # to draw customers
    assert {line_of(write(customer(chance), form), lines) for _ in range(1000)} == {OTHER}


def test_known_pairs_are_zero_on_every_line() -> None:
    """A dashboard shows 0 for a line without calls, and for the rest."""
    tally = tallied([], LINES)
    assert tally == {(line, *pair): 0 for line in (*SPELLINGS, OTHER) for pair in KNOWN_PAIRS}


def test_an_account_without_lines_has_no_tally() -> None:
    """Then all calls would be the rest, which tells nothing."""
    assert tallied([personal_call("a")], Lines(())) is None


def test_a_row_without_numbers_is_the_rest() -> None:
    """Plain rows hold none."""
    assert LINES.line_of(call("a", "inbound")) == OTHER


@given(PERSONAL_CALLS)
def test_each_call_is_counted_once(calls: list[Call]) -> None:
    """Over all lines there are as many calls of a direction and status as in the list."""
    tally = tallied(calls, LINES)
    assert tally is not None
    assert {line for line, _, _ in tally} == set(LINES.names)
    found: Counter[object] = Counter()
    for (_, direction, status), number in tally.items():
        found[direction, status] += number
    assert +found == Counter((c.direction or "unknown", c.status or "unknown") for c in calls)


def test_hostile_rows_are_counted_once_too() -> None:
    """Numbers that are null, integers or no numbers cost their row nothing."""
    body = json.dumps({"response": {"active_calls": MALFORMED_ROWS, "total_active": 0}}).encode()
    calls = read_page(body, PersonalCall).calls
    tally = tallied(calls, Lines([Line("line", ("+910800000001",)), Line("int", ("+918000000001",))]))
    assert tally is not None
    by_line = Counter[str]()
    for (line, _, _), number in tally.items():
        by_line[line] += number
    assert by_line.total() == len(calls)
    assert by_line["int"] == 1
    assert by_line["other"] == 2  # `to` is `{}`~ in one, and one has nothing but its call_sid


def test_numbers_stay_inside() -> None:
    """What holds them doesn't show them."""
    line = Line("sales", ("+918012345678",))
    assert "8012345678" not in f"{line} {Lines([line])} {tallied([], Lines([line]))}"
