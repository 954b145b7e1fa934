"""Structured logs: each line logfmt or JSON, on standard error, whose reader keeps nobody waiting."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import select
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_STANDARD_ERROR = 2
_PLAIN = re.compile(r"[\w.:/+\[\]-]+", re.ASCII)  # what logfmt needs no quotes for
_MOST_LINES = 1000  # kept of one account
_MOST_WAITING = 10_000  # lines that aren't written yet: some megabytes
_FLUSH = 0.5  # seconds, twice, for them to be written when the program ends
_OWN = logging.getLogger("exporter")


class _Logger(structlog.stdlib.BoundLogger):
    def debug(self, event: str | None = None, *args: Any, **values: Any) -> Any:
        """Log for those who debug; where nobody does, make nothing of it first."""
        return super().debug(event, *args, **values) if self._logger.isEnabledFor(logging.DEBUG) else None


structlog.configure(
    processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=_Logger,
    cache_logger_on_first_use=True,
)


def set_up(level: str, style: str, descriptor: int = _STANDARD_ERROR) -> None:
    """Log from `level` on, as `logfmt` or `json`, to standard error or another descriptor."""
    handler = _Background(descriptor)
    handler.setLevel(level.upper())
    handler.setFormatter(_Formatter(structlog.processors.JSONRenderer() if style == "json" else _logfmt))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for library in ("urllib3", "asyncio", "uvicorn"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what they report is logged and counted here


@contextmanager
def lines_of(account: str) -> Iterator[list[str]]:
    """Yield a list that gathers the lines on an account, of every level."""
    keeper = _Keeper(account)
    _OWN.addHandler(keeper)
    _OWN.setLevel(logging.DEBUG)  # what is printed meanwhile is up to its handler
    try:
        yield keeper.lines
    finally:
        _OWN.removeHandler(keeper)
        if not _OWN.handlers:
            _OWN.setLevel(logging.NOTSET)


def place(error: BaseException) -> str:
    """Return the name of an unexpected exception and where it arose; its text could hold anything."""
    frames = list(traceback.walk_tb(error.__traceback__))  # without the source, which would have to be read
    where = f" at {Path(frames[-1][0].f_code.co_filename).name}:{frames[-1][1]}" if frames else ""
    return f"{type(error).__name__}{where}; please report this"


def write_all(descriptor: int, text: bytes, patience: float | None = None) -> None:
    """Write to a descriptor, which others may have made non-blocking; give up after `patience` idle seconds.

    Raises OSError.
    """
    left = memoryview(text)
    while left and select.select([], [descriptor], [], patience)[1]:
        left = left[os.write(descriptor, left[: select.PIPE_BUF]) :]


class _Background(logging.Handler):
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
        """Queue a line; whatever goes wrong with it costs that line alone."""
        try:
            self._waiting.put_nowait(self.format(record))
        except Exception:  # noqa: BLE001  # Full, or a value that can't be shown
            self._no_room += 1

    def flush(self) -> None:
        """Wait until all lines are written, but not for ever."""
        written = Event()
        with suppress(Full):
            self._waiting.put(written, timeout=_FLUSH)
            written.wait(_FLUSH)

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
        told = {"levelname": "WARNING", "msg": "log lines dropped", "lines": dropped}
        if self._write(self.format(logging.makeLogRecord(told))):
            self._told, self._told_at = self._told + dropped, now

    def _write(self, line: str) -> bool:
        try:
            write_all(self._descriptor, f"{line}\n".encode(errors="backslashreplace"))
        except OSError:
            return False
        return True


class _Keeper(logging.Handler):
    def __init__(self, account: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._account = account
        self.setFormatter(_Formatter(_logfmt))

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "account", None) == self._account and len(self.lines) < _MOST_LINES:
            self.lines.append(self.format(record))


class _Formatter(logging.Formatter):
    """Formats the records of structlog and of any library alike, by a renderer of structlog's form."""

    def __init__(self, render: Processor) -> None:
        super().__init__()
        self._render = render
        self._add_extra = structlog.stdlib.ExtraAdder()

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event: EventDict = {
            "ts": at.replace("+00:00", "Z"),
            "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
            "msg": _message(record),
            "_record": record,
        }
        self._add_extra(_OWN, "", event)
        del event["_record"]
        if record.exc_info and record.exc_info[0]:
            event["error"] = record.exc_info[0].__name__  # its text could hold anything
        known = {name: _simple(value) for name, value in event.items() if value is not None}
        return str(self._render(_OWN, "", known))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # the arguments of another library's record don't fit its message
        return str(record.msg)


def _simple(value: object) -> object:
    """Return a number as it is, and anything else as a text."""
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_number else str(value)


def _logfmt(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Render an event; structlog's own logfmt leaves control characters and empty texts as they are."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in event.items())


def _quoted(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _PLAIN.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isprintable() else json.dumps(text)
