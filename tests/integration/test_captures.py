"""Captures of real and simulated accounts, and beside each what the exporter makes of it: anyone may add one.

`tests/captures/NAME.zip` is replayed, and the exposition after each collection compared with `NAME.prom`,
which `make golden` writes. What depends on clocks and the pace is left out, and counters and buckets of 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.archive import Capture, read
from exporter.metrics.exposition import expose
from tests.clock import moved_clock
from tests.conftest import CAPTURES
from tests.replaying import FIRST_PAGE, answered, capture, collected, page, replayed

FILES = sorted(CAPTURES.glob("*.zip"))
INTERVAL = 15.0  # seconds between collections
MOST = 10  # collections
LEFT_OUT = re.compile(
    r"#|exotel_(api_|snapshot_(timestamp|window)_|collector_duration_|sustainable_|observed_)"
    r"|.*_(total|bucket)\{.* 0\.0$"
)


def collections(captured: Capture) -> int:
    """Return how many collections a capture has answers for, going by when its list was begun."""
    begun = [-INTERVAL]
    for exchange in captured.exchanges:
        is_first = "offset=0" in re.split("[?&]", exchange.target)
        if is_first and exchange.asked_at > begun[-1] + INTERVAL - 1:  # else it is asked for again
            begun.append(exchange.asked_at)
    return max(1, min(len(begun) - 1, MOST))


def expositions(captured: Capture) -> str:
    """Return what each collection from a capture exports, but for what differs from run to run."""
    parts = []
    with moved_clock() as clock, replayed(captured) as account:
        for number in range(1, collections(captured) + 1):
            text, _ = expose({account: collected(account)}, accept="")
            lines = [line for line in text.decode().splitlines() if not LEFT_OUT.match(line)]
            parts.append("\n".join([f"# Collection {number}", *lines, ""]))
            clock.forward(INTERVAL)
    return "\n".join(parts)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_capture_still_gives_its_exposition(golden: Callable[[Path, str], None], file: Path) -> None:
    """What changes shows in the file beside it."""
    golden(file.with_suffix(".prom"), expositions(read(file)))


def test_each_collection_of_a_capture_is_exposed() -> None:
    """What went wrong in the second of two shows too."""
    later = replace(answered(FIRST_PAGE, page("a", "b")), asked_at=INTERVAL)
    text = expositions(capture(answered(FIRST_PAGE, page("a")), later))
    first, second = text.split("# Collection 2\n")
    assert 'exotel_calls_reported{account="acme1"} 1.0' in first
    assert 'exotel_calls_reported{account="acme1"} 2.0' in second
