"""The web configuration, in the format of Prometheus's exporter-toolkit.

Keys, defaults and meanings are those of its docs/web-configuration.md, as of v0.17.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from exporter.web.sections import Accepts, Rejected, Section, rejection
from exporter.web.shown import kind, show_key
from exporter.web.tls import TlsServerConfig
from exporter.web.values import IN_QUOTES, Seconds, boolean, duration, whole_number

HEADERS: Mapping[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""The headers that may be set, each with the only values that it may have."""

_HEADER = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")  # what a header can hold, in ASCII
_NAME = re.compile(r"[^:]{1,128}")
# Version, cost, 22 characters of salt and 31 of hash, of whose last ones only some bits are used.
_BCRYPT = re.compile(
    r"\$2[aby]\$(?:0[4-9]|1[0-8])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]"
)
_A_NAME = "a name of 1 to 128 printable characters, none of them a colon"
_A_HASH = "a bcrypt hash ($2a$, $2b$ or $2y$) of cost 4 to 18, as `htpasswd -nBC 10 ''` makes them"


def _mapping(accepts: str, check: Any, *, hidden: bool = False) -> Accepts:
    """Accept a mapping whose items are each checked by a function; what it makes empty is left out."""

    def read(value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Rejected(kind(value))
        texts, problems = {}, []
        for name, given in value.items():
            try:
                texts[name] = check(name, given)
            except Rejected as rejected:
                problems.append(((name,) if rejected.key is None else (), rejected))
        if problems:
            raise rejection(problems)
        return {name: text for name, text in texts.items() if text}

    return Accepts(accepts, PlainValidator(read), WithJsonSchema({"type": "object"}), hidden=hidden)


def _header(name: Any, value: Any) -> str:
    if name not in HEADERS:
        raise Rejected(f"the unknown key {show_key(name)}", accepted=", ".join(HEADERS), key=str(name))
    if value is None:
        return ""
    text = str(value) if type(value) is int else value  # as in X-XSS-Protection: 0
    if HEADERS[name] and text not in HEADERS[name]:
        raise Rejected(accepted=" or ".join(HEADERS[name]))
    if not isinstance(text, str) or not _HEADER.fullmatch(text):
        raise Rejected(accepted="a line of printable ASCII, no space at either end")
    return text


def _user(name: Any, password_hash: Any) -> str:
    if not isinstance(name, str) or not name.isprintable() or not _NAME.fullmatch(name):
        found = "a name that no request can carry" if isinstance(name, str) else f"{kind(name)} as a name"
        why = None if isinstance(name, str) else IN_QUOTES
        raise Rejected(found, why=why, accepted=_A_NAME, key=str(name))
    if not isinstance(password_hash, str):
        raise Rejected(kind(password_hash), accepted=_A_HASH)
    if not _BCRYPT.fullmatch(password_hash):
        raise Rejected("a text that isn't a bcrypt hash", accepted=_A_HASH)
    return password_hash


def _interval(least: float, most: float) -> Accepts:
    known = duration(least, most)

    def read(value: Any) -> Any:
        return Seconds(0) if value in ("0", "0s", "0ms") or (type(value) is int and not value) else value

    return Accepts(f"0, or {known.text}", *known.checks, BeforeValidator(read))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServerConfig(Section):
    """How HTTP is served: always as HTTP/1.1, whatever `http2` says."""

    http2: Annotated[bool, boolean()] = True
    headers: Annotated[
        Mapping[str, str], _mapping(f"a mapping with the keys {', '.join(HEADERS)}", _header)
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit(Section):
    """A token bucket for all requests: `burst` of them at once, and one more each `interval` seconds."""

    interval: Annotated[float, _interval(0.001, 3600)] = Seconds(0)
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
        Mapping[str, str], _mapping("a mapping from names to bcrypt hashes", _user, hidden=True)
    ] = field(default_factory=dict, repr=False)
