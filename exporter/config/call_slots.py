"""How many slots of the limit a call takes, by direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import ValidationError, WithJsonSchema, WrapValidator

from exporter.web.config_file import Place, Rejected, rejection, rejections, show, show_key
from exporter.web.sections import Accepts, whole_number

DIRECTIONS = ("inbound", "outbound-api", "outbound-dial", "outbound", "other", "unknown")
"""Every value of the label `direction`."""
_ALIASES = {"incoming": "inbound"}
_MOST = 10

CallSlots = Mapping[str, Annotated[int, whole_number(1, _MOST)]]
"""Slots by direction; a call of any other direction takes one."""


def _by_direction(given: Any, read_slots: Callable[[Any], CallSlots]) -> CallSlots:
    """Return slots by the directions' own names, however they are written."""
    if not isinstance(given, dict):
        raise Rejected
    keys: dict[str, Any] = {}
    problems: list[tuple[Place, Rejected]] = []
    for key in given:
        name = _direction(key)
        if name is None:
            found = f"the unknown direction {show_key(key)}"
            problems.append(((), Rejected(found, accepted=", ".join(DIRECTIONS), key=_written(key))))
        elif name in keys:
            found = f"{show_key(key)}, the same direction as {show_key(keys[name])}"
            problems.append(((), Rejected(found, accepted="each direction once", key=_written(key))))
        else:
            keys[name] = key
    try:
        slots = read_slots({key: given[key] for key in keys.values()})
    except ValidationError as error:
        problems += rejections(error)
    if problems:
        raise rejection(problems)
    return {name: slots[key] for name, key in keys.items()}


def _direction(key: Any) -> str | None:
    """Return the direction that is meant, read as in an answer of the API; None if there is none."""
    if not isinstance(key, str):
        return None
    text = key.strip().lower().replace("_", "-")
    name = _ALIASES.get(text, text)
    return name if name in DIRECTIONS else None


def _written(key: Any) -> str:
    return key if isinstance(key, str) else show(key)


CALL_SLOTS = Accepts(
    f"a mapping from directions to whole numbers from 1 to {_MOST}, like {{outbound-api: 2}}; the directions "
    f"are {', '.join(DIRECTIONS)}",
    WrapValidator(_by_direction),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"enum": [*DIRECTIONS, *_ALIASES]},
            "additionalProperties": {
                "anyOf": [
                    {"type": "integer", "minimum": 1, "maximum": _MOST},
                    {"type": "string", "pattern": r"\$\{"},
                ]
            },
        }
    ),
)
