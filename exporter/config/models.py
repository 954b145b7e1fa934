"""The configuration: each key that can be set, its type, its default, what it accepts. Times in seconds."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, Strict, ValidationInfo, WithJsonSchema

from exporter.config.as_written import AsWritten
from exporter.config.call_slots import CALL_SLOTS, CallSlots
from exporter.config.lines import LINES, Line
from exporter.config.secrets import SECRET, Secret, SecretUnreadable
from exporter.config.urls import PROXY_URL, api_url
from exporter.web.config_file import Rejected
from exporter.web.files import Unreadable, os_message, read
from exporter.web.sections import (
    Accepts,
    Seconds,
    Section,
    boolean,
    duration,
    number,
    one_of,
    text,
    whole_number,
    written,
)

_MOST_BUCKETS = 50


class CountsFrom(StrEnum):
    """What the duration of a call counts from, according to its account's API."""

    ANSWER = "answer"
    START = "start"
    UNKNOWN = "unknown"


def _rising(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if any(low >= high for low, high in pairwise(numbers)):
        raise Rejected
    return numbers


_Limit = Annotated[float, Strict(), Field(gt=0, lt=1e9, allow_inf_nan=False)]
_BUCKETS = Accepts(
    f"a list of 1 to {_MOST_BUCKETS} increasing numbers above 0, in seconds",
    Field(min_length=1, max_length=_MOST_BUCKETS),
    AfterValidator(_rising),
)


def _certificates(value: Any, info: ValidationInfo[Any]) -> Path:
    if isinstance(value, Path):
        return value
    path: Path = info.context.resolve(value)
    try:
        read(path, 0)  # nothing that the next line would wait for
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except Unreadable as error:
        raise Rejected(why=error.why) from None
    except ssl.SSLError:
        raise Rejected(why="no certificates") from None
    except OSError as error:
        raise Rejected(why=os_message(error)) from None
    return path


_CERTIFICATES = Accepts(
    "the path of a PEM file of certificates, relative to this file",
    PlainValidator(_certificates),
    WithJsonSchema({"type": "string"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig(Section):
    """How the API's certificate is verified."""

    ca_file: Annotated[Path, _CERTIFICATES] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsConfig(Section):
    """Which calls' details are asked for; `max_age` is how old they may become."""

    enabled: Annotated[bool, boolean()] = False
    max_per_scrape: Annotated[int, whole_number(1, 1000)] = 20
    max_age: Annotated[float, duration(1, 3600)] = Seconds(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionConfig(Section):
    """How an account is collected."""

    timeout: Annotated[float, duration(0.1, 600)] = Seconds(10)
    min_interval: Annotated[float, duration(0, 600)] = Seconds(5)
    page_size: Annotated[int, whole_number(1, 10_000)] = 100
    concurrency: Annotated[int, whole_number(1, 64)] = 8
    requests_per_minute: Annotated[int, whole_number(1, 100_000)] = 200
    call_slots: Annotated[CallSlots, CALL_SLOTS] = field(default_factory=dict, hash=False)
    duration_counts_from: Annotated[str, one_of(CountsFrom)] = "unknown"
    estimate: Annotated[bool, boolean()] = False
    allow_http: Annotated[bool, boolean()] = False
    proxy_url: Annotated[Secret, PROXY_URL] | None = None
    agent_streams: Annotated[bool, boolean()] = False
    agent_streams_url: Annotated[str, api_url("https://api.in.exotel.com")] | None = None
    streams: StreamsConfig = field(default_factory=StreamsConfig)
    tls_config: TlsConfig = field(default_factory=TlsConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig(Section):
    """What is exported; the buckets are upper limits."""

    duration_buckets: Annotated[tuple[_Limit, ...], _BUCKETS] = (
        *(5, 15, 30, 60, 120, 180, 300, 600, 900),
        *(1800, 3600, 7200, 14400),
    )
    per_agent: Annotated[bool, boolean()] = False
    agent_names: Annotated[bool, boolean()] = False
    longest_calls: Annotated[int, whole_number(0, 1000)] = 0
    grade_of_service: Annotated[float, number(0.0001, 0.5)] = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One Exotel account; `collection` is the global one with what this account overrides."""

    account_sid: str
    name: str = ""
    base_url: str
    api_key: Secret
    api_token: Secret
    call_limit: int | None = None
    lines: tuple[Line, ...] = ()
    collection: CollectionConfig = field(default_factory=CollectionConfig)

    @property
    def revealed(self) -> tuple[str, str] | None:
        """Return key and token, read from their files anew; None where they can't be read."""
        with suppress(SecretUnreadable):
            return self.api_key.reveal(), self.api_token.reveal()
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSection(CollectionConfig):
    """An account as the file has it: beside its own keys any of `collection`."""

    account_sid: Annotated[str, text("letters, digits, - and _", "[A-Za-z0-9_-]{1,128}")]
    name: Annotated[
        str, text("1 to 128 printable characters, no space at either end", r"\S(.{0,126}\S)?")
    ] = ""
    base_url: Annotated[str, api_url("https://ccm-api.in.exotel.com")]
    api_key: Annotated[Secret, SECRET]
    api_token: Annotated[Secret, SECRET]
    call_limit: Annotated[int, whole_number(1, 10_000_000)] | None = None
    lines: Annotated[tuple[Line, ...], LINES] = ()

    def account(self) -> AccountConfig:
        """Return the account, whose name is its SID unless it has one."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        collection = CollectionConfig(
            **{each.name: values.pop(each.name) for each in fields(CollectionConfig)}
        )
        return AccountConfig(**values | {"name": self.name or self.account_sid, "collection": collection})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that is configured."""

    accounts: tuple[AccountConfig, ...]
    collection: CollectionConfig
    metrics: MetricsConfig
    as_written: Mapping[str, AsWritten] = field(default_factory=dict, repr=False, compare=False)
    """By account: what the file says of it, where there is a file."""


def redacted(section: Any) -> dict[str, Any]:
    """Return a section as the file could hold it, without secrets and telephone numbers."""
    return dict(_redacted(each.name, getattr(section, each.name)) for each in fields(section))


def _redacted(name: str, value: Any) -> tuple[str, Any]:
    match value:
        case Secret(file=file):
            return (f"{name}_file", str(file)) if file else (name, "<secret>")
        case Seconds():
            return name, written(value)
        case (Line(), *_):
            return name, {line.name: ["<telephone number>"] * len(line.numbers) for line in value}
        case tuple():
            return name, list(value) or None
        case Section():
            return name, redacted(value)
    return name, str(value) if isinstance(value, Path) else value
