"""Whom the program speaks to: those it is configured to ask, and nobody else."""

import json
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from exporter.simulator import Settings, Simulator
from tests.command import exporter, run
from tests.configurations import write
from tests.waiting import GUARD

#: Python imports this when it starts: the interpreter itself tells whatever goes out, and what is started.
SITE = """
import json, os, sys

notes = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        told = ["connected", repr(arguments[1])]
    elif event.startswith(("socket.getaddrinfo", "socket.gethostby", "socket.getnameinfo")):
        told = ["looked up", repr(arguments[0])]
    elif event.startswith(("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.")):
        told = ["started", event]
    else:
        return
    os.write(notes, json.dumps(told).encode() + b"\\n")

sys.addaudithook(note)
"""

LISTEN = ("127.0.0.1:0",)

#: What other programs ask for a way out.
PROXIES = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")


@dataclass(frozen=True)
class Noted:
    """What a program did, in environments made for it."""

    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variables with which a program is watched."""
        (self.folder / "sitecustomize.py").write_text(SITE, encoding="utf-8")
        return {"PYTHONPATH": str(self.folder), "NOTES": str(self.folder / "notes"), **PROXIES}

    def all(self) -> set[tuple[str, str]]:
        """Return what it did, and with whom."""
        lines = (self.folder / "notes").read_text(encoding="utf-8").splitlines()
        return {(did, whom) for did, whom in map(json.loads, lines)}


@pytest.fixture
def noted(tmp_path: Path) -> Noted:
    """Watch a program."""
    return Noted(tmp_path)


@pytest.fixture
def api() -> Iterator[Simulator]:
    """Yield the only one to be asked."""
    with Simulator(Settings(calls=150, speed=0)) as simulator:
        yield simulator


@pytest.fixture
def flag(tmp_path: Path, api: Simulator) -> str:
    """Return the flag of a configuration with everything switched on that asks for something."""
    account = {"account_sid": "demo", "base_url": api.url, "api_key": "demo", "api_token": "demo"}
    collection = {"agent_streams": True, "streams": {"enabled": True}, "min_interval": "0s"}
    return (
        f"--config.file={write(tmp_path, yaml.safe_dump({'accounts': [account], 'collection': collection}))}"
    )


def asked(url: str) -> set[tuple[str, str]]:
    """Return what a program does that asks one host on this machine."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    return {("looked up", repr(host)), ("connected", repr((host, port)))}


def test_a_collection_speaks_to_the_account_alone(noted: Noted, api: Simulator, flag: str) -> None:
    """One host is looked up and connected to, whatever proxies the environment names."""
    assert run("--once", flag, **noted.environment).code == 0
    assert noted.all() == asked(api.url)


def test_a_server_speaks_to_the_account_alone(noted: Noted, api: Simulator, flag: str) -> None:
    """Neither scrapes nor the page nor its start and end lead anywhere else."""
    with exporter(noted.folder, flag, listen=LISTEN, **noted.environment) as server:
        for path in ("/metrics", "/", "/-/ready", "/nowhere"):
            requests.get(server.url(path), timeout=GUARD)
        assert server.stop(signal.SIGTERM).code == 0
    assert noted.all() == asked(api.url)


def test_a_check_speaks_to_nobody(noted: Noted, flag: str) -> None:
    """Not even to see whether the host is there."""
    assert run("--config.check", flag, **noted.environment).code == 0
    assert noted.all() == set()


def test_the_demo_stays_on_this_machine(noted: Noted) -> None:
    """It asks the simulator that it has brought."""
    with exporter(noted.folder, "--demo", listen=LISTEN, **noted.environment) as server:
        assert requests.get(server.url("/metrics"), timeout=GUARD).status_code == 200
        simulator = server.program.said().partition("Simulated Exotel ")[2].split()[0]
    assert noted.all() == asked(simulator)
