"""Requests to a simulator."""

import socket
from typing import Any
from urllib.parse import urlsplit

import requests

from exporter.simulator import Simulator
from tests.waiting import GUARD

EPOCH = 1718447400.0  # 2024-06-15T10:30:00Z
AUTH = ("demo", "demo")


def get(simulator: Simulator, path: str, **params: object) -> requests.Response:
    """Return the response to a GET with valid credentials."""
    return requests.get(simulator.url + path, params=_texts(params), auth=AUTH, timeout=GUARD)


def calls(simulator: Simulator, **params: object) -> requests.Response:
    """Return the response to a request for a page of calls."""
    return get(simulator, "/v3/accounts/demo/calls/active", **params)


def page(simulator: Simulator, **params: object) -> dict[str, Any]:
    """Return the content of a page: active_calls and total_active."""
    found = calls(simulator, **params)
    assert found.status_code == 200
    response: dict[str, Any] = found.json()["response"]
    return response


def every_row(simulator: Simulator, **params: object) -> list[dict[str, Any]]:
    """Return the rows of all pages."""
    rows: list[dict[str, Any]] = []
    while True:
        found = page(simulator, limit=100, offset=len(rows), **params)["active_calls"]
        rows += found
        if not found:
            return rows


def connect(simulator: Simulator) -> socket.socket:
    """Return a new connection."""
    url = urlsplit(simulator.url)
    return socket.create_connection((url.hostname, url.port), timeout=GUARD)


def _texts(params: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items()}
