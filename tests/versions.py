"""What the tests ran with: a table at the end of CI's log, which docs/install.md relies on."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools import NEWER, PROGRAMS
from tests.waiting import GUARD

_GENERATION = ("prometheus", "prometheus-alertmanager")
_ROWS = {
    r"\[installed\b": _GENERATION,
    r"\[newer\b": tuple(str(NEWER / program) for program in _GENERATION),
    "unit/test_chart.py": ("helm",),
    "e2e/test_image.py": ("buildah", "podman", "runc", "systemctl"),
    "e2e/test_(page|live).py": ("chromium",),
}
"""By a pattern of tests: the programs that these run."""


@dataclass(frozen=True, slots=True)
class _Row:
    programs: str
    passed: int
    skipped: int
    seconds: float
    """Of these tests, were they run one after the other."""

    def __str__(self) -> str:
        return f"{self.programs:<64}{self.passed:>6} passed{self.skipped:>5} skipped{self.seconds:>7.0f} s"


def ran_with(stats: Mapping[str, Sequence[object]]) -> Iterator[str]:
    """Yield a line for all tests, and one for those of each kind of program; `stats` are pytest's reports."""
    yield str(_row(f"Python {platform.python_version()}", "", stats))
    for pattern, programs in _ROWS.items():
        yield str(_row(", ".join(filter(None, map(_version, programs))) or "not installed", pattern, stats))


def _row(programs: str, pattern: str, stats: Mapping[str, Sequence[object]]) -> _Row:
    found = {outcome: _matching(pattern, reports) for outcome, reports in stats.items()}
    seconds = sum(report.duration for reports in found.values() for report in reports)
    return _Row(programs, len(found.get("passed", ())), len(found.get("skipped", ())), seconds)


def _matching(pattern: str, reports: Sequence[object]) -> list[pytest.TestReport]:
    of_tests = [report for report in reports if isinstance(report, pytest.TestReport)]
    return [report for report in of_tests if re.search(pattern, report.nodeid)]


def _version(program: str) -> str | None:
    """Return a program's name and version; None where it isn't installed."""
    path = shutil.which(program, path=f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    if path is None:
        return None
    flag = "version" if program == "helm" else "--version"
    said = subprocess.run([path, flag], capture_output=True, text=True, timeout=GUARD, check=False)
    number = re.search(r"\d[\d.]*\d", said.stdout + said.stderr)
    return f"{Path(program).name} {number[0] if number else 'of unknown version'}"
