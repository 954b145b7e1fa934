"""Basic auth: who is authenticated, what each check costs, and what is remembered of it."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeVar

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.auth import _MOST_WAITING, Authenticator, TooBusy
from tests.web import PASSWORD, hashed

T = TypeVar("T")

LONG = "ü" * 36
USERS = {"alice": hashed(PASSWORD), "bob": hashed("b").replace("$2b$", "$2y$"), "Ünï": hashed(LONG)}
BOB = {"bob": USERS["bob"]}


def basic(name: str | bytes, password: str | bytes) -> str:
    """The Authorization header of a user."""
    parts = (part.encode() if isinstance(part, str) else part for part in (name, password))
    return "Basic " + b64encode(b":".join(parts)).decode()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that bcrypt was asked for, while it answers as ever."""
    asked: list[str] = []
    check = bcrypt.checkpw

    def checkpw(password: bytes, password_hash: bytes) -> bool:
        asked.append(password_hash.decode())
        return check(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return asked


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have every check wait for this event; all are free in the end."""
    free, check = threading.Event(), bcrypt.checkpw

    def checkpw(password: bytes, password_hash: bytes) -> bool:
        free.wait(60)
        return check(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    yield free
    free.set()


def run(work: Callable[[Authenticator], Awaitable[T]]) -> T:
    """Do something with a new authenticator on an event loop."""

    async def done() -> T:
        return await work(Authenticator())

    return asyncio.run(done())


def authenticated(*headers: str, users: Mapping[str, str] = USERS) -> list[bool]:
    """Whether requests with these headers are authenticated, one after the other."""

    async def ask(authenticator: Authenticator) -> list[bool]:
        return [await authenticator.authenticate(users, [header]) for header in headers]

    return run(ask)


def test_users_with_their_passwords_are_authenticated() -> None:
    """By name and password, of up to 72 bytes; the scheme's case doesn't matter."""
    headers = [basic("alice", PASSWORD), basic("bob", "b"), basic("Ünï", LONG)]
    assert authenticated(*headers, headers[0].replace("Basic", "bAsIc")) == [True] * 4


def test_all_others_are_refused_at_the_same_cost(checks: list[str]) -> None:
    """A wrong password, an unknown name, a password that bcrypt would cut: each costs one check by bcrypt."""
    others: list[tuple[str | bytes, str | bytes]] = [
        *(("alice", "wrong"), ("alice", ""), ("alice", "b"), ("alice", b"\xff\xfe"), ("Alice", PASSWORD)),
        *(("alice ", PASSWORD), ("carol", PASSWORD), ("", PASSWORD), ("alice", f"{PASSWORD}\0")),
        *(("bob", "b\0b"), ("bob", "\0"), ("Ünï", f"{LONG}x"), ("Ünï", "x" * 100_000), (b"\xff", PASSWORD)),
    ]
    assert authenticated(*(basic(*each) for each in others)) == [False] * len(others)
    assert len(checks) == len(others)
    assert set(checks) <= set(USERS.values())


def test_what_is_no_basic_auth_is_refused_for_nothing(checks: list[str]) -> None:
    """No header, two of them, another scheme, no base64, no colon: there is nothing to check."""
    right = b64encode(f"alice:{PASSWORD}".encode()).decode()
    alone = [
        *("", "Basic", "Basic ", "Basic !!!!", "Basic YQ", "Basic ü", right, f"alice:{PASSWORD}"),
        *(f"Bearer {right}", f"Basic {b64encode(b'alice').decode()}", f"Basic {right}="),
    ]

    async def ask(authenticator: Authenticator) -> list[bool]:
        headers = [[], [f"Basic {right}"] * 2, *([each] for each in alone)]
        return [await authenticator.authenticate(USERS, each) for each in headers]

    assert not any(run(ask))
    assert checks == []


def test_an_unknown_name_is_always_checked_against_the_same_hash(checks: list[str]) -> None:
    """Users' hashes may differ in cost: another one each time would tell that there is no such user."""
    users = {**USERS, "dave": hashed("d", cost=5)}
    authenticated(*(basic("carol", str(number)) for number in range(20)), users=users)
    assert len(set(checks)) == 1


def test_the_password_of_the_hash_in_its_stead_does_not_help_an_unknown_name() -> None:
    """It is refused whatever comes."""
    assert authenticated(*(basic(name, "b") for name in "acdefghij"), users=BOB) == [False] * 9


def test_a_verified_password_is_checked_once(checks: list[str]) -> None:
    """A scrape doesn't pay for bcrypt each time; a wrong password does."""
    right, wrong = basic("alice", PASSWORD), basic("alice", "wrong")
    assert authenticated(*[right] * 10, *[wrong] * 3) == [True] * 10 + [False] * 3
    assert len(checks) == 4


def test_a_verified_password_counts_with_its_hash_alone(checks: list[str]) -> None:
    """Removed: refused. With another password: the old one is refused. Back again: it holds."""
    header = [basic("alice", PASSWORD)]
    changed = {**USERS, "alice": hashed("new")}

    async def ask(authenticator: Authenticator) -> list[bool]:
        return [
            await authenticator.authenticate(users, header) for users in (USERS, BOB, changed, USERS, USERS)
        ]

    assert run(ask) == [True, False, False, True, True]
    assert len(checks) == 3


def test_one_user_is_not_authenticated_by_what_is_remembered_of_another() -> None:
    """Neither name nor password may be exchanged, however they are put together."""
    users = {"a": hashed("b:c"), "d": hashed("x")}
    headers = [basic("a", "b:c"), basic("ab", ":c"), basic("d", "b:c"), basic("a", "b"), basic("a", "b:c")]
    assert authenticated(*headers, users=users) == [True, False, False, False, True]


def test_requests_that_are_the_same_share_a_check(checks: list[str]) -> None:
    """A thousand probes that begin at once cost one check, though the queue is far shorter."""

    async def ask(authenticator: Authenticator) -> list[bool]:
        header = [basic("alice", PASSWORD)]
        return await asyncio.gather(*(authenticator.authenticate(USERS, header) for _ in range(1000)))

    assert run(ask) == [True] * 1000
    assert len(checks) == 1


def test_one_that_goes_away_does_not_take_the_check_from_the_others(stuck: threading.Event) -> None:
    """The first of two requests is given up while it waits; the second is authenticated."""

    async def ask(authenticator: Authenticator) -> bool:
        header = [basic("bob", "b")]
        tasks = [asyncio.ensure_future(authenticator.authenticate(USERS, header)) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        stuck.set()
        return await tasks[1]

    assert run(ask) is True


def test_a_flood_of_wrong_passwords_does_not_touch_those_who_are_known(stuck: threading.Event) -> None:
    """The queue is full: one more is told to come again, who was verified before has an answer at once."""

    async def ask(authenticator: Authenticator) -> None:
        async def asked(name: str, password: str) -> bool:
            return await authenticator.authenticate(USERS, [basic(name, password)])

        stuck.set()
        assert await asked("alice", PASSWORD)
        stuck.clear()
        flood = [asyncio.ensure_future(asked("alice", str(number))) for number in range(_MOST_WAITING)]
        await asyncio.sleep(0)
        for name in ("bob", "carol"):
            with pytest.raises(TooBusy):
                await asked(name, "b")
        assert await asked("alice", PASSWORD)
        assert not any(task.done() for task in flood)
        stuck.set()
        assert await asyncio.gather(*flood) == [False] * _MOST_WAITING
        assert await asked("bob", "b")

    run(ask)


NAMES = st.sampled_from(["alice", "bob", "Ünï", "", "carol"]) | st.text(max_size=5)
GUESSES = st.sampled_from(["b", PASSWORD, LONG, "b\0", PASSWORD[:-1]]) | st.text(max_size=5)
SCHEMES = st.sampled_from(["", "Basic ", "basic"])


@given(header=st.builds(basic, NAMES, GUESSES) | st.builds("".join, st.tuples(SCHEMES, st.text(max_size=20))))
def test_no_header_authenticates_who_has_not_the_password(header: str) -> None:
    """Whatever the header holds, the answer is yes or no, and yes to three of them alone."""
    right = {basic(name, word) for name, word in (("alice", PASSWORD), ("bob", "b"), ("Ünï", LONG))}
    assert authenticated(header) == [header in right]
