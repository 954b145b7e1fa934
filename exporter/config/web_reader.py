"""Reads the web configuration, at the start and again when one of its files has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from exporter.config.parsing import Source
from exporter.config.reading import BadConfig, Mistake, Reader
from exporter.config.server_tls import CannotServe, server_context, trouble
from exporter.config.textfile import Stamp
from exporter.config.web import WebConfig


@dataclass(frozen=True, slots=True)
class WebFile:
    """A web configuration, the files it was read from as they were then, and what may be wrong with it."""

    path: Path
    config: WebConfig
    stamps: Mapping[Path, Stamp] = field(repr=False)
    warnings: tuple[Mistake, ...] = ()


def web_from_file(path: Path) -> WebFile:
    """Read a web configuration, in which `${VAR}` has no meaning.

    Raises BadConfig.
    """
    values, mistakes, stamps = _read(path)
    if mistakes:
        raise BadConfig(mistakes)
    return _web_file(path, WebConfig(**values), stamps)


def reread(last: WebFile) -> tuple[WebFile, tuple[Mistake, ...]]:
    """Read the files of a web configuration that serves again; give what is to serve now, and the mistakes.

    A section with a mistake stays as it was. So does one that would no longer protect what it did, as that
    may be half a file: whoever wants that starts the program anew. Nor can TLS begin or end at an open port.
    """
    values, mistakes, stamps = _read(last.path)
    for mistake in _unprotected(last, values):
        mistakes.append(mistake)
        values.pop(mistake.path.partition(".")[0], None)
    return _web_file(last.path, replace(last.config, **values), stamps), tuple(mistakes)


def _read(path: Path) -> tuple[dict[str, Any], list[Mistake], Mapping[Path, Stamp]]:
    """Give the sections without a mistake, the mistakes of the others, and the files that were looked at."""
    source = Source(path.parent, None)
    reader = Reader(str(path), source)
    file = source.path(path.name)
    try:
        data = reader.load(file)
    except BadConfig as error:
        return {}, list(error.mistakes), source.stamps
    is_ambiguous = bool(reader.mistakes)  # a key stands there twice
    values = reader.values(WebConfig, data, "")
    try:
        if tls := values.get("tls_server_config"):
            server_context(tls)
    except CannotServe as error:
        del values["tls_server_config"]
        reader.mistake("tls_server_config", f"what can't be served ({error.why})", "what OpenSSL has here")
    return {} if is_ambiguous else values, reader.mistakes, source.stamps


def _web_file(path: Path, config: WebConfig, stamps: Mapping[Path, Stamp]) -> WebFile:
    tls = config.tls_server_config
    why = trouble(tls) if tls else None
    if why is None:
        return WebFile(path, config, stamps)
    found, accepted = f"what no client accepts ({why})", "a certificate that is valid now, and what fits it"
    return WebFile(path, config, stamps, (Mistake(str(path), "tls_server_config", found, accepted),))


def _unprotected(last: WebFile, values: Mapping[str, Any]) -> Iterator[Mistake]:
    """Give a mistake for each protection that was in force and that the new values lack."""
    config = replace(last.config, **values)
    old, new = last.config.tls_server_config, config.tls_server_config

    def mistake(path: str, found: str, accepted: str) -> Mistake:
        return Mistake(str(last.path), path, found, f"{accepted}, as before, or else a restart")

    if old and not new:
        yield mistake("tls_server_config", "nothing", "a certificate and its key")
    if new and not old:
        yield mistake("tls_server_config", "it, at a port without TLS", "nothing")
    if old and new and old.client_auth_type.mode > new.client_auth_type.mode:
        yield mistake("tls_server_config.client_auth_type", new.client_auth_type, old.client_auth_type)
    if old and new and old.client_allowed_sans and not new.client_allowed_sans:
        yield mistake("tls_server_config.client_allowed_sans", "nothing", "a list of names")
    if last.config.basic_auth_users and not config.basic_auth_users:
        yield mistake("basic_auth_users", "nothing", "at least one user")
