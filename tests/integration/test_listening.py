"""A server that can't accept connections for want of descriptors, and can again."""

from __future__ import annotations

import asyncio
import errno
import itertools
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
import yaml
from starlette.responses import PlainTextResponse

from exporter.simulator import Settings, Simulator
from exporter.web import server
from exporter.web.server import Server
from tests.command import exporter, without_descriptors
from tests.configurations import write
from tests.waiting import GUARD, wait_until

CANT = "can't accept connections"


def test_out_of_descriptors_it_says_so_once_and_serves_on_at_once_when_it_has_some(tmp_path: Path) -> None:
    """Whoever came meanwhile has waited, and is answered; a connection from before is served throughout."""
    with exporter(tmp_path, "--demo") as running, requests.Session() as kept, ExitStack() as waiting:
        url = running.url("")
        assert kept.get(f"{url}/-/healthy", timeout=GUARD).status_code == 200
        with without_descriptors(running):
            address = "127.0.0.1", int(url.rpartition(":")[2])
            first = waiting.enter_context(socket.create_connection(address))
            for _ in range(20):
                waiting.enter_context(socket.create_connection(address))
            wait_until(lambda: CANT in running.program.said(), "a line in the log")
            for _ in range(3):
                assert kept.get(f"{url}/-/healthy", timeout=GUARD).status_code == 200
        first.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        first.settimeout(GUARD)
        assert first.recv(100).startswith(b"HTTP/1.1 200 OK")
        found = requests.get(f"{url}/metrics", timeout=GUARD).text
        assert 'exotel_up{account="demo"} 1.0\n' in found
        said = running.program.said()
    assert said.count(CANT) == 1
    assert f'"{CANT}, new ones must wait" detail="too many open files"' in said
    assert "level=error" in said


def test_out_of_descriptors_a_scrape_is_told_so_and_the_next_one_works(tmp_path: Path) -> None:
    """Neither refused credentials nor a fault of the API: this machine lacks something, while it does."""
    (tmp_path / "token").write_text("demo", encoding="ascii")
    with Simulator(Settings(calls=3, speed=0)) as simulator:
        account = {
            **{
                "account_sid": "demo",
                "api_key": "demo",
                "api_token_file": "token",
                "base_url": simulator.url,
            },
            **{"min_interval": "0s", "requests_per_minute": 6000},
        }
        file = write(tmp_path, yaml.safe_dump({"accounts": [account]}))
        with exporter(tmp_path, f"--config.file={file}") as running, requests.Session() as kept:
            url = running.url("/metrics")
            told = [kept.get(url, timeout=GUARD).text]
            with without_descriptors(running):
                told += [kept.get(url, timeout=GUARD).text for _ in range(3)]
            told.append(kept.get(url, timeout=GUARD).text)
    assert ['exotel_up{account="demo"} 1.0\n' in text for text in told] == [True, False, False, False, True]
    failures = re.findall(r'exotel_collector_failures_total\{.*reason="(.*)"\} ([1-9].*)\n', told[-1])
    assert failures == [("resources", "3.0")]


class Failing:
    """A listening socket whose connections can't be accepted."""

    def __init__(self, number: int) -> None:
        self.tried = 0
        self._failure = number

    def fileno(self) -> int:
        """Return what the event loop would wait for."""
        return -1

    def close(self) -> None:
        """Be closed."""

    def settimeout(self, seconds: float) -> None:
        """Take the time limit that a real socket needs."""

    def accept(self) -> None:
        """Fail."""
        self.tried += 1
        raise OSError(self._failure, "it failed")


async def until(condition: Callable[[], bool], *listening: Failing) -> None:
    """Serve on sockets until a condition holds."""
    made = Server(PlainTextResponse("answered"))
    serving = asyncio.create_task(made.serve([*listening]))  # type: ignore[list-item]  # sockets, all but
    async with asyncio.timeout(GUARD):
        while not condition():
            await asyncio.sleep(0)
    made.should_exit = True
    await serving


def test_what_cannot_be_accepted_is_tried_again_after_a_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not each time around the event loop, which would take all that a core has; one line each is logged."""
    monkeypatch.setattr(server, "_RETRY", GUARD)
    turns = itertools.count()
    numbers = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EPERM, errno.ENETDOWN)
    listening = [Failing(number) for number in numbers]
    asyncio.run(until(lambda: next(turns) > 100, *listening))
    assert [each.tried for each in listening] == [1] * len(numbers)
    assert [record.message.partition(",")[0] for record in caplog.records] == [CANT] * len(numbers)


class Recovering(Failing):
    """A listening socket of which each second connection can be accepted."""

    def __init__(self, real: socket.socket) -> None:
        super().__init__(errno.EMFILE)
        self._real = real

    def accept(self) -> tuple[socket.socket, object]:  # type: ignore[override]  # which never returns
        """Fail, or return the server's end of a connection."""
        if self.tried % 2 == 0:
            super().accept()
        self.tried += 1
        socket.create_connection(self._real.getsockname()).close()
        return self._real.accept()


def test_it_is_told_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And if it begins again, that is told as well."""
    monkeypatch.setattr(server, "_QUIET", -1.0)
    caplog.set_level("INFO", logger=server.__name__)
    with socket.create_server(("127.0.0.1", 0)) as real:
        asyncio.run(until(lambda: len(caplog.records) >= 4, Recovering(real)))
    said = [record.message.partition(",")[0] for record in caplog.records[:4]]
    assert said == [CANT, "connections are accepted again"] * 2


class Crowded(Failing):
    """A listening socket at which clients wait."""

    def __init__(self, real: socket.socket) -> None:
        super().__init__(0)
        self._real = real
        real.settimeout(0)

    def fileno(self) -> int:
        """Return what the event loop waits for."""
        return self._real.fileno()

    def accept(self) -> tuple[socket.socket, object]:  # type: ignore[override]  # which never returns
        """Return the server's end of a connection."""
        accepted = self._real.accept()
        self.tried += 1
        return accepted


def test_all_who_wait_are_accepted_in_a_few_turns() -> None:
    """Under load a turn of the event loop takes long: one connection in each would be fewer than come."""
    turns, clients = itertools.count(), 50
    with socket.create_server(("127.0.0.1", 0), backlog=clients) as real, ExitStack() as waiting:
        for _ in range(clients):
            waiting.enter_context(socket.create_connection(real.getsockname()))
        listening = Crowded(real)
        asyncio.run(until(lambda: next(turns) > 0 and listening.tried == clients, listening))
    assert next(turns) < clients / 2
