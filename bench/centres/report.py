"""The bench's tables: what is told of healthy centres, what tells each trouble, and the aims."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.centres.judge import Notice, Outcome, Verdict

_SHORT = "Exotel"
"""What every alert's name begins with, and the tables leave out."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be reached, and what was."""

    name: str
    found: str
    wanted: str
    is_reached: bool

    def __str__(self) -> str:
        return f"{self.name:64} {self.found:>12} {self.wanted:>10}{'' if self.is_reached else '  MISSED'}"


def told(verdict: Verdict) -> Iterator[str]:
    """Write what was told of a centre that nothing in it explains, each alert a line, as of one week."""
    by_alert: defaultdict[tuple[str, bool, str], list[Notice]] = defaultdict(list)
    for notice in verdict.untrue:
        by_alert[notice.alert, notice.is_page, notice.of].append(notice)
    yield f"{verdict.centre}: {_weekly(verdict, verdict.untrue) if by_alert else 'nothing'}"
    for (alert, is_page, of), notices in sorted(by_alert.items(), key=lambda item: -len(item[1])):
        minutes = sum(notice.lasted for notice in notices) / 60
        permanent = "  permanently" if alert in verdict.permanent else ""
        yield (
            f"  {_name(alert, of):40} {'page' if is_page else 'warning':8} "
            f"{len(notices) / verdict.weeks:7.1f} times {minutes / verdict.weeks:8.0f} min{permanent}"
        )


def troubles(verdict: Verdict) -> Iterator[str]:
    """Write what told each trouble of a centre, and what else was told meanwhile."""
    precision = "-" if verdict.precision is None else f"{verdict.precision:.0%}"
    yield (
        f"{verdict.centre}: {verdict.recalled} of {len(verdict.possible)} troubles told; "
        f"{precision} of the {len(verdict.notices)} notices are true; "
        f"{_weekly(verdict, verdict.notices)}"
    )
    yield f"  {'trouble':28} {'told after':>16} {'by':36} also true; WRONG"
    for outcome in verdict.outcomes:
        yield f"  {outcome.trouble:28} {_after(outcome):>16} {_by(outcome):36} {_others(outcome)}".rstrip()


def aims(verdicts: Sequence[Verdict]) -> Iterator[Aim]:
    """Yield what is to be reached."""
    troubled = [verdict for verdict in verdicts if verdict.outcomes]
    if troubled:
        recalled = sum(verdict.recalled for verdict in troubled)
        possible = sum(len(verdict.possible) for verdict in troubled)
        yield Aim("troubles told", f"{recalled} of {possible}", "all", recalled == possible)
    for verdict in troubled:
        precision = verdict.precision
        found = "-" if precision is None else f"{precision:.0%}"
        yield Aim(f"{verdict.centre}: told truly", found, "≥ 90%", precision is None or precision >= 0.9)
        for outcome in verdict.possible:
            if outcome.pages or outcome.within is not None:
                yield _aim_of_trouble(verdict, outcome)
    for verdict in verdicts:
        if verdict.is_healthy:
            yield from _aims_of_healthy(verdict)


def _aim_of_trouble(verdict: Verdict, outcome: Outcome) -> Aim:
    wanted = "a page" if outcome.within is None else f"≤ {outcome.within / 60:g} min"
    what = "a page of " if outcome.pages else ""
    return Aim(
        f"{verdict.centre}: {what}{outcome.trouble}", _minutes(outcome.told_after), wanted, outcome.is_reached
    )


def _aims_of_healthy(verdict: Verdict) -> Iterator[Aim]:
    pages, warnings = (verdict.weekly(verdict.untrue, pages=pages) for pages in (True, False))
    yield Aim(f"{verdict.centre}: warnings a week", f"{warnings:.1f}", "≤ 1", warnings <= 1)
    yield Aim(f"{verdict.centre}: pages a week", f"{pages:.1f}", "0", not pages)
    if permanent := verdict.permanent:
        yield Aim(f"{verdict.centre}: told permanently", f"{len(permanent)}", "0", is_reached=False)


def _weekly(verdict: Verdict, notices: Sequence[Notice]) -> str:
    pages, warnings = (verdict.weekly(notices, pages=pages) for pages in (True, False))
    return f"{pages:.1f} pages and {warnings:.1f} warnings a week"


def _after(outcome: Outcome) -> str:
    if outcome.told_after is not None:
        return f"{_minutes(outcome.told_after)}{' page' if outcome.pages else ''}"
    if outcome.warned_after is not None:
        return f"{_minutes(outcome.warned_after)} NO PAGE"
    return "cannot be seen" if outcome.impossible else "MISSED"


def _by(outcome: Outcome) -> str:
    return _name(outcome.by) if outcome.by else outcome.impossible


def _others(outcome: Outcome) -> str:
    also, wrong = (", ".join(map(_name, names)) for names in (outcome.also, outcome.wrong))
    return f"{also}{'; ' if also and wrong else ''}{'WRONG: ' + wrong if wrong else ''}"


def _minutes(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds / 60:.1f} min"


def _name(alert: str, of: str = "") -> str:
    return f"{alert.removeprefix(_SHORT)} {of}".rstrip()
