"""What build/centres/ keeps of a centre: what was scraped, for other rules; the verdict, to compare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Set
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.centres import backfill, rules
from bench.centres.centre import SimulatedCentre
from bench.centres.evaluate import firings
from bench.centres.judge import Verdict, judge
from bench.centres.model import Scrape
from bench.centres.notify import Alertmanager
from bench.centres.scrape import names_read
from tests.tools import ROOT

BUILD = ROOT / "build" / "centres"
_SOURCES = (
    *("exporter/collect/*.py", "exporter/exotel/**/*.py", "exporter/metrics/*.py"),
    *(
        f"bench/centres/{name}.py"
        for name in ("api", "backfill", "centre", "demand", "draw", "model", "scrape")
    ),
)
"""What decides, beside a centre's own description, what is scraped of it."""


def verdict(centre: SimulatedCentre, rules_folder: Path, alertmanager: Path) -> Verdict:
    """Return what is told of a centre by these rules and this configuration of Alertmanager; keep it."""
    blocks = BUILD / "scraped" / f"{centre.name}-{centre.seed}"
    names = names_read(rules_folder, "*.yml")
    pauses = backfill.scraped(partial(_scrapes, centre), names, blocks, _fingerprint(centre))
    with TemporaryDirectory(prefix="centre-") as folder:
        database = Path(folder, "prometheus")
        backfill.link(blocks, database)
        fired = firings(rules.load(rules_folder), centre, pauses, database)
    found = judge(centre, Alertmanager.load(alertmanager).told(fired))
    (BUILD / f"{centre.name}.json").write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
    return found


def _scrapes(centre: SimulatedCentre, names: Set[str]) -> Iterator[Scrape]:
    return replace(centre, names=names).scrapes()


def _fingerprint(centre: SimulatedCentre) -> str:
    """Return what differs wherever the same metrics would be scraped differently."""
    return hashlib.sha256(f"{_sources()} {replace(centre, troubles=())}".encode()).hexdigest()


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()
