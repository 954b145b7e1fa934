"""Slots that a call takes of the limit: which directions and numbers are accepted, and what of the rest."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.call_slots import DIRECTIONS
from exporter.exotel.enums import Direction
from tests.configurations import ACCOUNT, document, write
from tests.unit.test_config import FIRST, errors, only_account

NAMES = "inbound, outbound-api, outbound-dial, outbound, other, unknown"
MAPPING = (
    "a mapping from directions to whole numbers from 1 to 10, like {outbound-api: 2}; "
    f"the directions are {NAMES}"
)
SLOTS = "a whole number from 1 to 10"


def slots(given: str) -> str:
    """A configuration whose account has these slots, as they stand in a file."""
    return f"{document()}  call_slots: {given}\n"


def test_directions_are_those_of_the_metrics() -> None:
    """The configuration knows nothing of the API, so it has a list of its own."""
    assert list(Direction) == [*DIRECTIONS]


def test_slots_are_by_direction(tmp_path: Path) -> None:
    """Each direction has the number that stands beside it; a direction that is left out has none."""
    file = write(tmp_path, slots("{inbound: 1, outbound-api: 2, unknown: 10}"))
    assert only_account(file).collection.call_slots == {"inbound": 1, "outbound-api": 2, "unknown": 10}


@pytest.mark.parametrize("given", ["", "{}", "null"])
def test_no_direction_needs_slots(tmp_path: Path, given: str) -> None:
    """Left out, empty or null, every call takes one."""
    assert only_account(write(tmp_path, slots(given))).collection.call_slots == {}


SPELLINGS = st.sampled_from([*DIRECTIONS, "incoming"]).flatmap(
    lambda name: st.sampled_from([name, name.upper(), name.title(), name.replace("-", "_"), f" {name} "])
)


@given(SPELLINGS)
def test_a_direction_may_be_written_as_the_api_may_write_it(
    tmp_path_factory: pytest.TempPathFactory, written: str
) -> None:
    """Case, underscores and other names of the same direction don't matter, as they don't in a call."""
    text = yaml.safe_dump({"accounts": [{**ACCOUNT, "call_slots": {written: 2}}]})
    account = only_account(write(tmp_path_factory.mktemp("configuration"), text))
    assert account.collection.call_slots == {Direction(written): 2}


def test_variables_may_hold_slots(tmp_path: Path) -> None:
    """Digits from the environment are a number here too."""
    account = only_account(write(tmp_path, slots('{outbound-api: "${SLOTS}"}')), SLOTS="2")
    assert account.collection.call_slots == {"outbound-api": 2}


def test_an_accounts_own_slots_replace_those_of_all(tmp_path: Path) -> None:
    """All of them: what an account sets isn't mixed with what others have."""
    common = "collection: {call_slots: {inbound: 3, outbound-api: 2}}\n"
    own = only_account(write(tmp_path, slots("{outbound-dial: 2}") + common))
    assert own.collection.call_slots == {"outbound-dial": 2}
    others = only_account(write(tmp_path, document() + common))
    assert others.collection.call_slots == {"inbound": 3, "outbound-api": 2}


@pytest.mark.parametrize(
    ("given", "place", "found", "accepted"),
    [
        ("2", "", "2", MAPPING),
        ("[2]", "", "[2]", MAPPING),
        ("outbound-api", "", '"outbound-api"', MAPPING),
        ("${SLOTS}", "", "${SLOTS}, which is not set in the environment", MAPPING),
        ("{sideways: 2}", "", "the unknown direction sideways", NAMES),
        ('{"": 2}', "", 'the unknown direction ""', NAMES),
        ("{2: 2}", "", "the unknown direction 2", NAMES),
        ('{"+918012345678": 2}', "", "the unknown direction …", NAMES),
        ("{inbound: 1, Incoming: 2}", "", "Incoming, the same direction as inbound", "each direction once"),
        ("{inbound: 0}", ".inbound", "0", SLOTS),
        ("{Incoming: 11}", ".Incoming", "11", SLOTS),
        ("{inbound: 1.5}", ".inbound", "1.5", SLOTS),
        ("{inbound: true}", ".inbound", "true", SLOTS),
        ("{inbound: two}", ".inbound", '"two"', SLOTS),
        ("{inbound: null}", ".inbound", "null", SLOTS),
        ("{inbound: [2]}", ".inbound", "[2]", SLOTS),
        ('{inbound: "${SLOTS}"}', ".inbound", "${SLOTS}, which is not set in the environment", SLOTS),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_is_accepted(
    tmp_path: Path, given: str, place: str, found: str, accepted: str
) -> None:
    """One line for each; a key that could be a telephone number isn't shown."""
    assert errors(write(tmp_path, slots(given))) == [
        f"{FIRST}.call_slots{place}: found {found}; accepted: {accepted}"
    ]


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Directions and numbers, each at its own line."""
    file = write(tmp_path, document() + "  call_slots:\n    sideways: 2\n    inbound: 0\n    incoming: 2\n")
    assert errors(file) == [
        f"{FIRST}.call_slots: found the unknown direction sideways; accepted: {NAMES}",
        f"{FIRST}.call_slots.inbound: found 0; accepted: {SLOTS}",
        f"{FIRST}.call_slots: found incoming, the same direction as inbound; accepted: each direction once",
    ]
