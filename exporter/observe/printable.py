"""Texts of the API that become label values."""

from __future__ import annotations

_MOST = 128  # characters


def printable(text: str) -> str:
    """Give a text that every parser of the exposition bears: bounded, without control characters."""
    if text.isprintable():
        return text[:_MOST]
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:_MOST])
