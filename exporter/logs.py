"""Log lines as logfmt or JSON, one line each, on standard error."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/+-[]")


def facts(**values: object) -> dict[str, object]:
    """Give the `extra` of a log call: what the line tells beside its message; None is left out."""
    return {"facts": {name: value for name, value in values.items() if value is not None}}


def set_up(level: str, style: str) -> None:
    """Log to standard error from `level` on, as `logfmt` or `json`."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if style == "json" else _LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("urllib3", "asyncio", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.ERROR)  # they warn of what is answered, and counted, here


def _fields(record: logging.LogRecord) -> dict[str, object]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: dict[str, object] = {
        "ts": at.replace("+00:00", "Z"),
        "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
        "msg": record.getMessage(),
    }
    fields.update(getattr(record, "facts", {}))
    if record.exc_info and record.exc_info[0]:
        fields["error"] = record.exc_info[0].__name__
    return fields


class _LogfmtFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{name}={_logfmt(str(value))}" for name, value in _fields(record).items())


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_fields(record), default=str)


def _logfmt(value: str) -> str:
    return value if value and _SAFE.issuperset(value) else json.dumps(value, ensure_ascii=False)
