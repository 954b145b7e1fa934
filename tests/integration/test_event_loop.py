"""The event loop waits for nothing but connections: files, names and passwords are the affair of threads."""

from __future__ import annotations

import asyncio
import builtins
import io
import os
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import requests

from exporter.collect.accounts import Accounts
from exporter.config import Secret
from exporter.http.endpoints import Endpoints
from exporter.simulator import Settings, Simulator
from exporter.web.config import ActiveWebConfig
from exporter.web.files import Unreadable
from tests.scraping import scrape
from tests.serving import account, configuration, served, serving
from tests.waiting import GUARD, wait_until
from tests.web import PASSWORD, hashed, write_authority, write_certificate, write_web

#: What may take its time: a file system, a resolver, a hash that is made to be slow.
SLOW = (
    (builtins, "open"),
    (io, "open"),
    (os, "open"),
    (os, "stat"),
    (os, "lstat"),
    (os, "scandir"),
    (os, "write"),
    (os, "read"),
    (os, "memfd_create"),
    (socket, "getaddrinfo"),
    (bcrypt, "checkpw"),
    (time, "sleep"),
    (ssl.SSLContext, "load_cert_chain"),
    (ssl.SSLContext, "load_verify_locations"),
)
PATHS = ("/metrics", "/probe?target=good", "/probe?target=bad&debug=true", "/sd", "/", "/config", "/nowhere")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A centre that stands still."""
    with Simulator(Settings(calls=5, speed=0)) as simulator:
        yield simulator


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note where an event loop does what may be slow."""
    found: list[str] = []

    def watch(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def noted(*arguments: Any, **named: Any) -> Any:
            if asyncio._get_running_loop() is not None:
                where = [f"{frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_stack(None)]
                found.append(f"{name} at {' < '.join(where[1:6])}")
            return real(*arguments, **named)

        patch.setattr(owner, name, noted)

    with monkeypatch.context() as patch:
        for owner, name in SLOW:
            watch(owner, name)
        yield found


def test_what_may_be_slow_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Or nothing that the next test finds would mean anything."""

    async def slow() -> None:
        tmp_path.stat()

    with watched(monkeypatch) as found:
        asyncio.run(slow())
    assert [line.split()[0] for line in found] == ["stat"]


def test_the_event_loop_does_nothing_that_may_be_slow(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page, with TLS and users, while files change and credentials are refused."""
    monkeypatch.setattr("exporter.web.config._INTERVAL", 0.02)
    write_certificate(tmp_path, authority := write_authority(tmp_path), "127.0.0.1")
    web = ActiveWebConfig(write_web(tmp_path, {}, basic_auth_users={"alice": hashed(PASSWORD)}))
    token = tmp_path / "token"
    token.write_text("wrong", encoding="utf-8")
    config = configuration(
        account("good", simulator.url).config,
        account("bad", simulator.url, token=Secret(file=token)).config,
    )

    def go_through(url: str) -> None:
        for auth, statuses in ((("alice", PASSWORD), {200, 404}), (("alice", "wrong"), {401})):
            for path in (*PATHS, "/-/healthy", "/-/ready"):
                answer = requests.get(url + path, auth=auth, verify=str(tmp_path / "ca.pem"), timeout=GUARD)
                assert answer.status_code in statuses
        answer = requests.post(
            f"{url}/-/reload",
            auth=("alice", PASSWORD),
            verify=str(tmp_path / "ca.pem"),
            timeout=GUARD,
        )
        assert answer.status_code == 200

    with serving(Accounts(lambda: config), Endpoints(lifecycle=True), web) as url:
        go_through(url)  # whatever is imported or cached at first
        with watched(monkeypatch) as found:
            go_through(url)
            before = web.config
            write_certificate(tmp_path, authority, "127.0.0.1", "localhost")
            token.write_text("wrong still", encoding="utf-8")
            wait_until(lambda: web.config != before, "the new certificate")
            go_through(url)
    assert not found, "\n".join(found)


def hanging(over: threading.Event) -> Callable[..., Any]:
    """Stand for a file system that answers when it is over."""

    def hang(*_: object) -> Any:
        assert over.wait(GUARD)
        raise Unreadable("Input/output error")

    return hang


def test_a_secret_that_hangs_costs_its_account_alone(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that were refused are looked at for each scrape: the others are answered meanwhile."""
    token = tmp_path / "token"
    token.write_text("wrong", encoding="utf-8")
    good = account("good", simulator.url)
    bad = account("bad", simulator.url, timeout=1, token=Secret(file=token))
    over = threading.Event()
    with served([good, bad]) as url:
        assert scrape(url).one("bad", "exotel_up") == 0
        with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
            patch.setattr("exporter.config.secrets.read_text", hanging(over))
            scraped = pool.submit(scrape, url)
            wait_until(lambda: bad.is_collecting, "the secret to be read")
            for path in ("/-/healthy", "/-/ready", "/sd", "/", "/probe?target=good"):
                assert requests.get(url + path, timeout=GUARD).ok
            found = scraped.result()
            assert (found.one("good", "exotel_up"), found.one("bad", "exotel_up")) == (1, 0)
            over.set()
        token.write_text("demo", encoding="utf-8")
        wait_until(lambda: scrape(url).one("bad", "exotel_up") == 1, "the right secret")


def test_a_web_configuration_that_hangs_leaves_the_one_before_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests and new connections over TLS go on by it, and follow the files again when they can be read."""
    monkeypatch.setattr("exporter.web.config._INTERVAL", 0.02)
    write_certificate(tmp_path, write_authority(tmp_path), "127.0.0.1")
    web = ActiveWebConfig(write_web(tmp_path, {}, basic_auth_users={"alice": hashed(PASSWORD)}))
    over, trust = threading.Event(), str(tmp_path / "ca.pem")

    def statuses(url: str) -> list[int]:
        return [
            requests.get(f"{url}/-/healthy", auth=auth, verify=trust, timeout=GUARD).status_code
            for auth in (("alice", PASSWORD), ("bob", "b"))
        ]

    with serving(Accounts(configuration), web=web) as url:
        with monkeypatch.context() as patch:
            looking = threading.Event()

            def hang(*_: object) -> None:
                looking.set()
                assert over.wait(GUARD)

            patch.setattr("exporter.web.config.fingerprint", hang)
            assert looking.wait(GUARD)
            write_web(tmp_path, {}, basic_auth_users={"bob": hashed("b")})
            assert statuses(url) == [200, 401]
        over.set()
        wait_until(lambda: statuses(url) == [401, 200], "the new users")


def test_an_error_while_the_files_are_looked_at_is_told_and_not_the_last_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it is: nobody else would notice that the files are followed no more."""
    for pause in ("_INTERVAL", "_RETRY"):
        monkeypatch.setattr(f"exporter.web.config.{pause}", 0.02)
    web = ActiveWebConfig(write_web(tmp_path, basic_auth_users={"alice": hashed(PASSWORD)}))

    def fail(*_: object) -> None:
        raise MemoryError

    with serving(Accounts(configuration), web=web) as url:
        with monkeypatch.context() as patch:
            patch.setattr("exporter.web.config.fingerprint", fail)
            wait_until(lambda: "web configuration not read" in caplog.text, "a line")
        write_web(tmp_path, basic_auth_users={"bob": hashed("b")})
        wait_until(
            lambda: requests.get(f"{url}/-/healthy", auth=("bob", "b"), timeout=GUARD).ok, "the new users"
        )
