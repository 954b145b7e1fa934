"""The web configuration in force, which follows its files without a restart."""

from __future__ import annotations

import logging
import math
import time
from threading import Event, Thread

from exporter.config import Mistake, WebConfig, WebFile, reread
from exporter.config.textfile import stamp
from exporter.log import facts, place
from exporter.serve.tls import LiveContext

_INTERVAL = 1  # seconds between looks at the files
_PATIENCE = 30  # seconds

_log = logging.getLogger(__name__)


class Web:
    """Holds what was last read without mistakes.

    Files are looked at in a thread of its own, as they may be slow, or hang: who serves never waits for them.
    """

    def __init__(self, file: WebFile) -> None:
        tls = file.config.tls_server_config
        self.tls = LiveContext.of(tls) if tls else None
        self._file = file
        self._mistakes: tuple[Mistake, ...] = ()
        self._retry_at = math.inf
        self._is_over = Event()
        self._warn()

    def now(self) -> WebConfig:
        """Give the configuration in force."""
        return self._file.config

    def follow(self) -> None:
        """Look at the files from now on, about once a second."""
        Thread(target=self._follow, name="web configuration", daemon=True).start()

    def leave(self) -> None:
        """Look at them no more."""
        self._is_over.set()

    def look(self) -> None:
        """Read the files again if one of them has changed.

        What can't be read, or would no longer protect what it did, stays as it was; the log says so once. It
        is tried again after a while, since not every reason is in the files.
        """
        has_changed = any(stamp(path) != before for path, before in self._file.stamps.items())
        if has_changed or time.monotonic() >= self._retry_at:
            self._read_again(is_news=has_changed)
        if self.tls and (settings := self._file.config.tls_server_config):
            self.tls.follow(settings)

    def _follow(self) -> None:
        pause: float = _INTERVAL
        while not self._is_over.wait(pause):
            try:
                self.look()
                pause = _INTERVAL
            except Exception as error:  # noqa: BLE001  # nobody else would look
                _log.error("web configuration not read", extra=facts(detail=place(error)))
                pause = _PATIENCE

    def _read_again(self, *, is_news: bool) -> None:
        before = self._file
        self._file, mistakes = reread(before)
        if mistakes and (is_news or mistakes != self._mistakes):
            detail = "; ".join(map(str, mistakes))
            _log.warning("web configuration not in force as it stands", extra=facts(detail=detail))
        self._mistakes = mistakes
        self._retry_at = time.monotonic() + _PATIENCE if mistakes else math.inf
        if self._file.config != before.config:
            _log.info("web configuration read again", extra=facts(file=before.path))
            self._warn()

    def _warn(self) -> None:
        for warning in self._file.warnings:
            _log.warning("web configuration", extra=facts(detail=warning))
