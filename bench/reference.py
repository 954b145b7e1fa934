"""The plain way, to compare with: page after page with requests and json, and one loop over the calls."""

from __future__ import annotations

from collections import Counter

import requests


def list_plainly(url: str, page_size: int) -> tuple[Counter[tuple[str, str]], int]:
    """Return the active calls by direction and status, and the number of requests that it took."""
    counts: Counter[tuple[str, str]] = Counter()
    offset = made = 0
    with requests.Session() as session:
        while True:
            parameters = {"limit": page_size, "offset": offset}
            answer = session.get(
                f"{url}/v3/accounts/demo/calls/active", params=parameters, auth=("demo", "demo"), timeout=60
            )
            made += 1
            response = answer.json()["response"]
            for call in response["active_calls"]:
                counts[call["direction"], call["status"]] += 1
            offset += page_size
            if offset >= response["total_active"]:
                return counts, made
