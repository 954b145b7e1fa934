"""What was told of a centre, compared with what was wrong in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.centres.model import Centre, Trouble
from bench.centres.notify import Told

SETTLE = 1800.0
"""Seconds after a trouble in which what followed from it may still be told: means look back on it."""
_WEEK = 7 * 86400.0
_PERMANENT = 86400.0
"""An alert that fires for longer, in a healthy centre, is there for ever as far as anybody can tell."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert that somebody was told of."""

    alert: str
    of: str
    """Its other labels, as far as they tell alerts of one rule apart."""
    is_page: bool
    at: float
    lasted: float
    """Seconds that it fired altogether."""
    trouble: str
    """The trouble that explains it; empty if none does."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trouble."""

    trouble: str
    impossible: str
    pages: bool
    within: float | None
    """The seconds in which it should be told."""
    told_after: float | None
    """Seconds until it was told, by a page where it must page; None if it wasn't while it lasted."""
    warned_after: float | None
    """Seconds until anything told it, page or not."""
    by: str
    """The alert that told it."""
    also: Sequence[str]
    """Other alerts told meanwhile that it explains."""
    wrong: Sequence[str]
    """Alerts told meanwhile that it doesn't explain."""

    @property
    def is_recalled(self) -> bool:
        """Whether anything told it."""
        return self.warned_after is not None

    @property
    def is_reached(self) -> bool:
        """Whether it was told as it should be."""
        return self.told_after is not None and (self.within is None or self.told_after <= self.within)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was told of a centre in the time that is judged, and what came of its troubles."""

    centre: str
    is_healthy: bool
    weeks: float
    notices: Sequence[Notice]
    outcomes: Sequence[Outcome]

    @property
    def possible(self) -> Sequence[Outcome]:
        """The troubles that the centre can show."""
        return [outcome for outcome in self.outcomes if not outcome.impossible]

    @property
    def recalled(self) -> int:
        """How many of those were told."""
        return sum(outcome.is_recalled for outcome in self.possible)

    @property
    def precision(self) -> float | None:
        """The share of what was told that is true; None where nothing was told."""
        if not self.notices:
            return None
        return sum(bool(notice.trouble) for notice in self.notices) / len(self.notices)

    @property
    def untrue(self) -> Sequence[Notice]:
        """What was told and nothing explains."""
        return [notice for notice in self.notices if not notice.trouble]

    @property
    def permanent(self) -> Sequence[str]:
        """The alerts of those that fired for more than a day without a break."""
        return sorted({notice.alert for notice in self.untrue if notice.lasted > _PERMANENT})

    def weekly(self, notices: Sequence[Notice], *, pages: bool) -> float:
        """Return how many of the notices there are in a week that wake somebody, or that don't."""
        return sum(notice.is_page == pages for notice in notices) / self.weeks


def judge(centre: Centre, told: Sequence[Told]) -> Verdict:
    """Compare what was told of a centre with what was wrong in it."""
    notices = [_notice(each, centre.troubles) for each in told]
    begin = centre.measured_from
    return Verdict(
        centre.name,
        centre.is_healthy,
        (centre.until - centre.measured_from) / _WEEK,
        notices,
        [_outcome(trouble, max(trouble.start, begin), notices) for trouble in centre.troubles],
    )


def _notice(told: Told, troubles: Sequence[Trouble]) -> Notice:
    labels = told.alert.labels
    others = [
        value
        for label, value in sorted(labels.items())
        if label not in {"alertname", "severity", "account", "job", "instance"}
    ]
    causes = [
        trouble.name
        for trouble in troubles
        if trouble.start <= told.at <= trouble.end + SETTLE
        and told.alert.name in trouble.told_by | trouble.also
    ]
    return Notice(
        told.alert.name,
        " ".join(others),
        labels.get("severity") == "critical",
        told.at,
        told.alert.end - told.alert.start,
        causes[0] if causes else "",
    )


def _outcome(trouble: Trouble, since: float, notices: Sequence[Notice]) -> Outcome:
    """Return what came of a trouble that can have been told since then."""
    meanwhile = [notice for notice in notices if since <= notice.at <= trouble.end]
    telling = [notice for notice in meanwhile if notice.alert in trouble.told_by]
    enough = [notice for notice in telling if notice.is_page or not trouble.pages]
    others = [notice for notice in meanwhile if notice not in telling]
    return Outcome(
        trouble.name,
        trouble.impossible,
        trouble.pages,
        trouble.within,
        told_after=enough[0].at - since if enough else None,
        warned_after=telling[0].at - since if telling else None,
        by=(enough or telling)[0].alert if telling else "",
        also=sorted({notice.alert for notice in others if notice.trouble}),
        wrong=sorted({notice.alert for notice in others if not notice.trouble}),
    )
