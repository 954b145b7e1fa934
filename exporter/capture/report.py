"""What a capture tells people: as it is made, when it is written, and in the README that it holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from textwrap import fill
from typing import Any

from exporter.archive import Capture, Exchange
from exporter.capture.words import Kind
from exporter.collect.snapshot import Snapshot
from exporter.exotel.body import parse
from exporter.exotel.enums import Endpoint, member
from exporter.exotel.errors import Failure
from exporter.output import counted

_LONGEST_SAMPLE = 2000  # characters

_README = """\
What the API of Exotel answered to exotel-exporter {version}, with everything personal replaced.
Made by `exotel-exporter capture`, to be passed on: with a bug report, or as a regression test.

In this file
  README            this text
  capture.json      the settings that decide what the exporter asks
  exchanges.jsonl   {requests}, a line each, in the order in which they were made: what was asked, when,
                    how long it took, the status, the headers that matter, the file of the body
  bodies/           what was answered; equal answers are one file

What was replaced
  {counts}
  Each became another one of the same length, digit by digit and letter by letter; what was equal is equal
  still. The key by which that was done was thrown away: nobody can turn it back, not even who made this file.
  Texts and names of fields that the API's documentation doesn't have were replaced in the same way.
  Times were moved, all by the same random offset; the differences between them are true.
  {errors}

What was left out
  Credentials, hosts and addresses, the account's name and its SID, the names of its lines, and all headers
  but those about time, limits and types.

What can still be seen
  How many calls there were at which moment, by direction and status, how long they lasted and whether they
  were recorded; how many agents there were; error codes, limits and other numbers of fewer than six digits;
  how fast the API answered; what its answers are built like, down to their mistakes.

Look at it before you pass it on
  unzip -p FILE.zip exchanges.jsonl
  unzip -p FILE.zip 'bodies/*' | less

Replay it
  exotel-simulator --replay=FILE.zip
  answers the same questions in the same way, and prints the configuration for an exporter to ask them.
"""
_WITHOUT_ERRORS = (
    "Answers that are neither JSON nor XML, as error pages are, were reduced to their type, their length and"
    "\n  a fingerprint."
)
_RAW_ERRORS = (
    "NOT replaced: answers that are neither JSON nor XML, as error pages are. They are here as they came\n"
    "  (--raw-errors), with whatever hosts, addresses, numbers and names they hold; the API key and\n"
    "  token are masked where they stand in them as such, or as Basic authentication has them."
)
_SAMPLES = {
    Endpoint.CALLS: ("A call", "active_calls"),
    Endpoint.STREAMS: ("A call's details", "stream"),
}


def readme(capture: Capture, counts: Mapping[Kind, int], *, raw_errors: bool) -> str:
    """Return the text that tells whoever opens a capture what it is."""
    return _README.format(
        version=capture.version,
        requests=counted(len(capture.exchanges), "request"),
        counts=fill(f"{replaced(counts)}.", 105, subsequent_indent="  "),
        errors=_RAW_ERRORS if raw_errors else _WITHOUT_ERRORS,
    )


def replaced(counts: Mapping[Kind, int]) -> str:
    """Return what was replaced, and how often."""
    told = [f"{kind} ({counts[kind]:,})" for kind in Kind if counts.get(kind)]
    return ", ".join(told) or "nothing: no answer held anything personal"


def found(snapshot: Snapshot) -> str:
    """Return what a collection found, or why it found nothing."""
    told = []
    if snapshot.active_calls is not None:
        told.append(f"{counted(snapshot.seen or 0, 'call')} listed")
    for collector, result in snapshot.results.items():
        if result is not None and result.failure is not None:
            told.append(f"{collector} failed: {result.failure.reason} ({_detail(result.failure)})")
    return "; ".join(told)


def _detail(failure: Failure) -> str:
    """Return what a failure tells; a code that is a text could be anything, and is left out."""
    return f"HTTP {failure.status}" if isinstance(failure.code, str) else failure.detail


def samples(exchanges: Iterable[Exchange]) -> Iterator[tuple[str, str]]:
    """Yield the first call and the first details that were captured: what it is, and its JSON."""
    wanted = dict(_SAMPLES)
    for exchange in exchanges:
        if exchange.status == 200 and (sample := wanted.get(Endpoint(exchange.endpoint))):
            what, name = sample
            value = _first(member(member(parse(exchange.body), "response"), name))
            if isinstance(value, dict):
                del wanted[Endpoint(exchange.endpoint)]
                yield what, _written(value)


def _first(value: Any) -> Any:
    """Return the first row of a list; anything else as it is."""
    return next((row for row in value if isinstance(row, dict)), None) if isinstance(value, list) else value


def _written(value: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(value, indent=2)
    except RecursionError:
        return "{…}"
    return text if len(text) <= _LONGEST_SAMPLE else f"{text[:_LONGEST_SAMPLE]}…"
