"""Prints what the benchmarks have found last beside what is to be reached: `python -m bench.table`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from bench.aims import BUILD, FIGURES, Figure, Found, load
from bench.plot import draw

_DOCS = Path(__file__).parent.parent / "docs"
_BEGIN, _END = "<!-- make figures: begin -->\n", "<!-- make figures: end -->\n"


def row(figure: Figure, found: Found | None) -> str:
    """Return a figure's row of the table."""
    aim = f"≤ {_number(figure.aim)}{_unit(figure)}"
    if found is None:
        return f"| {figure.text} | {aim} | not measured | | |"
    low, high = _number(min(found.values)), _number(max(found.values))
    value = f"{_number(found.median)}{_unit(figure)} ({low} to {high}; {len(found.values)})"
    verdict = f"void: {found.void}" if found.void else "missed" if found.has_missed(figure) else "reached"
    return f"| {figure.text} | {aim} | {value} | {verdict} | {found.reference} |"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _unit(figure: Figure) -> str:
    return f" {figure.unit}" if figure.unit else ""


def table(found: Mapping[str, Found]) -> str:
    """Return the table of all figures, in Markdown."""
    head = "| figure | aim | median (least to most; processes) | | plain reference |\n|---|---|---|---|---|\n"
    return head + "".join(f"{row(figure, found.get(figure.key))}\n" for figure in FIGURES)


def missed(found: Mapping[str, Found]) -> Iterator[Figure]:
    """Yield the figures that were measured and have missed their aim."""
    for figure in FIGURES:
        if figure.key in found and found[figure.key].has_missed(figure):
            yield figure


def replaced(page: str, text: str) -> str:
    """Return a page with this text between its marks."""
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert end, "the page has no place for the table"
    return f"{before}{_BEGIN}\n{text}\n{_END}{after}"


@click.command()
@click.option("--write", is_flag=True, help="Put table and curve into docs/scaling.md.")
def main(*, write: bool) -> None:
    """Print the table; exit 1 if an aim is missed."""
    found = load()
    text = table(found)
    if write:
        page = _DOCS / "scaling.md"
        page.write_text(replaced(page.read_text(encoding="utf-8"), text), encoding="utf-8")
        draw(json.loads((BUILD / "curve").read_text(encoding="utf-8")), _DOCS / "pictures" / "growth.png")
        return
    click.echo(text)
    sys.exit(any(missed(found)))


if __name__ == "__main__":
    main()
