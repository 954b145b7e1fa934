"""What systemd hears of the program, and the sockets that it hands over: sd_notify(3), sd_listen_fds(3)."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import requests

from exporter.web import systemd
from exporter.web.listen import CannotListen
from tests.command import COMMAND, Ended, exporter, run, without_descriptors
from tests.configurations import document, write
from tests.e2e.processes import program
from tests.tools import require
from tests.waiting import GUARD, wait_until

READY = {"READY": "1", "STATUS": "accounts: 1"}


class Manager:
    """Hears what a service says, as systemd does."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name.replace("@", "\0", 1))
        self._socket.settimeout(GUARD)

    def heard(self) -> dict[str, str]:
        """The variables of the next message."""
        lines = self._socket.recv(4096).decode().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """A manager with an address of each kind that systemd gives."""
    made = Manager(str(tmp_path / "notify") if request.param == "path" else f"@exotel-{os.getpid()}")
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The flag that names a good configuration."""
    return f"--config.file={write(tmp_path, document())}"


def test_systemd_hears_of_the_start_of_reloads_and_of_the_end(
    tmp_path: Path, config: str, manager: Manager
) -> None:
    """Ready when it can be scraped; a reload, when it began and how it went; that it stops."""
    with exporter(tmp_path, config, NOTIFY_SOCKET=manager.name) as server:
        process = server.program.process
        assert manager.heard() == READY
        assert requests.get(server.url("/-/ready"), timeout=GUARD).ok
        before = time.monotonic_ns() // 1000
        process.send_signal(signal.SIGHUP)
        reloading = manager.heard()
        assert before <= int(reloading.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1000
        assert reloading == {"RELOADING": "1"}
        assert manager.heard() == READY
        write(tmp_path, document({"call_limit": "many"}))
        process.send_signal(signal.SIGHUP)
        assert manager.heard()["RELOADING"] == "1"
        refused = "accounts: 1; a new configuration was refused, see the log"
        assert manager.heard() == {"READY": "1", "STATUS": refused}
        process.send_signal(signal.SIGTERM)
        assert manager.heard() == {"STOPPING": "1"}
        assert process.wait(GUARD) == 0


@pytest.mark.parametrize("is_ours", [True, False])
def test_the_watchdog_is_fed_if_it_is_for_this_program(
    tmp_path: Path, config: str, manager: Manager, is_ours: bool
) -> None:
    """Again and again while it answers; the watchdog of another process is none of its business."""
    variables = {"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "40000"}
    if not is_ours:
        variables["WATCHDOG_PID"] = "1"
    with exporter(tmp_path, config, listen=("127.0.0.1:0",), **variables) as server:
        assert manager.heard() == READY
        if is_ours:
            assert [manager.heard() for _ in range(5)] == [{"WATCHDOG": "1"}] * 5
        else:
            assert requests.get(server.url("/-/ready"), timeout=GUARD).ok
        server.program.process.send_signal(signal.SIGTERM)
        heard = [manager.heard()]
        while heard[-1] == {"WATCHDOG": "1"}:
            heard.append(manager.heard())
        assert heard[-1] == {"STOPPING": "1"}
        assert is_ours or len(heard) == 1


def test_the_watchdog_is_fed_without_descriptors(tmp_path: Path, config: str, manager: Manager) -> None:
    """A program that has none left goes on with what it has: to be killed for that would help nobody."""
    with exporter(tmp_path, config, NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="200000") as server:
        assert manager.heard() == READY
        server.addresses()
        with without_descriptors(server):
            assert [manager.heard() for _ in range(5)] == [{"WATCHDOG": "1"}] * 5


@pytest.mark.parametrize("is_there", [True, False])
def test_a_manager_that_does_not_listen_is_no_trouble(tmp_path: Path, config: str, is_there: bool) -> None:
    """It is gone, or its queue is full from the first messages on: the program serves, and ends well."""
    name = str(tmp_path / "notify")
    manager = Manager(name) if is_there else None
    with exporter(tmp_path, config, NOTIFY_SOCKET=name, WATCHDOG_USEC="2000") as server:
        url = server.url("/-/ready")
        assert all(requests.get(url, timeout=GUARD).ok for _ in range(50))
        assert server.stop(signal.SIGTERM).code == 0
    if manager:
        manager.close()


# Sockets


@contextmanager
def bound(family: socket.AddressFamily, address: Any, kind: int = socket.SOCK_STREAM) -> Iterator[int]:
    """A descriptor, out of the way of the first ones, of a socket that listens if its kind can."""
    with socket.socket(family, kind) as made:
        made.bind(address)
        if kind == socket.SOCK_STREAM:
            made.listen()
        descriptor = fcntl.fcntl(made, fcntl.F_DUPFD, 50)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def port(descriptor: int) -> int:
    """The port that a socket is bound to."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        found = same.getsockname()[1]
        assert isinstance(found, int)
        return found


@contextmanager
def handed(descriptors: Sequence[int], *flags: str) -> Iterator[subprocess.Popen[str]]:
    """The exporter, with these sockets from descriptor 3 on, as systemd hands them over."""
    moves = " ".join(f"{3 + index}<&{descriptor}" for index, descriptor in enumerate(descriptors))
    script = f'exec {moves}; LISTEN_PID=$$ LISTEN_FDS={len(descriptors)} exec "$@"'
    process = subprocess.Popen(
        [require("bash"), "-c", script, "bash", *COMMAND, "--web.systemd-socket", *flags],
        pass_fds=descriptors,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_it_serves_on_the_sockets_that_it_is_handed(config: str) -> None:
    """On all of them and nowhere else: the address that it would listen on may be in use."""
    with (
        bound(socket.AF_INET, ("127.0.0.1", 0)) as first,
        bound(socket.AF_INET, ("127.0.0.1", 0)) as second,
        bound(socket.AF_INET, ("127.0.0.1", 0)) as taken,
        handed([first, second], config, f"--web.listen-address=127.0.0.1:{port(taken)}") as process,
    ):
        for descriptor in (first, second):
            url = f"http://127.0.0.1:{port(descriptor)}/-/ready"
            assert requests.get(url, timeout=GUARD).ok
        process.terminate()
        _, said = process.communicate(timeout=GUARD)
        assert re.findall(r"msg=listening address=127\.0\.0\.1:(\d+)", said) == [
            str(port(first)),
            str(port(second)),
        ]
        assert Ended(process.returncode, "", said).code == 0
        # The sockets are systemd's: who comes now waits for the next start.
        with socket.create_connection(("127.0.0.1", port(first)), GUARD):
            pass


@pytest.mark.parametrize("kind", ["datagram", "unix", "file"])
def test_what_cannot_be_served_on_is_one_line(tmp_path: Path, config: str, kind: str) -> None:
    """Told by its descriptor."""
    with (
        {
            "datagram": lambda: bound(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM),
            "unix": lambda: bound(socket.AF_UNIX, str(tmp_path / "socket")),
            "file": lambda: opened(tmp_path / "file"),
        }[kind]() as descriptor,
        handed([descriptor], config) as process,
    ):
        _, said = process.communicate(timeout=GUARD)
        assert process.returncode == 1
        assert re.fullmatch(r"sockets from systemd: descriptor 3: found .+; accepted: .+\n", said)


@contextmanager
def opened(file: Path) -> Iterator[int]:
    """A descriptor of a file."""
    with file.open("w") as made:
        yield made.fileno()


def test_without_sockets_it_says_what_is_missing(config: str) -> None:
    """They may be those of another process, from which the variables were inherited."""
    ended = run("--web.systemd-socket", config, LISTEN_FDS="1", LISTEN_PID="1")
    assert (ended.code, ended.err) == (
        1,
        "sockets from systemd: found none; accepted: those of a .socket unit\n",
    )


def test_sockets_are_this_programs_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken for a socket that isn't said to be one of this process."""
    ours = str(os.getpid())
    for variables in ({}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": ours}, {"LISTEN_PID": ours}):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            with pytest.raises(CannotListen, match="found none"):
                systemd.listening_sockets()


def test_systemds_own_activation_starts_it(tmp_path: Path, config: str) -> None:
    """The first client is answered, who came before the program ran."""
    address = f"{IPv4Address('127.1.0.0') + os.getpid()}:9927"  # nobody else's
    command = [require("systemd-socket-activate"), f"--listen={address}", *COMMAND, "--web.systemd-socket"]
    with program([*command, config], tmp_path / "log") as running:
        wait_until(lambda: "Listening on" in running.said(), "a listening socket")
        assert requests.get(f"http://{address}/-/ready", timeout=GUARD).text == "Ready\n"
        running.process.terminate()
        assert running.process.wait(GUARD) == 0
