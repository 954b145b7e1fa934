"""What to tell Prometheus of this exporter, shown on the page until an account was scraped."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from starlette.requests import Request

from exporter.config import CollectionConfig
from exporter.http.endpoints import Endpoints

_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")
_LEAST = 15  # seconds between scrapes: what rules and dashboards take for granted
_ANSWER = 1  # second beyond a collection's own time, in which it is written and sent


@dataclass(frozen=True, slots=True)
class Asked:
    """How whoever asks for the page has reached it."""

    scheme: str
    host: str
    """As the request says it, which may be anything."""
    server: str
    """The address that was connected to."""
    is_authenticated: bool
    """Whether a user was told."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return how a request came."""
        host, port = request.scope["server"]
        return cls(
            scheme=request.url.scheme,
            host=request.headers.get("host", ""),
            server=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            is_authenticated=request.headers.get("authorization", "").lower().startswith("basic "),
        )


@dataclass(frozen=True, slots=True)
class ScrapeConfig:
    """The values of Prometheus's scrape configuration; all of them fit to be written there."""

    scheme: str
    address: str
    prefix: str
    metrics_path: str
    interval: int
    timeout: int
    """Both in seconds."""
    has_users: bool
    probe_only: bool

    @classmethod
    def of(cls, asked: Asked, endpoints: Endpoints, collections: Iterable[CollectionConfig]) -> Self:
        """Return what lets every collection take its time, at the address that people use."""
        scheme, address = asked.scheme, asked.host if _ADDRESS.fullmatch(asked.host) else asked.server
        if endpoints.external_origin:
            scheme, _, address = endpoints.external_origin.partition("://")
        prefix = endpoints.external_prefix or endpoints.prefix
        configured = tuple(collections)
        timeout = math.ceil(max((each.timeout for each in configured), default=0)) + _ANSWER
        longest = max((each.min_interval for each in configured), default=0)
        return cls(
            scheme=scheme,
            address=address,
            prefix=prefix,
            metrics_path=prefix + endpoints.telemetry_path,
            interval=max(_LEAST, timeout, math.ceil(longest)),
            timeout=timeout,
            has_users=asked.is_authenticated,
            probe_only=endpoints.probe_only,
        )
