"""The configuration: every key that can be set, its type, its default and what it accepts.

A setting is annotated with the parser of its key; a second parser reads the key with `_file` behind it, which
may stand in its place. A field that is a dataclass is a section with settings of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from exporter.config import parsers, urls
from exporter.config.lines import Line, telephone_lines
from exporter.config.parsing import Conflict
from exporter.config.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How the API's certificate is verified."""

    ca_file: Annotated[Path | None, parsers.certificates_file()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsConfig:
    """Which calls' details are asked for; `max_age`, in seconds, is how old they may become."""

    enabled: Annotated[bool, parsers.boolean()] = False
    max_per_scrape: Annotated[int, parsers.whole_number(1, 1000)] = 20
    max_age: Annotated[float, parsers.duration(1, 3600)] = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionConfig:
    """How an account is collected; times in seconds."""

    timeout: Annotated[float, parsers.duration(0.1, 600)] = 10.0
    min_interval: Annotated[float, parsers.duration(0, 600)] = 5.0
    page_size: Annotated[int, parsers.whole_number(1, 10_000)] = 100
    concurrency: Annotated[int, parsers.whole_number(1, 64)] = 8
    requests_per_minute: Annotated[int, parsers.whole_number(1, 100_000)] = 200
    agent_streams: Annotated[bool, parsers.boolean()] = False
    agent_streams_url: Annotated[str | None, urls.base_url("https://api.in.exotel.com")] = None
    estimate: Annotated[bool, parsers.boolean()] = False
    allow_http: Annotated[bool, parsers.boolean()] = False
    streams: StreamsConfig = field(default_factory=StreamsConfig)
    proxy_url: Annotated[Secret | None, urls.proxy_url()] = None
    tls_config: TlsConfig = field(default_factory=TlsConfig)

    @staticmethod
    def conflicts(values: Mapping[str, Any]) -> Iterator[Conflict]:
        """Give what doesn't go together: credentials go to AgentStream's host as well."""
        match values:
            case {"agent_streams_url": str(url), "allow_http": False, "proxy_url": proxy} if urls.is_clear(
                url, proxy
            ):
                yield urls.in_clear("agent_streams_url", url)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """What is exported; bucket limits in seconds."""

    duration_buckets: Annotated[tuple[float, ...], parsers.rising_numbers()] = (
        *(5, 15, 30, 60, 120, 180, 300, 600, 900),
        *(1800, 3600, 7200, 14400),
    )
    per_agent: Annotated[bool, parsers.boolean()] = False
    agent_names: Annotated[bool, parsers.boolean()] = False
    longest_calls: Annotated[int, parsers.whole_number(0, 1000)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One Exotel account; `collection` is the global one with what this account overrides."""

    account_sid: Annotated[str, parsers.text("letters, digits, - and _", "[A-Za-z0-9_-]{1,128}")]
    name: Annotated[
        str, parsers.text("1 to 128 printable characters, no space at either end", r"\S(.{0,126}\S)?")
    ] = ""
    base_url: Annotated[str, urls.base_url()]
    api_key: Annotated[Secret, parsers.secret(), parsers.secret_file()]
    api_token: Annotated[Secret, parsers.secret(), parsers.secret_file()]
    call_limit: Annotated[int | None, parsers.whole_number(1, 10_000_000)] = None
    lines: Annotated[tuple[Line, ...], telephone_lines()] = ()
    collection: CollectionConfig = field(default_factory=CollectionConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that is configured."""

    accounts: tuple[AccountConfig, ...]
    collection: CollectionConfig
    metrics: MetricsConfig
