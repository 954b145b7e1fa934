"""Log lines as logfmt or JSON, one line each, on standard error, whose reader keeps nobody waiting."""

from __future__ import annotations

import json
import logging
import math
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread

import structlog
from structlog.typing import EventDict, WrappedLogger

from exporter.output import write_all

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/+-[]")
_MOST_LINES = 1000  # of one account
_MOST_WAITING = 10_000  # lines that are not written yet: some megabytes
_LAST_WAIT = 0.5  # seconds, twice, for them to be written when the program ends
_STANDARD_ERROR = 2
_OWN = logging.getLogger("exporter")
_OWN.setLevel(logging.DEBUG)  # a log of one account wants all; what is printed is the handler's affair


def facts(**values: object) -> dict[str, object]:
    """Return the `extra` of a log call: what the line says beside its message; None is left out."""
    return {"facts": {name: value for name, value in values.items() if value is not None}}


def _to_record(
    _logger: WrappedLogger, _method: str, event: EventDict
) -> tuple[tuple[object], dict[str, object]]:
    """Return what `logging` is called with for a line of structlog's."""
    return (event.pop("event"),), {"extra": facts(**event)}


structlog.configure(
    processors=[structlog.stdlib.filter_by_level, _to_record],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)


def place(error: BaseException) -> str:
    """Name an unexpected exception and where it arose; its text is left out, as it could hold anything."""
    frames = list(traceback.walk_tb(error.__traceback__))  # without the source, which would have to be read
    where = f" at {Path(frames[-1][0].f_code.co_filename).name}:{frames[-1][1]}" if frames else ""
    return f"{type(error).__name__}{where}; please report this"


def set_up(level: str, style: str, descriptor: int = _STANDARD_ERROR) -> None:
    """Log from `level` on, as `logfmt` or `json`, to standard error or another descriptor."""
    handler = _Aside(descriptor)
    handler.setLevel(level.upper())
    handler.setFormatter(_JsonFormatter() if style == "json" else _LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in ("urllib3", "asyncio", "uvicorn"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what they tell of is told and counted here


class _Aside(logging.Handler):
    """Writes in a thread of its own: a log that nobody reads, or a full disk, stops nothing but the log.

    Lines that find no room, or can't be written, are dropped. When lines can be written again one tells how
    many were.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._waiting: Queue[str | Event] = Queue(_MOST_WAITING)
        self._no_room = 0  # counted by those who log, one at a time
        self._unwritten = self._told = 0  # counted by the thread that writes
        self._told_at = -math.inf
        Thread(target=self._work, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a line written; whatever goes wrong with it costs that line alone."""
        try:
            self._waiting.put_nowait(self.format(record))
        except Exception:  # noqa: BLE001  # Full, or a value that can't be shown
            self._no_room += 1

    def flush(self) -> None:
        """Wait until all lines are written, but not for ever."""
        written = Event()
        with suppress(Full):
            self._waiting.put(written, timeout=_LAST_WAIT)
            written.wait(_LAST_WAIT)

    def _work(self) -> None:
        while True:
            line = self._waiting.get()
            if isinstance(line, Event):
                line.set()
            elif self._write(line):
                self._tell_dropped()
            else:
                self._unwritten += 1

    def _tell_dropped(self) -> None:
        """Say how many lines are missing: at once, and then once a second while it goes on."""
        dropped, now = self._no_room + self._unwritten - self._told, time.monotonic()
        if not dropped or (now - self._told_at < 1 and not self._waiting.empty()):
            return
        told = {"levelname": "WARNING", "msg": "log lines dropped", **facts(lines=dropped)}
        if self._write(self.format(logging.makeLogRecord(told))):
            self._told, self._told_at = self._told + dropped, now

    def _write(self, line: str) -> bool:
        try:
            write_all(self._descriptor, f"{line}\n".encode(errors="backslashreplace"))
        except OSError:
            return False
        return True


@contextmanager
def log_of(account: str) -> Iterator[list[str]]:
    """Give a list that has the lines on an account, of every level, for as long as this lasts."""
    keeper = _Keeper(account)
    _OWN.addHandler(keeper)
    try:
        yield keeper.lines
    finally:
        _OWN.removeHandler(keeper)


class _Keeper(logging.Handler):
    def __init__(self, account: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._account = account
        self.setFormatter(_LogfmtFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "facts", {}).get("account") == self._account and len(self.lines) < _MOST_LINES:
            self.lines.append(self.format(record))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: dict[str, object] = {
        "ts": at.replace("+00:00", "Z"),
        "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
        "msg": _message(record),
    }
    fields.update(getattr(record, "facts", {}))
    if record.exc_info and record.exc_info[0]:
        fields["error"] = record.exc_info[0].__name__
    return fields


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # the arguments of another library's record don't fit its message
        return str(record.msg)


class _LogfmtFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{name}={_logfmt(_text(value))}" for name, value in _fields(record).items())


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({name: _json(value) for name, value in _fields(record).items()})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _logfmt(value: str) -> str:
    if value and _SAFE.issuperset(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted if quoted.isprintable() else json.dumps(value)


def _json(value: object) -> object:
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_number else str(value)
