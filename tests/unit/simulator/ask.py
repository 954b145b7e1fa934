"""How these tests ask a simulator."""

import socket
from typing import Any
from urllib.parse import urlsplit

import requests

from exporter.simulator import Simulator
from tests.waiting import GUARD

EPOCH = 1718447400.0  # 2024-06-15T10:30:00Z
AUTH = ("demo", "demo")


def get(simulator: Simulator, path: str, **params: object) -> requests.Response:
    """GET with the right credentials."""
    return requests.get(simulator.url + path, params=_texts(params), auth=AUTH, timeout=GUARD)


def calls(simulator: Simulator, **params: object) -> requests.Response:
    """One page of the list of calls."""
    return get(simulator, "/v3/accounts/demo/calls/active", **params)


def page(simulator: Simulator, **params: object) -> dict[str, Any]:
    """What such a page holds: active_calls and total_active."""
    answer = calls(simulator, **params)
    assert answer.status_code == 200
    response: dict[str, Any] = answer.json()["response"]
    return response


def every_row(simulator: Simulator, **params: object) -> list[dict[str, Any]]:
    """The rows of all pages."""
    rows: list[dict[str, Any]] = []
    while True:
        found = page(simulator, limit=100, offset=len(rows), **params)["active_calls"]
        rows += found
        if not found:
            return rows


def connect(simulator: Simulator) -> socket.socket:
    """A connection with nothing sent yet."""
    url = urlsplit(simulator.url)
    return socket.create_connection((url.hostname, url.port), timeout=GUARD)


def _texts(params: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}
