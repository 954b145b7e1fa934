"""What log records say beside their messages."""

from __future__ import annotations

import logging

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime"}  # the last two are pytest's


def fields(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields that a line has of a record; those that are None are left out."""
    return {
        name: value for name, value in vars(record).items() if name not in _STANDARD and value is not None
    }
