"""Which version this is, and the commit it was built from."""

from __future__ import annotations

from pathlib import Path

from exporter import __version__

_CHECKOUT = "checkout"
_FILE = Path(__file__).with_name("REVISION")  # setup.py writes it into what is built

REVISION = _FILE.read_text(encoding="ascii") if _FILE.exists() else _CHECKOUT
"""The hash of the commit, `-modified` behind it when files differed from it; `unknown`; or `checkout`."""


def release(revision: str = REVISION) -> str:
    """Say version and commit for people: `0.1.0 (commit c21c987)`, or `0.1.0 (from a checkout)`."""
    if revision == _CHECKOUT:
        return f"{__version__} (from a checkout)"
    commit, dash, modified = revision.partition("-")
    return f"{__version__} (commit {commit[:7]}{dash}{modified})"
