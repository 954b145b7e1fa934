"""Hundreds of accounts behind one exporter, and hundreds of probes at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from urllib.parse import urlsplit

import pytest
import yaml

from exporter.simulator import Settings, Simulator
from tests.command import Exporter, exporter
from tests.waiting import GUARD

PROBES = 400
NAMES = [f"account-{number}" for number in range(200)]
USUAL, ENOUGH = 256, 4096
"""Descriptors: fewer than there are probes, for a program that asks for no more; and for all of it."""


@contextmanager
def descriptors(number: int) -> Iterator[None]:
    """Allow so many to this process and those it starts."""
    before, most = getrlimit(RLIMIT_NOFILE)
    setrlimit(RLIMIT_NOFILE, (min(number, most), most))
    try:
        yield
    finally:
        setrlimit(RLIMIT_NOFILE, (before, most))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """An exporter of 200 accounts, started where 256 descriptors are usual."""
    folder = tmp_path_factory.mktemp("fleet")
    with descriptors(ENOUGH), Simulator(Settings(calls=2, speed=0)) as simulator, ExitStack() as stack:
        flag = configured(folder, simulator.url)
        with descriptors(USUAL):
            running = stack.enter_context(exporter(folder, flag, "--web.probe-only", "--web.max-requests=0"))
        yield running


def configured(folder: Path, url: str) -> str:
    """The flag that names a configuration of all accounts, which have this API."""
    account = {"account_sid": "demo", "api_key": "demo", "api_token": "demo", "base_url": url}
    accounts = [{**account, "name": name} for name in NAMES]
    patient = {
        "timeout": f"{GUARD:.0f}s",
        "requests_per_minute": 100_000,
    }  # one account of the API has one budget
    file = folder / "exporter.yaml"
    file.write_text(yaml.safe_dump({"accounts": accounts, "collection": patient}), encoding="utf-8")
    return f"--config.file={file}"


def test_hundreds_of_probes_at_once_are_all_answered(fleet: Exporter) -> None:
    """Each with the calls of the account that it asked for: one for each, and as many for one alone."""
    targets = NAMES + NAMES[:1] * (PROBES - len(NAMES))
    answers = asyncio.run(all_at_once(fleet.url("/probe"), targets))
    outcomes = Counter(
        (answer.partition("\r\n")[0], f'exotel_calls_reported{{account="{target}"}} 2.0\n' in answer)
        for target, answer in zip(targets, answers, strict=True)
    )
    assert outcomes == {("HTTP/1.1 200 OK", True): PROBES}


def test_more_connections_may_be_open_than_is_usual(fleet: Exporter) -> None:
    """As many as the system allows the program to ask for: each account keeps some."""
    limits = Path(f"/proc/{fleet.program.process.pid}/limits").read_text(encoding="ascii")
    [(soft, hard)] = [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files")]
    assert soft == hard


async def all_at_once(url: str, targets: Sequence[str]) -> list[str]:
    """What each of these probes is answered, each over a connection of its own."""
    async with asyncio.timeout(GUARD):
        return await asyncio.gather(*(probe(url, target) for target in targets))


async def probe(url: str, target: str) -> str:
    """What a probe is answered, head and body."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request = (
        f"GET {parts.path}?target={target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    )
    writer.write(request.encode("ascii"))
    answer = await reader.read()
    writer.close()
    return answer.decode()
