"""Basic auth: who is let in, what each check costs, and what is remembered of it."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import User
from exporter.serve.passwords import _MOST_WAITING, Passwords, TooBusy
from tests.web import PASSWORD, hashed

T = TypeVar("T")

LONG = "ü" * 36
USERS = (
    User("alice", hashed(PASSWORD)),
    User("bob", hashed("b").replace("$2b$", "$2y$")),
    User("Ünï", hashed(LONG)),
)


def basic(name: str | bytes, password: str | bytes) -> bytes:
    """The Authorization header of a user."""
    parts = (part.encode() if isinstance(part, str) else part for part in (name, password))
    return b"Basic " + b64encode(b":".join(parts))


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What bcrypt was asked, while it answers as ever: passwords and hashes."""
    asked: list[tuple[bytes, bytes]] = []
    check = bcrypt.checkpw

    def checkpw(password: bytes, password_hash: bytes) -> bool:
        asked.append((password, password_hash))
        return check(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return asked


def run(work: Callable[[Passwords], Awaitable[T]]) -> T:
    """Do something with new passwords on an event loop."""

    async def done() -> T:
        return await work(Passwords())

    return asyncio.run(done())


def admitted(*headers: bytes, users: tuple[User, ...] = USERS) -> list[bool]:
    """Whether requests with these headers are admitted, one after the other."""

    async def ask(passwords: Passwords) -> list[bool]:
        return [await passwords.admit(users, [header]) for header in headers]

    return run(ask)


@pytest.mark.parametrize(
    "header",
    [
        basic("alice", PASSWORD),
        basic("bob", "b"),
        basic("Ünï", LONG),
        basic("alice", PASSWORD).replace(b"Basic", b"bAsIc"),
    ],
)
def test_users_with_their_passwords_are_admitted(header: bytes) -> None:
    """By name and password, of up to 72 bytes; the scheme's case doesn't matter."""
    assert admitted(header) == [True]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "b"),
        ("Alice", PASSWORD),
        ("alice ", PASSWORD),
        ("carol", PASSWORD),
        ("", PASSWORD),
        ("alice", f"{PASSWORD}\0"),
        ("bob", "b\0b"),
        ("bob", "\0"),
        ("Ünï", f"{LONG}x"),
        ("Ünï", "x" * 100_000),
        (b"\xff", PASSWORD),
        ("alice", b"\xff\xfe"),
    ],
)
def test_all_others_are_refused_at_the_same_cost(
    checks: list[tuple[bytes, bytes]], name: str | bytes, password: str | bytes
) -> None:
    """A wrong password, an unknown name, a password that bcrypt would cut: each costs one check by bcrypt."""
    assert admitted(basic(name, password)) == [False]
    assert len(checks) == 1
    assert checks[0][1].decode() in {user.password_hash for user in USERS}


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        [b""],
        [b"Basic"],
        [b"Basic "],
        [b"Basic !!!!"],
        [b"Basic YQ"],
        [b"Basic " + b64encode(b"alice")],
        [b"Basic " + b64encode(b"alice:x") + b"="],
        [b"Bearer " + b64encode(f"alice:{PASSWORD}".encode())],
        [b64encode(f"alice:{PASSWORD}".encode())],
        [f"alice:{PASSWORD}".encode()],
        [basic("alice", PASSWORD)] * 2,
    ],
)
def test_what_is_no_basic_auth_is_refused_for_nothing(
    checks: list[tuple[bytes, bytes]], authorization: list[bytes]
) -> None:
    """No header, two of them, another scheme, no base64, no colon: there is nothing to check."""
    assert run(lambda passwords: passwords.admit(USERS, authorization)) is False
    assert checks == []


def test_an_unknown_name_is_always_checked_against_the_same_hash(checks: list[tuple[bytes, bytes]]) -> None:
    """Users' hashes may differ in cost: another one each time would tell that there is no such user."""
    expensive = User("dave", hashed("d", cost=5))
    admitted(*[basic("carol", str(number)) for number in range(20)], users=(*USERS, expensive))
    assert len({password_hash for _, password_hash in checks}) == 1


def test_the_password_of_the_hash_in_its_stead_does_not_help_an_unknown_name() -> None:
    """It is refused whatever comes."""
    assert admitted(*[basic(name, "b") for name in "acdefghij"], users=USERS[1:2]) == [False] * 9


def test_a_right_password_is_checked_once(checks: list[tuple[bytes, bytes]]) -> None:
    """A scrape doesn't pay for bcrypt each time; a wrong password does."""
    assert admitted(*[basic("alice", PASSWORD)] * 10) == [True] * 10
    assert len(checks) == 1
    assert admitted(*[basic("alice", "wrong")] * 3) == [False] * 3
    assert len(checks) == 4


def test_what_is_remembered_ends_with_the_user(checks: list[tuple[bytes, bytes]]) -> None:
    """Removed: refused. With another password: the old one is refused. Back again: checked anew."""
    header = [basic("alice", PASSWORD)]
    changed = (User("alice", hashed("new")), *USERS[1:])

    async def ask(passwords: Passwords) -> list[bool]:
        return [await passwords.admit(users, header) for users in (USERS, USERS[1:], changed, USERS, USERS)]

    assert run(ask) == [True, False, False, True, True]
    assert len(checks) == 4


def test_one_user_does_not_come_in_by_what_is_remembered_of_another() -> None:
    """Neither name nor password may be exchanged, however they are put together."""
    users = (User("a", hashed("b:c")), User("d", hashed("x")))
    headers = [basic("a", "b:c"), basic("ab", ":c"), basic("d", "b:c"), basic("a", "b"), basic("a", "b:c")]
    assert admitted(*headers, users=users) == [True, False, False, False, True]


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have every check wait for this event, beginning now; all are free in the end."""
    free, check = threading.Event(), bcrypt.checkpw

    def checkpw(password: bytes, password_hash: bytes) -> bool:
        free.wait(60)
        return check(password, password_hash)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    yield free
    free.set()


def test_requests_that_are_the_same_share_a_check(checks: list[tuple[bytes, bytes]]) -> None:
    """A thousand probes that begin at once are admitted by one check, though the queue is far shorter."""

    async def ask(passwords: Passwords) -> list[bool]:
        return await asyncio.gather(
            *(passwords.admit(USERS, [basic("alice", PASSWORD)]) for _ in range(1000))
        )

    assert run(ask) == [True] * 1000
    assert len(checks) == 1


def test_one_that_goes_away_does_not_take_the_check_from_the_others(stuck: threading.Event) -> None:
    """The first of two requests is given up while it waits; the second is admitted."""

    async def ask(passwords: Passwords) -> bool:
        tasks = [asyncio.ensure_future(passwords.admit(USERS, [basic("bob", "b")])) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        stuck.set()
        return await tasks[1]

    assert run(ask) is True


def test_a_flood_of_wrong_passwords_does_not_touch_those_who_are_known(
    stuck: threading.Event,
) -> None:
    """The queue is full: one more is told to come again, and who was checked before is admitted at once."""

    async def ask(passwords: Passwords) -> None:
        stuck.set()
        assert await passwords.admit(USERS, [basic("alice", PASSWORD)])
        stuck.clear()
        flood = [
            asyncio.ensure_future(passwords.admit(USERS, [basic("alice", str(number))]))
            for number in range(_MOST_WAITING)
        ]
        await asyncio.sleep(0)
        for name in ("bob", "carol"):
            with pytest.raises(TooBusy):
                await passwords.admit(USERS, [basic(name, "b")])
        assert await passwords.admit(USERS, [basic("alice", PASSWORD)])
        assert not any(task.done() for task in flood)
        stuck.set()
        assert await asyncio.gather(*flood) == [False] * _MOST_WAITING
        assert await passwords.admit(USERS, [basic("bob", "b")])

    run(ask)


NAMES = st.sampled_from(["alice", "bob", "Ünï", "", "carol"]) | st.text(max_size=5)
GUESSES = st.sampled_from(["b", PASSWORD, LONG, "b\0", PASSWORD[:-1]]) | st.text(max_size=5)
HEADERS = st.builds(basic, NAMES, GUESSES) | st.builds(
    lambda scheme, rest: scheme + rest, st.sampled_from([b"", b"Basic ", b"basic"]), st.binary(max_size=20)
)


@given(header=HEADERS)
def test_no_header_lets_in_who_has_not_the_password(header: bytes) -> None:
    """Whatever the header holds, the answer is yes or no, and yes to three of them alone."""
    right = {basic(name, word) for name, word in (("alice", PASSWORD), ("bob", "b"), ("Ünï", LONG))}
    assert admitted(header) == [header in right]
