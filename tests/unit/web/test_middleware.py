"""What every request passes before the application: users, a rate limit, headers."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from exporter.web import auth
from exporter.web.auth import TokenBucket, WebMiddleware
from exporter.web.config import ActiveWebConfig, RateLimit
from tests.clock import StillClock
from tests.web import PASSWORD, hashed, write_web

USERS = {"alice": hashed(PASSWORD)}
RIGHT = (b"authorization", b"Basic " + b64encode(f"alice:{PASSWORD}".encode()))
HEADERS = {"X-Frame-Options": "deny", "X-XSS-Protection": "0"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[bytes, bytes]


class Protected:
    """An application behind the middleware, and how often it was reached."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        self.reached = 0
        self.web = ActiveWebConfig(write_web(folder, **sections))
        self._middleware = WebMiddleware(self._app, self.web)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached += 1
        await PlainTextResponse("secret", headers={"X-XSS-Protection": "1"})(scope, receive, send)

    def ask(self, *headers: tuple[bytes, bytes], path: str = "/metrics") -> Answer:
        """Send one request with these headers."""
        scope = {"type": "http", "method": "GET", "path": path, "headers": list(headers)}
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._middleware(scope, receive, send))
        return Answer(sent[0]["status"], dict(sent[0]["headers"]))


def test_every_path_asks_for_the_password(tmp_path: Path) -> None:
    """As in the toolkit, whose format excepts none, health included."""
    protected = Protected(tmp_path, basic_auth_users=USERS)
    paths = ("/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/probe", "/nothing")
    for path in paths:
        refused = protected.ask(path=path)
        assert (refused.status, refused.headers[b"www-authenticate"]) == (401, b"Basic")
    assert protected.reached == 0
    assert [protected.ask(RIGHT, path=path).status for path in paths] == [200] * len(paths)


def test_without_users_nobody_is_asked(tmp_path: Path) -> None:
    """A web configuration may be there for its headers alone."""
    assert Protected(tmp_path, http_server_config={"headers": HEADERS}).ask().status == 200


def test_every_answer_has_the_headers(tmp_path: Path) -> None:
    """Those that refuse too; a header that an endpoint sets itself stays as it is."""
    protected = Protected(
        tmp_path,
        basic_auth_users=USERS,
        http_server_config={"headers": HEADERS},
        rate_limit={"interval": "1h", "burst": 2},
    )
    answers = [protected.ask(RIGHT), protected.ask(), protected.ask(RIGHT)]
    assert [answer.status for answer in answers] == [200, 401, 429]
    assert [answer.headers[b"x-frame-options"] for answer in answers] == [b"deny"] * 3
    assert [answer.headers[b"x-xss-protection"] for answer in answers] == [b"1", b"0", b"0"]


def test_a_request_goes_by_the_files_as_they_were_last_seen(tmp_path: Path) -> None:
    """A user who was removed is refused by the next request; headers and the limit follow too."""
    protected = Protected(tmp_path, basic_auth_users=USERS)
    assert protected.ask(RIGHT).status == 200
    write_web(
        tmp_path,
        basic_auth_users={"bob": hashed("b")},
        http_server_config={"headers": HEADERS},
        rate_limit={"interval": "1h", "burst": 1},
    )
    protected.web.look()
    refused = protected.ask(RIGHT)
    assert (refused.status, refused.headers[b"x-frame-options"]) == (401, b"deny")
    assert protected.ask(RIGHT).status == 429


def test_one_for_whom_there_is_no_room_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While too many passwords wait, the answer is neither yes nor no."""
    monkeypatch.setattr(auth, "_MOST_WAITING", 0)
    answer = Protected(tmp_path, basic_auth_users=USERS).ask(RIGHT)
    assert (answer.status, answer.headers[b"retry-after"]) == (503, b"1")


ANY = st.binary() | st.builds(lambda rest: b"Basic " + b64encode(rest), st.binary(max_size=200))


@given(values=st.lists(ANY, max_size=3))
def test_no_authorization_header_gives_an_error_or_lets_in(
    tmp_path_factory: pytest.TempPathFactory, values: list[bytes]
) -> None:
    """Whatever bytes come, however many headers: 401, and the application isn't reached."""
    protected = Protected(tmp_path_factory.getbasetemp(), basic_auth_users=USERS)
    assert protected.ask(*((b"authorization", value) for value in values)).status == 401
    assert protected.reached == 0


def test_a_bucket_is_full_at_first_and_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst is answered, then one request each interval; a long rest brings no more than a burst."""
    clock = StillClock()
    monkeypatch.setattr(auth, "time", clock)
    bucket = TokenBucket(RateLimit(interval=10, burst=3))
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.forward(9)
    assert not bucket.take()
    clock.forward(1)
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.forward(1000)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_without_an_interval_there_is_no_limit() -> None:
    """That is the default, and how the toolkit switches it off."""
    bucket = TokenBucket(RateLimit())
    assert all(bucket.take() for _ in range(1000))
