"""The web configuration in force, which follows its files without a restart."""

from __future__ import annotations

import logging

from exporter.config import WebConfig, WebFile, reread
from exporter.config.textfile import stamp
from exporter.logs import facts

_log = logging.getLogger(__name__)


class Web:
    """Holds what was last read without mistakes; all who ask do so on the event loop."""

    def __init__(self, file: WebFile) -> None:
        self._file = file
        self._warn()

    def now(self) -> WebConfig:
        """Give the configuration, read again first if one of its files has changed.

        What can't be read, or would no longer protect what it did, stays as it was; each change says so once.
        """
        if any(stamp(path) != before for path, before in self._file.stamps.items()):
            self._read_again()
        return self._file.config

    def _read_again(self) -> None:
        before = self._file
        self._file, mistakes = reread(before)
        if mistakes:
            detail = "; ".join(map(str, mistakes))
            _log.warning("web configuration not in force as it stands", extra=facts(detail=detail))
        if self._file.config != before.config:
            _log.info("web configuration read again", extra=facts(file=before.path))
            self._warn()

    def _warn(self) -> None:
        for warning in self._file.warnings:
            _log.warning("web configuration", extra=facts(detail=warning))
