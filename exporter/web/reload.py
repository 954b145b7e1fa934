"""The active web configuration, which follows its files without a restart."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from exporter.web.config import WebConfig
from exporter.web.config_file import ConfigError, ConfigFile, InvalidValue
from exporter.web.files import Fingerprint, fingerprint
from exporter.web.sections import Rejected

_INTERVAL = 1.0  # seconds between looks at the files
_RETRY = 30.0  # seconds to the next attempt, though no file has changed

_log = logging.getLogger(__name__)


class ActiveWebConfig:
    """Holds what was last read without errors.

    Files are read in a thread of their own, as they may be slow, or hang: who serves never waits for them.
    """

    def __init__(self, path: Path) -> None:
        """Read the file. Raise ConfigError."""
        self._path = path
        self._errors: list[InvalidValue] = []
        self._retry_at = math.inf
        self._is_over = Event()
        file = ConfigFile.read(path)
        config = file.validate(WebConfig, file.data)
        file.check()
        self.config = config or WebConfig()
        self._fingerprints: Mapping[Path, Fingerprint] = file.fingerprints

    def follow(self) -> None:
        """Look at the files from now on, about once a second."""
        Thread(target=self._follow, name="web configuration", daemon=True).start()

    def close(self) -> None:
        """Look at them no more."""
        self._is_over.set()

    def look(self) -> None:
        """Read the files again if one of them has changed.

        The log says once what can't be used. It is tried again after a while, since not every reason is in
        the files.
        """
        has_changed = any(fingerprint(path) != before for path, before in self._fingerprints.items())
        if not has_changed and time.monotonic() < self._retry_at:
            return
        before, errors = self.config, self._read()
        if has_changed or errors != self._errors:
            for error in errors:
                _log.warning("web configuration not applied: %s", error)
        if self.config != before:
            _log.info("web configuration reloaded from %s", self._path)
        self._errors = errors
        self._retry_at = time.monotonic() + _RETRY if errors else math.inf

    def _follow(self) -> None:
        pause = _INTERVAL
        while not self._is_over.wait(pause):
            try:
                self.look()
                pause = _INTERVAL
            except Exception as error:  # noqa: BLE001  # nobody else would look
                _log.error("web configuration not read: %s; please report this", type(error).__name__)
                pause = _RETRY

    def _read(self) -> list[InvalidValue]:
        """Read the files, and return the errors.

        A section with an error stays as it was, and so does one that would no longer protect what it did, as
        it may be half a file: to do without it takes a restart. Nor can TLS begin or end at an open port.
        """
        before = self.config
        self._fingerprints = {self._path: fingerprint(self._path)}
        try:
            file = ConfigFile.read(self._path)
        except ConfigError as error:
            return list(error.errors)
        self._fingerprints = file.fingerprints
        config = file.validate(WebConfig, file.data)
        refused = {error.path.partition(".")[0] for error in file.errors}
        if "" in refused:  # it isn't known which sections there should be
            return file.errors
        if refused:
            good = {name: value for name, value in file.data.items() if name not in refused}
            config = file.validate(WebConfig, good)
        if config is None:  # a file that was read well the first time
            return file.errors
        config = replace(config, **{name: getattr(before, name) for name in refused})
        for place, rejected in _lost_protection(before, config):
            file.reject(place, rejected)
            config = replace(config, **{place[0]: getattr(before, place[0])})
        self.config = config
        return file.errors


def _lost_protection(before: WebConfig, after: WebConfig) -> Iterator[tuple[tuple[str, ...], Rejected]]:
    """Yield what no longer protects what it did: its place, and what is wrong with it."""

    def lost(found: str, accepted: str, *place: str) -> tuple[tuple[str, ...], Rejected]:
        return place, Rejected(found, accepted=f"{accepted}, as before, or else a restart")

    old, new = before.tls_server_config, after.tls_server_config
    if old and not new:
        yield lost("nothing", "a certificate and its key", "tls_server_config")
    if new and not old:
        yield lost("TLS, at a port without it", "nothing", "tls_server_config")
    if old and new and old.verify_mode > new.verify_mode:
        yield lost(new.client_auth_type, old.client_auth_type, "tls_server_config", "client_auth_type")
    if old and new and old.client_ca and not new.client_ca:
        yield lost("nothing", "certificates of authorities", "tls_server_config", "client_ca")
    if old and new and old.client_allowed_sans and not new.client_allowed_sans:
        yield lost("nothing", "a list of names", "tls_server_config", "client_allowed_sans")
    if before.basic_auth_users and not after.basic_auth_users:
        yield lost("nothing", "at least one user", "basic_auth_users")
