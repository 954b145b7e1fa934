"""The XML in which AgentStream, an older API, may answer."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

_LONGEST = 2**16  # characters; a tree takes a hundred times the memory of its text


def parse_xml(text: str) -> dict[str, Any] | None:
    """Return `<TwilioResponse>` as JSON would tell it: two levels of objects, then texts."""
    if "<!DOCTYPE" in text or len(text) > _LONGEST:  # without a DOCTYPE only XML's own entities exist
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # what makes it unsafe needs a DOCTYPE
    except (ElementTree.ParseError, ValueError):
        return None
    if _name(root) != "TwilioResponse":
        return None
    return {_name(part): {_name(each): _text(each) for each in part} or _text(part) for part in root}


def _text(element: ElementTree.Element) -> str:
    return "" if len(element) else (element.text or "").strip()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]  # without its namespace
