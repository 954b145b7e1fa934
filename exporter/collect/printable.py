"""Texts of others, fit to be shown."""

from __future__ import annotations

_MOST = 128  # characters


def printable(text: str, most: int = _MOST) -> str:
    """Give a text that every reader bears: bounded, without control characters."""
    if text.isprintable():
        return text[:most]
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:most])
