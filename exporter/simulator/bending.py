"""Faults inside the document: what the list of calls, or the details of one, say that isn't so."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from exporter.simulator.hostile import BROKEN_ROWS, HOSTILE_ROWS, SPOILT_ROWS
from exporter.simulator.hostile_streams import HOSTILE_STREAMS, changed
from exporter.simulator.reply import Reply

Apply = Callable[[Reply], Reply]
_Change = Callable[[dict[str, Any]], None]

_ENDINGS = {"no-answer": "to_leg_unanswered", "canceled": "from_leg_cancelled", "failed": "to_leg_no_dial"}
"""How v3 says what v1 says of a call that has ended."""

_LIST = re.compile(rb'"active_calls": ?\[')


def total(argument: str) -> Apply:
    """Read what `total_active` shall say."""
    said = read_json(argument)

    def lie(response: dict[str, Any]) -> None:
        response["total_active"] = said

    return lambda reply: _bend_list(reply, lie)


def empty_page(reply: Reply) -> Reply:
    """Leave the total without its rows."""

    def empty(response: dict[str, Any]) -> None:
        response["active_calls"] = []

    return _bend_list(reply, empty)


def rows(reply: Reply) -> Reply:
    """Put a hostile row after each true one while there are any, then the rest of them."""

    def mix_in(response: dict[str, Any]) -> None:
        true, hostile = response["active_calls"], list(HOSTILE_ROWS)
        mixed = [row for pair in zip(true, hostile, strict=False) for row in pair]
        response["active_calls"] = mixed + true[len(hostile) :] + hostile[len(true) :]

    return _bend_list(reply, mix_in)


def endings(reply: Reply) -> Reply:
    """Tell as v3 does which calls have ended: in its words, and by a state, which the status may lag."""

    def tell(response: dict[str, Any]) -> None:
        for row in response["active_calls"]:
            status = row["status"]
            row["state"] = "active" if status in {"queued", "ringing", "in-progress"} else "terminal"
            row["status"] = "in-progress" if status == "completed" else _ENDINGS.get(status, status)

    return _bend_list(reply, tell)


def spoilt(reply: Reply) -> Reply:
    """Put rows that are barely JSON, or none, before the true ones: the reply no longer is JSON."""
    if not (start := _LIST.search(reply.body)):
        return reply
    before, after = reply.body[: start.end()], reply.body[start.end() :]
    rows = b",".join((*SPOILT_ROWS, *BROKEN_ROWS))
    return replace(reply, body=before + rows + (b"" if after.startswith(b"]") else b",") + after)


def stream(argument: str) -> Apply:
    """Read which fields of the stream shall be otherwise."""
    change = read_json(argument)
    if not isinstance(change, dict):
        raise ValueError(f"{argument!r} is not a JSON object")  # noqa: TRY004 (the text is wrong, no type)
    changes = itertools.repeat(change)
    return lambda reply: _bend_stream(reply, changes)


def details() -> Apply:
    """Change each stream in the next hostile way, from the first one on."""
    changes = itertools.cycle(HOSTILE_STREAMS)
    return lambda reply: _bend_stream(reply, changes)


def read_json(text: str) -> object:
    """Read JSON; ValueError if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{text!r} is not JSON") from None


def _bend_list(reply: Reply, change: _Change) -> Reply:
    return _bend(reply, "active_calls", list, change)


def _bend_stream(reply: Reply, changes: Iterator[object]) -> Reply:
    """Change the fields that an object names; all else takes the stream's place."""

    def bend(response: dict[str, Any]) -> None:
        change = next(changes)
        response["stream"] = changed(response["stream"], change) if isinstance(change, dict) else change

    return _bend(reply, "stream", dict, bend)


def _bend(reply: Reply, name: str, kind: type, change: _Change) -> Reply:
    """Change the response in a reply; those that don't hold this are left alone."""
    try:
        document = json.loads(reply.body)
    except ValueError:
        return reply
    response = document.get("response") if isinstance(document, dict) else None
    if not isinstance(response, dict) or not isinstance(response.get(name), kind):
        return reply
    change(response)
    return replace(reply, body=json.dumps(document).encode())  # msgspec refuses some hostile values
