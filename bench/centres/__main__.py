"""Run the rules over simulated centres in a real Prometheus, and print what is told: `make centres`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from bench.centres import kept, report
from bench.centres.centre import CENTRES, SimulatedCentre
from bench.centres.judge import Verdict
from tests.tools import ROOT


@dataclass(frozen=True, slots=True)
class _Judge:
    """Finds what is told of a centre, in a process of its own."""

    rules: Path
    alertmanager: Path

    def __call__(self, centre: SimulatedCentre) -> Verdict:
        return kept.verdict(centre, self.rules, self.alertmanager)


def main() -> None:
    """Judge the rules in what was asked for, and print the tables; exit 1 if an aim is missed."""
    wanted = _arguments()
    judge = _Judge(wanted.rules.resolve(), wanted.alertmanager.resolve())
    verdicts: list[Verdict] = []
    with ProcessPoolExecutor(wanted.processes, initializer=logging.disable) as pool:
        for verdict in pool.map(judge, _centres(wanted)):
            verdicts.append(verdict)
            print(*report.told(verdict), sep="\n", flush=True)
            if verdict.outcomes:
                print(*report.troubles(verdict), sep="\n", flush=True)
    aims = list(report.aims(verdicts))
    print("", *aims, sep="\n")
    sys.exit(not all(aim.is_reached for aim in aims))


def _centres(wanted: argparse.Namespace) -> Sequence[SimulatedCentre]:
    centres = [CENTRES[name] for name in wanted.centres or CENTRES]
    if wanted.troubles:
        centres = [centre for centre in centres if centre.troubles]
    return [replace(_of_weeks(centre, wanted.weeks), seed=wanted.seed) for centre in centres]


def _of_weeks(centre: SimulatedCentre, weeks: int | None) -> SimulatedCentre:
    """Return a centre without troubles that is judged for so many weeks; any other as it is."""
    if weeks is None or centre.troubles:
        return centre
    return replace(centre, kind=replace(centre.kind, judged=7 * weeks))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.centres", description=__doc__)
    add = parser.add_argument
    add("centres", nargs="*", metavar="CENTRE", help=f"which ones; all by default: {', '.join(CENTRES)}")
    add("--troubles", action="store_true", help="only centres in which something goes wrong")
    add("--seed", type=int, default=1, metavar="N", help="other calls of the same kinds; 1 by default")
    add("--weeks", type=int, metavar="N", help="how long healthy centres are judged, in place of a week")
    add(
        "--rules",
        type=Path,
        default=ROOT / "deploy/prometheus/rules",
        metavar="FOLDER",
        help="in place of the bundled ones",
    )
    add(
        "--alertmanager",
        type=Path,
        default=ROOT / "deploy/alertmanager/alertmanager.yml",
        metavar="FILE",
        help="in place of the bundled configuration",
    )
    add(
        "--processes",
        type=int,
        default=os.cpu_count(),
        metavar="N",
        help="at once; one a processor by default",
    )
    wanted = parser.parse_args()
    if unknown := set(wanted.centres) - set(CENTRES):
        parser.error(f"no centre is called {', '.join(sorted(unknown))}")
    return wanted


if __name__ == "__main__":
    main()
