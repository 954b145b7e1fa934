"""Draws every dashboard over a simulated day: `python -m grafana.pictures`."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from grafana.pictures import prometheus
from grafana.pictures.history import LAST_WEEK, SCRAPE_INTERVAL, TODAY, Span, write
from grafana.pictures.replay import CannotReplay, Replay

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DASHBOARDS = HERE.parent / "dashboards"
PICTURES = ROOT / "docs" / "pictures"
#: What is simulated is kept, until one of its sources changes.
BUILD = ROOT / "build" / "pictures"
DATA, STARTED = BUILD / "data", BUILD / "started"
SOURCES = (
    *(ROOT / "exporter").rglob("*.py"),
    *prometheus.RULES.glob("*.yml"),
    *(HERE / "history.py", HERE / "prometheus.py"),
)

#: Seconds: who looks at a dashboard doesn't do so at the moment of a scrape.
_LATER = 5

NEEDED = ("node", "npm", "chromium", "prometheus", "promtool")


def main() -> None:
    """Write a PNG for each dashboard; exit 1 if a panel could not be asked or drawn."""
    if missing := [tool for tool in NEEDED if not shutil.which(tool)]:
        sys.exit(f"pictures need {', '.join(NEEDED)} (node 20 or newer); not installed: {', '.join(missing)}")
    _install()
    if not _is_current():
        print("simulating two mornings: some minutes …", flush=True)
        _simulate()
    with TemporaryDirectory() as pages:
        complaints = list(_ask(Path(pages)))
        PICTURES.mkdir(exist_ok=True)
        command = ["node", str(HERE / "draw.mjs"), str(shutil.which("chromium")), pages, str(PICTURES)]
        drawn = subprocess.run(command, check=False)  # noqa: S603  # our own
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    sys.exit(bool(complaints) or drawn.returncode)


def _install() -> None:
    """Fetch the packages that the lock file names, unless they are there."""
    installed, wanted = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=HERE, check=True)  # noqa: S603  # our own


def _is_current() -> bool:
    return DATA.exists() and all(path.stat().st_mtime < STARTED.stat().st_mtime for path in SOURCES)


def _simulate() -> None:
    """Make the data of a Prometheus that has scraped the shown hours and those a week before."""
    shutil.rmtree(BUILD, ignore_errors=True)
    unfinished = BUILD / "unfinished"
    unfinished.mkdir(parents=True)
    STARTED.touch()
    files = {LAST_WEEK: BUILD / "last-week.om", TODAY: BUILD / "today.om"}
    with ThreadPoolExecutor(len(files)) as pool:
        list(pool.map(write, files.keys(), files.values()))
    for file in files.values():
        prometheus.fill(unfinished, file)
    prometheus.record(unfinished, SCRAPE_INTERVAL, [(_start(span), _end(span)) for span in files])
    unfinished.rename(DATA)


def _ask(pages: Path) -> Iterator[str]:
    """Write what there is to draw of each dashboard; give what could not be asked."""
    with prometheus.running(DATA, SCRAPE_INTERVAL) as server:
        replay = Replay(server, _end(TODAY) + _LATER, SCRAPE_INTERVAL)
        for path in sorted(DASHBOARDS.glob("*.json")):
            try:
                page = replay.page(json.loads(path.read_text(encoding="utf-8")))
            except CannotReplay as error:
                yield f"{path.stem}: {error}"
            else:
                (pages / path.name).write_text(json.dumps(page), encoding="utf-8")


def _start(span: Span) -> float:
    return span.start.timestamp()


def _end(span: Span) -> float:
    return span.end.timestamp()


if __name__ == "__main__":
    main()
