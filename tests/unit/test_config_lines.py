"""Lines of an account: which numbers are accepted, and errors that never show one."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import ConfigError, Line, from_file
from tests.configurations import ACCOUNT, document, write
from tests.unit.test_config import FIRST, all_texts, errors, only_account

SALES, SUPPORT = "+918012345678", "+912212345678"

LINES = 'a mapping from names to lists of telephone numbers, like {sales: ["+91 80 1234 5678"]}'
A_NAME = (
    "1 to 64 printable characters, no space at either end, no more than 9 digits; "
    "not other, which stands for the rest"
)
NUMBERS = "a list of telephone numbers"
A_NUMBER = 'a telephone number in quotes, with + and its country code, like "+91 80 1234 5678"'
NO_NUMBER = "a text that isn't a telephone number with a country code"
QUOTES = "(put it in quotes)"
ONCE = "each number once"


def lines(given: str) -> str:
    """A configuration whose account has these lines, as they stand in a file."""
    return f"{document()}  lines: {given}\n"


def numbers(*given: object) -> str:
    """A configuration with one line, `sales`, of these numbers."""
    return document({"lines": {"sales": list(given)}})


# What is read


def test_lines_have_names_and_numbers(tmp_path: Path) -> None:
    """Lines keep the order in which they stand, and their numbers theirs."""
    file = write(tmp_path, lines(f'{{sales: ["{SALES}", "+91 22 7654 3210"], support: ["{SUPPORT}"]}}'))
    assert only_account(file).lines == (
        Line("sales", (SALES, "+912276543210")),
        Line("support", (SUPPORT,)),
    )


@pytest.mark.parametrize("given", [{}, {"lines": None}])
def test_an_account_may_have_no_lines(tmp_path: Path, given: dict[str, Any]) -> None:
    """Left out, or null, there are none."""
    assert only_account(write(tmp_path, document(given))).lines == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+91 80 1234 5678", SALES),
        ("+91-80-1234-5678", SALES),
        ("+91 (80) 1234-5678", SALES),
        ("+91 (0)80 1234 5678", SALES),
        ("+911800123456", "+911800123456"),
        ("+39 06 1234 5678", "+390612345678"),
        ("+1 (415) 555-2671", "+14155552671"),
    ],
)
def test_numbers_are_read_into_one_form(tmp_path: Path, written: str, read: str) -> None:
    """However people write it, a number is in E.164; a zero that belongs to it stays."""
    assert only_account(write(tmp_path, numbers(written))).lines == (Line("sales", (read,)),)


@pytest.mark.parametrize(
    "name",
    ["s", "Sales & Support", "a.b", "विक्रय", "24x7", "Other", "x" * 64, '"a"', "call 123456789"],
)
def test_names_of_lines_are_texts(tmp_path: Path, name: str) -> None:
    """Any printable text is a name, up to 64 characters and with up to nine digits."""
    file = write(tmp_path, document({"lines": {name: [SALES]}}))
    assert only_account(file).lines == (Line(name, (SALES,)),)


def test_variables_may_hold_numbers_of_lines(tmp_path: Path) -> None:
    """`${VAR}` works inside the mapping, as a whole number or a part of it."""
    file = write(tmp_path, numbers("${SALES}", "+91${REST}"))
    assert only_account(file, SALES=SALES, REST="2212345678").lines == (Line("sales", (SALES, SUPPORT)),)


def test_two_accounts_may_have_the_same_number(tmp_path: Path) -> None:
    """Each number is unique within its account alone."""
    accounts = [{**ACCOUNT, "name": name, "lines": {"sales": [SALES]}} for name in ("one", "two")]
    config = from_file(write(tmp_path, yaml.safe_dump({"accounts": accounts})), {})
    assert [account.lines for account in config.accounts] == [(Line("sales", (SALES,)),)] * 2


def test_no_text_of_a_configuration_shows_a_number(tmp_path: Path) -> None:
    """Neither repr nor str of the whole, of an account or of a line shows its numbers."""
    config = from_file(write(tmp_path, numbers(SALES)), {})
    account = config.accounts[0]
    for part in (config, account, account.lines, account.lines[0]):
        assert "sales" in all_texts(part)
        assert "1234" not in all_texts(part)


# What is refused

INVALID: list[tuple[str, str, str, str]] = [
    # The file; then of what is invalid the place in `lines`, what was found, what is accepted.
    (lines("[sales]"), "", "a list", LINES),
    (lines(SALES), "", "a number", LINES),
    (lines(f'"{SALES}"'), "", "a text", LINES),
    (lines("true"), "", "true", LINES),
    (lines("{}"), "", "an empty mapping", LINES),
    (lines("${SALES}"), "", "${SALES}, which is not set in the environment", LINES),
    (lines(f'{{other: ["{SALES}"]}}'), ".other", '"other"', A_NAME),
    (lines(f'{{"": ["{SALES}"]}}'), ".", '""', A_NAME),
    (lines(f'{{" sales": ["{SALES}"]}}'), ".…", '" sales"', A_NAME),
    (lines(f'{{"sales ": ["{SALES}"]}}'), ".sales…", '"sales "', A_NAME),
    (lines(f'{{"sa\\nles": ["{SALES}"]}}'), ".sa…", r'"sa\nles"', A_NAME),
    (lines(f'{{{"x" * 65}: ["{SALES}"]}}'), f".{'x' * 40}…", "a text", A_NAME),
    (lines(f'{{" {SALES}": ["{SALES}"]}}'), ".…", "a text", A_NAME),
    (lines(f'{{"80 1234 5678": ["{SALES}"]}}'), ".80…", "a text", A_NAME),
    (lines(f'{{"sales-{SALES}": ["{SALES}"]}}'), ".sales-…", "a text", A_NAME),
    (lines(f'{{1: ["{SALES}"]}}'), ".1", f"a number {QUOTES}", A_NAME),
    (lines(f'{{9180123456: ["{SALES}"]}}'), ".9180…", f"a number {QUOTES}", A_NAME),
    (lines(f'{{on: ["{SALES}"]}}'), ".true", f"true {QUOTES}", A_NAME),
    (lines(f'{{null: ["{SALES}"]}}'), ".null", f"nothing {QUOTES}", A_NAME),
    (lines(f'{{sales: "{SALES}"}}'), ".sales", "a text", NUMBERS),
    (lines(f"{{sales: {SALES}}}"), ".sales", "a number", NUMBERS),
    (lines("{sales: }"), ".sales", "nothing", NUMBERS),
    (lines("{sales: []}"), ".sales", "an empty list", NUMBERS),
    (lines(f'{{Sales & Support: {{a: "{SALES}"}}}}'), ".Sales & Support", "a mapping", NUMBERS),
    (lines('{"080-123456": sales}'), ".080-1…", "a text", NUMBERS),
    (lines(f'{{"080-123456": ["{SALES}", ""]}}'), ".080-1…[1]", NO_NUMBER, A_NUMBER),
    (lines(f'{{sales: ["{SUPPORT}", {SALES}]}}'), ".sales[1]", "a number", A_NUMBER),
    (lines(f'{{sales: ["{SUPPORT}", null]}}'), ".sales[1]", "nothing", A_NUMBER),
    (lines(f'{{sales: [["{SALES}"]]}}'), ".sales[0]", "a list", A_NUMBER),
    (numbers("${SALES}"), ".sales[0]", "${SALES}, which is not set in the environment", A_NUMBER),
    (numbers(SALES, SUPPORT, "+91 80 1234-5678"), ".sales[2]", "a number that sales[0] already has", ONCE),
    (
        document({"lines": {"help desk": [SUPPORT, SALES], "sales": [SALES]}}),
        ".sales[0]",
        "a number that help desk[1] already has",
        ONCE,
    ),
]


@pytest.mark.parametrize(
    ("text", "place", "found", "accepted"),
    INVALID,
    ids=[f"{place}={found}" for _, place, found, _ in INVALID],
)
def test_an_error_in_lines_has_one_line(
    tmp_path: Path, text: str, place: str, found: str, accepted: str
) -> None:
    """Each error is one line with its exact place, and shows no number."""
    assert errors(write(tmp_path, text)) == [f"{FIRST}.lines{place}: found {found}; accepted: {accepted}"]


@pytest.mark.parametrize(
    "written",
    [
        *("", "+", "+()", "sales", "08012345678", "918012345678", "00918012345678", "8012345678"),
        *("+9180", "+91123456", "+15552671", "+91801234567890123", "+918012345678" * 20, "+999123456789"),
        *("++918012345678", "+91+8012345678", "tel:+918012345678", "+918012345678 ext. 5", "+1800FLOWERS"),
        *("+91.80.1234.5678", "+91 ٨٠١٢٣٤٥٦٧٨", "＋918012345678", " +918012345678", "+918012345678\n", "$${"),
    ],
)
def test_what_is_no_number_is_refused(tmp_path: Path, written: str) -> None:
    """Without country code or area, too long or with letters in it, a text is no telephone number."""
    assert errors(write(tmp_path, numbers(written))) == [
        f"{FIRST}.lines.sales[0]: found {NO_NUMBER}; accepted: {A_NUMBER}"
    ]


def test_all_errors_in_lines_are_told_at_once(tmp_path: Path) -> None:
    """One wrong number hides no other, nor what is wrong elsewhere; a wrong line's numbers count as well."""
    given = {"other": [SALES, 5], 2: [], "sales": ["${NO}", "${", SALES, "+91"], "help": [SUPPORT, SUPPORT]}
    assert errors(write(tmp_path, document({"lines": given, "call_limit": 0}))) == [
        f"{FIRST}.call_limit: found 0; accepted: a whole number from 1 to 10000000",
        f'{FIRST}.lines.other: found "other"; accepted: {A_NAME}',
        f"{FIRST}.lines.other[1]: found a number; accepted: {A_NUMBER}",
        f"{FIRST}.lines.2: found a number {QUOTES}; accepted: {A_NAME}",
        f"{FIRST}.lines.2: found an empty list; accepted: {NUMBERS}",
        f"{FIRST}.lines.sales[0]: found ${{NO}}, which is not set in the environment; accepted: {A_NUMBER}",
        f"{FIRST}.lines.sales[1]: found ${{ without a variable's name and }} behind it "
        f"($${{ stands for ${{ itself); accepted: {A_NUMBER}",
        f"{FIRST}.lines.sales[2]: found a number that other[0] already has; accepted: {ONCE}",
        f"{FIRST}.lines.sales[3]: found {NO_NUMBER}; accepted: {A_NUMBER}",
        f"{FIRST}.lines.help[1]: found a number that help[0] already has; accepted: {ONCE}",
    ]


def test_a_number_in_two_lines_whose_names_are_cut_short_is_noticed(tmp_path: Path) -> None:
    """Names that look alike in an error are two names none the less."""
    given = {"080-1234 a": [SALES], "080-1234 b": [SALES]}
    assert errors(write(tmp_path, document({"lines": given}))) == [
        f"{FIRST}.lines.080-1…[0]: found a number that 080-1…[0] already has; accepted: {ONCE}"
    ]


@pytest.mark.parametrize(
    ("name", "shown"), [("sales", "sales"), (f'"{SALES}"', "…"), ("9180123456", "9180…")]
)
def test_a_line_given_twice_is_refused(tmp_path: Path, name: str, shown: str) -> None:
    """A key of `lines` that YAML would let pass twice is noticed, and shown unless it could be a number."""
    text = f'{document()}  lines:\n    {name}: ["{SALES}"]\n    {name}: ["{SUPPORT}"]\n'
    assert f"found the key {shown} a second time; accepted: each key once" in errors(write(tmp_path, text))


# Whatever is given

PLAUSIBLE = st.from_regex(r"\+?(91|1|44|0)?[ ()-]?[1-9][0-9]{5,11}", fullmatch=True)
TEXTS = PLAUSIBLE | st.sampled_from(["${SET}", "${UNSET}", "${", "a" + SALES]) | st.text(max_size=8)
SCALARS = TEXTS | st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.binary()
ITEMS = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(TEXTS, SCALARS, max_size=2)
NAMES = TEXTS | st.sampled_from(["sales", "support", "other"]) | st.integers() | st.none() | st.booleans()
ANYTHING = ITEMS | st.dictionaries(NAMES, st.lists(ITEMS, max_size=3) | ITEMS, max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of all examples."""
    return tmp_path_factory.mktemp("configurations")


@given(given=ANYTHING)
def test_any_lines_give_a_configuration_or_errors_without_numbers(folder: Path, given: object) -> None:
    """Nothing but ConfigError is raised, and in what it says no five digits of a number stand together."""
    file = write(folder, document({"lines": given}))
    try:
        from_file(file, {"SET": SALES})
    except ConfigError as error:
        said = [re.sub(r"^(:\d+)?: ", "", str(each).removeprefix(str(file))) for each in error.errors]
        assert "\n".join(said).splitlines() == said != []
        unescaped = [re.sub(r"\\u[0-9a-f]{4}", "", line) for line in said]  # four digits of no number
        assert not any(re.search(r"\d{5}", line) for line in unescaped)
