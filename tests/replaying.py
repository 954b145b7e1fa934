"""Captures that are served again, and the exporter's account that asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from exporter.archive import Capture, Exchange
from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.config import from_file
from exporter.exotel.deadline import Deadline
from exporter.simulator import Replay, ServerThread
from exporter.simulator.replay import configuration
from tests.waiting import GUARD

BEGAN = 1718447400.0  # 2024-06-15T10:30:00Z
CALLS = "/v3/accounts/acme1/calls"
FIRST_PAGE = f"{CALLS}/active?limit=100&offset=0"
AGENT_STREAMS = "/v1/Accounts/acme1/ActiveStreams"
JSON = (("Content-Type", "application/json"),)


def answered(
    target: str,
    document: object,
    *,
    endpoint: str = "calls",
    status: int = 200,
    seconds: float = 0.0,
    headers: tuple[tuple[str, str], ...] = JSON,
) -> Exchange:
    """Return an exchange whose answer is a JSON document."""
    body = msgspec.json.encode(document)
    return Exchange(endpoint, target, 0.0, 0.0, seconds, status, headers, body)


def page(*call_sids: str, total: int | None = None) -> dict[str, Any]:
    """Return the document of a page with these calls, all inbound and in progress."""
    same = {"direction": "inbound", "status": "in-progress", "duration": 60}
    rows = [{"call_sid": call_sid, **same} for call_sid in call_sids]
    return {"response": {"active_calls": rows, "total_active": len(rows) if total is None else total}}


def failed(
    target: str, failure: str, *, endpoint: str = "calls", status: int | None = None, seconds: float = 0.0
) -> Exchange:
    """Return an exchange without a whole answer, with or without headers."""
    first_byte = None if status is None else 0.0
    return Exchange(endpoint, target, 0.0, first_byte, seconds, status, JSON if status else (), b"", failure)


def capture(*exchanges: Exchange, settings: Mapping[str, Any] | None = None) -> Capture:
    """Return a capture of these exchanges."""
    return Capture("acme1", BEGAN, "0.2.0", settings or {}, exchanges)


@contextmanager
def replayed(captured: Capture) -> Iterator[Account]:
    """Serve a capture at once, and give the account that its configuration exports."""
    with ServerThread(Replay(captured, pace=0)) as server, TemporaryDirectory() as folder:
        file = Path(folder) / "replay.yaml"
        file.write_text(configuration(captured, server.url), encoding="utf-8")
        config = from_file(file, {})
        [account] = config.accounts
        made = Account(account, config.metrics)
        try:
            yield made
        finally:
            made.close()


def collected(account: Account) -> Snapshot:
    """Collect once."""
    return account.collect(Deadline.after(account.config.collection.timeout)).result(timeout=GUARD)
