"""The path under which the exporter is: as it sees itself, and as people see it through a proxy."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATH = r"(?:/(?!\.+(?:/|$))[A-Za-z0-9._~-]+)*/?"  # no dots alone, which browsers and proxies resolve
_ORIGIN = r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"
_URL = re.compile(rf"(?P<origin>{_ORIGIN})?(?P<path>{_PATH})")


class BadPrefix(ValueError):
    """What was given is no path that the exporter could be under."""


@dataclass(frozen=True, slots=True)
class External:
    """Where people find the exporter."""

    origin: str = ""
    """Scheme, host and port; empty where only the path is known."""
    prefix: str = ""
    """The path without a slash at its end; empty at the root."""

    @classmethod
    def parse(cls, text: str) -> External:
        """Read `--web.external-url`, a URL or a path alone; raise BadPrefix."""
        match = _URL.fullmatch(text)
        if match is None or not text:
            raise BadPrefix(
                f"found {text!r}; accepted: a URL like https://example.com/exotel, or its path alone"
            )
        return cls(match["origin"] or "", match["path"].rstrip("/"))


def route_prefix(text: str) -> str:
    """Read `--web.route-prefix`: a path, with or without slashes around it; raise BadPrefix."""
    path = f"/{text.strip('/')}"
    if not re.fullmatch(_PATH, path):
        raise BadPrefix(f"found {text!r}; accepted: a path like /exotel of letters, digits, -, _, ~ and .")
    return path.rstrip("/")
