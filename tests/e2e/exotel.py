"""The simulator and the exporter, started as a user starts them."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from exporter.simulator import EXOPHONES
from tests.e2e.processes import Program, program, wait_for

SECONDS_TO_START = 20


@contextmanager
def simulator(folder: Path, calls: int) -> Iterator[str]:
    """The URL of a simulated Exotel in which `calls` calls of the account `demo` go on for ever."""
    command = [
        *(sys.executable, "-m", "exporter.simulator", "--listen-address=127.0.0.1:0"),
        *("--account-sid=demo", f"--calls={calls}", "--api-key=demo", "--api-token=demo", "--speed=0"),
    ]
    with program(command, folder / "simulator.log") as server:
        yield _announced(server, r"(http://127\.0\.0\.1:\d+)")


@contextmanager
def exporter(name: str, folder: Path, url: str, limit: int) -> Iterator[tuple[str, Program]]:
    """The address of an exporter of two accounts: `demo`, and `unknown-sid`, which the API doesn't know.

    All that can be switched on is on, and the budget is large enough for details at each scrape.
    """
    account = {"name": "demo", "account_sid": "demo", "base_url": url, "api_key": "demo", "api_token": "demo"}
    config = {
        "accounts": [
            {**account, "call_limit": limit, "lines": {"sales": [*EXOPHONES[:2]], "support": [EXOPHONES[2]]}},
            {**account, "name": "unknown-sid", "account_sid": "nobody"},
        ],
        "collection": {
            "min_interval": "1s",
            "requests_per_minute": 6000,
            "agent_streams": True,
            "streams": {"enabled": True},
        },
        "metrics": {"per_agent": True, "agent_names": True, "longest_calls": 5},
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "exporter", f"--config.file={file}", "--web.listen-address=127.0.0.1:0"]
    with program(command, folder / f"{name}.log") as server:
        yield _announced(server, r"msg=listening.* address=(127\.0\.0\.1:\d+)"), server


def _announced(server: Program, pattern: str) -> str:
    found = wait_for(
        lambda: re.search(pattern, server.said()), SECONDS_TO_START, what=f"a line like {pattern}"
    )
    return str(found and found[1])
