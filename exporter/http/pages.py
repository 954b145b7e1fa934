"""What the pages for people have in common: how they are written, and what browsers may do with them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter import __revision__, __version__, release
from exporter.collect.breakdowns import printable
from exporter.exotel.remediation import DOCS, remediation_of

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60))


def source(*names: str) -> str:
    """Return files that lie beside this one, one after the other."""
    folder = Path(__file__).parent
    return "".join((folder / name).read_text(encoding="utf-8") for name in names)


def headers(style: str, script: str, *, has_form: bool = False) -> Mapping[str, str]:
    """Return the headers of a page: nothing but its own style and script applies, and no site frames it.

    The script may fetch the page again.
    """
    policy = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'self'" if has_form else "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _duration(seconds: float) -> str:
    """Return a duration in the largest unit of which there are two."""
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f}\N{NO-BREAK SPACE}{unit}"
    return f"{seconds:.0f}\N{NO-BREAK SPACE}s"


def _moment(seconds: float) -> str:
    """Return a time that is in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _quoted(name: str) -> str:
    """Return a name as the value of a query."""
    return quote(name, safe="", errors="replace")


environment = Environment(
    loader=PackageLoader("exporter", "http"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters |= {"duration": _duration, "moment": _moment, "quoted": _quoted, "printable": printable}
environment.globals |= {
    "remediation_of": remediation_of,
    "docs": DOCS,
    "release": release(__version__, __revision__),
}
