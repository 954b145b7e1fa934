"""Draws what a call costs by the size of the list, as a PNG; needs chromium."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

_WIDTH, _HEIGHT = 860, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 40, 40, 60
_COLOURS = {"time": "#1f60c4", "CPU": "#c4421f", "CPU of the plain reference": "#777777"}

Points = Sequence[Mapping[str, float]]
"""For each size (`calls`) the microseconds a call, by what they are of."""


def svg(points: Points) -> str:
    """Return the curves, both axes logarithmic."""
    sizes = [point["calls"] for point in points]
    costs = [point[name] for point in points for name in _COLOURS]
    x_axis = round(math.log10(min(sizes))), round(math.log10(max(sizes)))
    y_axis = math.floor(math.log10(min(costs))), math.ceil(math.log10(max(costs)))

    def x(calls: float) -> float:
        return _LEFT + (math.log10(calls) - x_axis[0]) / (x_axis[1] - x_axis[0]) * (_WIDTH - _LEFT - _RIGHT)

    def y(cost: float) -> float:
        share = (math.log10(cost) - y_axis[0]) / (y_axis[1] - y_axis[0])
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def parts() -> Iterator[str]:
        for power in range(x_axis[0], x_axis[1] + 1):
            at = x(10**power)
            yield _line(at, _TOP, at, _HEIGHT - _BOTTOM)
            yield _text(at, _HEIGHT - _BOTTOM + 20, f"{10**power:,}", "middle")
        for power in range(y_axis[0], y_axis[1] + 1):
            at = y(10**power)
            yield _line(_LEFT, at, _WIDTH - _RIGHT, at)
            yield _text(_LEFT - 8, at + 5, f"{10.0**power:g} µs", "end")
        yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, "calls in the list", "middle")
        for number, (name, colour) in enumerate(_COLOURS.items()):
            line = " ".join(f"{x(point['calls']):.1f},{y(point[name]):.1f}" for point in points)
            yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
            yield _text(_LEFT + 160 * number, 24, f"{name}, a call", "start", colour)

    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="14">{"".join(parts())}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def draw(points: Points, picture: Path) -> None:
    """Write the picture; exit where there is no chromium."""
    chromium = shutil.which("chromium")
    if not chromium:
        sys.exit("the picture needs chromium, which is not installed")
    with TemporaryDirectory() as folder:
        page = Path(folder, "plot.html")
        page.write_text(f'<body style="margin:0;background:white">{svg(points)}</body>', encoding="utf-8")
        flags = "--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder}/profile"
        size = f"--window-size={_WIDTH},{_HEIGHT}"
        command = [chromium, *flags, size, f"--screenshot={picture}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603  # our own
