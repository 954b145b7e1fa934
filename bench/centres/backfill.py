"""Writes what was scraped of a centre as blocks of a Prometheus database, and keeps them for the next run."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from bench.centres.model import Scrape
from tests.tools import require

_SAMPLES = 2_000_000
"""As many samples are written as one block, more or less."""
_PAUSE = 150.0
"""Seconds without a scrape after which Prometheus itself was down: everything is scraped each minute."""

_ABOUT = "about.json"


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which Prometheus didn't run: it scraped nothing, and evaluated no rule."""

    start: float
    end: float


def scraped(
    draw: Callable[[Set[str]], Iterable[Scrape]], names: Set[str], folder: Path, fingerprint: str
) -> Sequence[Pause]:
    """Write what is scraped of a centre as blocks into a folder; return when Prometheus didn't run.

    What is there already stays if it has the same fingerprint and the metrics of these names. If it lacks
    some of them, all are drawn that it has or lacks: whoever reads those that it has may come back.
    """
    about = folder / _ABOUT
    known = json.loads(about.read_text(encoding="utf-8")) if about.exists() else {}
    had = set(known["names"]) if known.get("fingerprint") == fingerprint else set()
    if not had or not names <= had:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pauses = _write(draw(names | had), folder)
        known = {
            "fingerprint": fingerprint,
            "names": sorted(names | had),
            "pauses": [asdict(pause) for pause in pauses],
        }
        about.write_text(json.dumps(known), encoding="utf-8")
    return [Pause(**pause) for pause in known["pauses"]]


def link(blocks: Path, database: Path) -> None:
    """Put blocks into a database, which may delete or merge them without harm to the originals."""
    database.mkdir(exist_ok=True)
    for block in blocks.iterdir():
        if block.is_dir():
            shutil.copytree(block, database / block.name, copy_function=_hard_link)


def write_block(lines: Iterable[str], database: Path) -> None:
    """Add samples to a database: lines of `series value seconds`, those of a series in order of time.

    As one block wherever that is possible: promtool reads its input once more for each.
    """
    file = database.with_suffix(".openmetrics")
    with file.open("w", encoding="utf-8") as output:
        output.writelines(lines)
        output.write("# EOF\n")
    command = [require("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    command += ["--max-block-duration=40000h", str(file), str(database)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # our own files
        assert done.returncode == 0, done.stderr.decode()
    finally:
        file.unlink()


def _write(scrapes: Iterable[Scrape], folder: Path) -> Sequence[Pause]:
    pauses: list[Pause] = []
    noted = _noting(pauses, scrapes)
    for first in noted:
        write_block(_block(chain([first], noted)), folder)
    return pauses


def _noting(pauses: list[Pause], scrapes: Iterable[Scrape]) -> Iterator[Scrape]:
    """Yield the scrapes, and note the pauses between them."""
    last: float | None = None
    for scrape in scrapes:
        if last is not None and scrape.at - last > _PAUSE:
            pauses.append(Pause(last, scrape.at))
        last = scrape.at
        yield scrape


def _block(scrapes: Iterable[Scrape]) -> Iterator[str]:
    """Yield the lines of as many scrapes as a block takes."""
    written = 0
    for scrape in scrapes:
        end = f" {scrape.at!r}\n"
        yield "".join([f"{sample.series} {sample.value!r}{end}" for sample in scrape.samples])
        written += len(scrape.samples)
        if written >= _SAMPLES:
            return


def _hard_link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
