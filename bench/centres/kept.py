"""What build/centres/ keeps of a centre: what was scraped of it, for other rules; and the verdict, to compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.centres import backfill, rules
from bench.centres.centre import SimulatedCentre
from bench.centres.evaluate import firings
from bench.centres.judge import Verdict, judge
from bench.centres.notify import Alertmanager
from bench.centres.scrape import names_read
from tests.tools import ROOT

BUILD = ROOT / "build" / "centres"
_SOURCES = ("exporter/collect", "exporter/exotel", "exporter/metrics", "bench/centres")
"""What decides what is scraped, but for what only judges it."""
_JUDGES = (
    "__main__",
    "kept",
    "rules",
    "database",
    "evaluate",
    "notify",
    "judge",
    "report",
    "kinds",
    "troubles",
)
"""What only judges, and what a centre's own description says."""


def verdict(centre: SimulatedCentre, rules_folder: Path, alertmanager: Path) -> Verdict:
    """Return what is told of a centre by these rules and this configuration of Alertmanager; keep it."""
    centre = replace(centre, names=names_read(rules_folder, "*.yml"))
    blocks = BUILD / "scraped" / centre.name
    pauses = backfill.scraped(centre, blocks, _fingerprint(centre))
    with TemporaryDirectory(prefix="centre-") as folder:
        database = Path(folder, "prometheus")
        backfill.link(blocks, database)
        fired = firings(rules.load(rules_folder), centre, pauses, database)
    found = judge(centre, Alertmanager.load(alertmanager).told(fired))
    (BUILD / f"{centre.name}.json").write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
    return found


def _fingerprint(centre: SimulatedCentre) -> str:
    """Return what differs wherever something else would be scraped."""
    described = (centre.kind, centre.events, sorted(centre.names))
    return hashlib.sha256(f"{_sources()} {described}".encode()).hexdigest()


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    for file in _files():
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for folder in _SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if folder != "bench/centres" or file.stem not in _JUDGES:
                yield file
