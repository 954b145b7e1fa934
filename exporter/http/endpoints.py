"""What is served, and where: the paths that flags choose."""

from __future__ import annotations

import re
from dataclasses import dataclass

# No dots alone, which browsers and proxies resolve, and no address that is another page.
_TELEMETRY_PATH = re.compile(
    r"(?!/(probe|sd|config|calls|calls\.json|-)(/|$))(/(?!\.+(/|$))[A-Za-z0-9._-]+)+"
)
_PATH = r"(?:/(?!\.+(?:/|$))[A-Za-z0-9._~-]+)*/?"
_ORIGIN = r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"
_URL = re.compile(rf"(?P<origin>{_ORIGIN})?(?P<path>{_PATH})")


@dataclass(frozen=True, slots=True)
class External:
    """Where people find the exporter, perhaps through a proxy."""

    origin: str = ""
    """Scheme, host and port; empty where only the path is known."""
    prefix: str = ""
    """The path without a slash at its end; empty at the root."""

    @classmethod
    def parse(cls, text: str) -> External:
        """Read `--web.external-url`: a URL, a path alone, or nothing, as in Prometheus; raise ValueError."""
        match = _URL.fullmatch(text)
        if match is None:
            raise ValueError(
                f"found {text!r}; accepted: a URL like https://example.com/exotel, or its path alone"
            )
        return cls(match["origin"] or "", match["path"].rstrip("/"))


def route_prefix(text: str) -> str | None:
    """Read `--web.route-prefix`, a path; nothing is the default, as in Prometheus. Raises ValueError."""
    path = f"/{text.strip('/')}"
    if not re.fullmatch(_PATH, path):
        raise ValueError(f"found {text!r}; accepted: a path like /exotel, of letters, digits, ~, ., - and _")
    return path.rstrip("/") if text else None


def plain_path(text: str) -> str:
    """Read `--web.telemetry-path`, a path that no other page has; raise ValueError."""
    if not _TELEMETRY_PATH.fullmatch(text):
        raise ValueError(
            f"found {text!r}; accepted: a path like /metrics of letters, digits, -, _ and ., "
            "other than /probe, /sd, /config, /calls, /calls.json and /-/…"
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What is served, and where."""

    prefix: str = ""
    """What every path begins with; empty, or a path without a slash at its end."""
    external_origin: str = ""
    """The scheme, host and port that people use, where they are configured."""
    external_prefix: str = ""
    """What it begins with for people, whom a proxy may stand in front of."""
    telemetry_path: str = "/metrics"
    probe_only: bool = False
    """Leave the accounts to /probe; the exporter's own metrics remain at `telemetry_path`."""
    lifecycle: bool = False
    """Allow POST /-/reload."""
    live_calls: bool = False
    """Serve every active call at /calls and /calls.json."""
    max_requests: int = 40
    """How many requests are answered at once, for each target; 0 is no limit."""
    exporter_metrics: bool = True
    """Export metrics of the process, of Python and of the requests answered."""
