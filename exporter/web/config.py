"""The web configuration in the format of Prometheus's exporter-toolkit, and how it follows its files.

Keys, defaults and meanings are those of its docs/web-configuration.md, as of v0.17.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from exporter.web.config_file import ConfigError, ConfigFile, InvalidValue, Place, Rejected, rejection
from exporter.web.files import Fingerprint, fingerprint
from exporter.web.sections import Accepts, Seconds, Section, boolean, duration, one_of, text, whole_number
from exporter.web.tls import TlsServerConfig

_INTERVAL = 1.0  # seconds between looks at the files
_RETRY = 30.0  # seconds to the next attempt, though no file has changed
HEADERS: Mapping[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""The headers that may be set, each with the only values that it may have."""

_log = logging.getLogger(__name__)


def _digits_as_text(value: Any) -> Any:
    return str(value) if type(value) is int else value  # as in X-XSS-Protection: 0


def _without_null(headers: Any) -> Any:
    if not isinstance(headers, dict):
        return headers
    return {name: value for name, value in headers.items() if value is not None}


def _allowed(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that are set, if each has a value that it may have."""
    wrong = [name for name, value in headers.items() if HEADERS[name] and value not in HEADERS[name]]
    if wrong:
        raise rejection(((name,), Rejected(accepted=" or ".join(HEADERS[name]))) for name in wrong)
    return {name: value for name, value in headers.items() if value}


def _zero(value: Any) -> Any:
    """Return a zero as a duration: it needs no unit."""
    return "0s" if value == "0" or (type(value) is int and not value) else value


_HEADER = Accepts(
    "a line of printable ASCII, no space at either end",
    *(Strict(), Field(pattern="^([!-~]([ -~]*[!-~])?)?$"), BeforeValidator(_digits_as_text)),
)
_HEADERS = Accepts(
    f"a mapping with the keys {', '.join(HEADERS)}", AfterValidator(_allowed), BeforeValidator(_without_null)
)
_NAME = text("a name of 1 to 128 printable characters, none of them a colon", "[^:]{1,128}")
_HASH = text(
    "a bcrypt hash ($2a$, $2b$ or $2y$) of cost 4 to 18, as `htpasswd -nBC 10 ''` makes them",
    # Version, cost, 22 characters of salt and 31 of hash, of whose last ones only some bits are used.
    r"\$2[aby]\$(0[4-9]|1[0-8])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServerConfig(Section):
    """How HTTP is served: always as HTTP/1.1, whatever `http2` says."""

    http2: Annotated[bool, boolean()] = True
    headers: Annotated[dict[Annotated[str, one_of(HEADERS)], Annotated[str, _HEADER]], _HEADERS] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit(Section):
    """A token bucket for all requests: `burst` of them at once, and one more each `interval` seconds."""

    interval: Annotated[float, duration(0, 3600), BeforeValidator(_zero)] = Seconds(0)
    burst: Annotated[int, whole_number(0, 1_000_000)] = 0

    def __post_init__(self) -> None:
        """Raise what would answer nothing."""
        if self.interval and not self.burst:
            why, accepted = "with an interval, nothing would be answered", "a whole number from 1 to 1000000"
            raise rejection([(("burst",), Rejected("0", why=why, accepted=accepted))])


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig(Section):
    """How requests are answered: without TLS where `tls_server_config` is None."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = field(default_factory=HttpServerConfig)
    rate_limit: RateLimit = field(default_factory=RateLimit)
    basic_auth_users: Annotated[
        dict[Annotated[str, _NAME], Annotated[str, _HASH]],
        Accepts("a mapping from names to bcrypt hashes", hidden=True),
    ] = field(default_factory=dict, repr=False)


class ActiveWebConfig:
    """Holds what was last read without errors; a thread follows the files, as one may be slow, or hang."""

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

    @property
    def warning(self) -> str | None:
        """Return what can be served, but is hardly meant."""
        tls = self.config.tls_server_config
        if tls is None or not tls.trusts_everybody:
            return None
        found = "nothing (a certificate of any public authority lets a client in)"
        accepted = "your own authorities, or client_allowed_sans"
        return str(InvalidValue(str(self._path), None, "tls_server_config.client_ca", found, accepted))

    def follow(self) -> None:
        """Look at the files from now on, about once a second."""
        self._warn()
        Thread(target=self._follow, name="web configuration", daemon=True).start()

    def close(self) -> None:
        """Look at them no more."""
        self._is_over.set()

    def look(self) -> None:
        """Read the files again if one has changed, or an error may be over; the log tells it once."""
        has_changed = any(fingerprint(path) != before for path, before in self._fingerprints.items())
        if not has_changed and time.monotonic() < self._retry_at:
            return
        before, errors = self.config, self._read()
        if has_changed or errors != self._errors:
            for error in errors:
                _log.warning("web configuration not applied", extra={"detail": str(error)})
        if self.config != before:
            _log.info("web configuration reloaded", extra={"file": str(self._path)})
            self._warn()
        self._errors = errors
        self._retry_at = time.monotonic() + _RETRY if errors else math.inf

    def _follow(self) -> None:
        pause = _INTERVAL
        while not self._is_over.wait(pause):
            try:
                self.look()
                pause = _INTERVAL
            except Exception as error:  # noqa: BLE001  # nobody else would look
                detail = f"{type(error).__name__}; please report this"
                _log.error("web configuration not read", extra={"detail": detail})
                pause = _RETRY

    def _warn(self) -> None:
        if self.warning:
            _log.warning("web configuration", extra={"detail": self.warning})

    def _read(self) -> list[InvalidValue]:
        """Read the files, and return the errors. A section that has one stays as it was."""
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
            config = replace(config, **{str(place[0]): getattr(before, str(place[0]))})
        self.config = config
        return file.errors


def _lost_protection(before: WebConfig, after: WebConfig) -> Iterator[tuple[Place, Rejected]]:
    """Yield what protects less than before, as half a file would: only a restart may bring that."""

    def lost(found: str, accepted: str, *place: str) -> tuple[Place, Rejected]:
        return place, Rejected(found, accepted=f"{accepted}, as before, or else a restart")

    old, new = before.tls_server_config, after.tls_server_config
    if old and not new:
        yield lost("nothing", "a certificate and its key", "tls_server_config")
    if new and not old:
        yield lost("TLS, at a port without it", "nothing", "tls_server_config")
    if old and new:
        if old.context.verify_mode > new.context.verify_mode:
            yield lost(new.client_auth_type, old.client_auth_type, "tls_server_config", "client_auth_type")
        if old.client_ca and not new.client_ca:
            yield lost("nothing", "certificates of authorities", "tls_server_config", "client_ca")
        if old.client_allowed_sans and not new.client_allowed_sans:
            yield lost("nothing", "a list of names", "tls_server_config", "client_allowed_sans")
    if before.basic_auth_users and not after.basic_auth_users:
        yield lost("nothing", "at least one user", "basic_auth_users")
