"""The simulator and the exporter, started as a user starts them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from exporter.simulator import EXOPHONES
from tests.e2e.processes import Program, program
from tests.tools import script
from tests.waiting import wait_until


@contextmanager
def simulator(folder: Path, *options: str, name: str = "simulator") -> Iterator[str]:
    """The URL of a simulated Exotel, whose account is `demo`."""
    command = [script("exotel-simulator"), "--listen-address=127.0.0.1:0", *options]
    with program(command, folder / f"{name}.log") as server:
        yield _announced(server, r"(http://127\.0\.0\.1:\d+)")


@contextmanager
def exporter(name: str, folder: Path, url: str, limit: int) -> Iterator[tuple[str, Program]]:
    """The address of an exporter of two accounts: `demo`, and `unknown-sid`, which the API doesn't know."""
    lines = {"sales": [*EXOPHONES[:2]], "support": [EXOPHONES[2]]}
    accounts = [
        account(url) | {"call_limit": limit, "lines": lines},
        account(url, name="unknown-sid") | {"account_sid": "nobody"},
    ]
    with exporter_of(name, folder, accounts) as started:
        yield started


def account(url: str, name: str = "demo") -> dict[str, Any]:
    """Return the configuration of a simulator's account."""
    return {"name": name, "account_sid": "demo", "base_url": url, "api_key": "demo", "api_token": "demo"}


@contextmanager
def exporter_of(
    name: str, folder: Path, accounts: Sequence[Mapping[str, Any]], listen: str = "127.0.0.1:0"
) -> Iterator[tuple[str, Program]]:
    """The address of an exporter of these accounts, with all that can be switched on.

    It may ask as often as it is scraped, and has requests for details at each scrape.
    """
    config = {
        "accounts": accounts,
        "collection": {
            "min_interval": "1s",
            "requests_per_minute": 6000,
            "agent_streams": True,
            "streams": {"enabled": True},
        },
        "metrics": {"per_agent": True, "agent_names": True, "longest_calls": 5},
    }
    with configured_exporter(name, folder, config, listen) as started:
        yield started


@contextmanager
def configured_exporter(
    name: str, folder: Path, config: Mapping[str, Any], listen: str = "127.0.0.1:0", *flags: str
) -> Iterator[tuple[str, Program]]:
    """The address of an exporter with this configuration, and flags beside it."""
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    options = [f"--config.file={file}", f"--web.listen-address={listen}", *flags]
    command = [script("exotel-exporter"), *options]
    with program(command, folder / f"{name}.log") as server:
        yield _announced(server, r"msg=listening.* address=(127\.0\.0\.1:\d+)"), server


def _announced(server: Program, pattern: str) -> str:
    """Where the program says that it listens, as soon as it does."""
    found = wait_until(lambda: re.search(pattern, server.said()), f"a line like {pattern}")
    return str(found and found[1])
