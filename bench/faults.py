"""Faults of every kind the simulator knows, one after another."""

from __future__ import annotations

import asyncio
import random

import requests

from exporter.simulator.fault_kinds import KINDS

#: What a kind is drawn with; those that aren't here need no argument.
_ARGUMENTS = {
    "status": (
        *("204", "400", "401", "402", "403", "404", "429", "429,body=v1", "429,retry-after=2"),
        *("500", "500,body=empty", "502,body=html", "503", "503,retry-after=1", "599"),
    ),
    "inside": ("400", "401", "404", "429", "500", "503"),
    "slow": ("200ms", "1s", "3s"),
    "total": ("0", "1", "10000000", "1000000000", "-5", "null", '"many"'),
    "huge": ("5", "10", "300"),
    "other_json": ("", "[]", "null", '{"response": {"active_calls": {}}}'),
    "redirect": ("http://127.0.0.1:9/elsewhere",),
    "stream": ('{"legs": null}', '{"bridge": {"created_at": "1970-01-01 05:30:00+05:30"}}'),
}
_PAGES = ("", "@first", "@middle")
_PATIENCE = 10  # seconds for the simulator to take its faults


async def inject_faults(simulator: str, draw: random.Random) -> None:
    """Have a simulator fail in one way after another, with good times between, until cancelled."""
    try:
        while True:
            kind = draw.choice(list(KINDS))
            argument = draw.choice(_ARGUMENTS.get(kind, ("",)))
            await _set_faults(simulator, kind + (argument and f":{argument}") + draw.choice(_PAGES))
            await asyncio.sleep(draw.uniform(2, 4))
            await _set_faults(simulator)
            await asyncio.sleep(draw.uniform(1, 2))
    finally:
        await _set_faults(simulator)


async def _set_faults(simulator: str, *faults: str) -> None:
    url = f"{simulator}/_simulator/faults"
    answer = await asyncio.to_thread(requests.post, url, json=faults, timeout=_PATIENCE)
    answer.raise_for_status()
