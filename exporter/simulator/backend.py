"""A back end as a profile has it: it is told what becomes of calls, and answers with pages of its list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from math import ceil
from random import Random

from exporter.simulator.mixing import mixed, without_a_shard
from exporter.simulator.orders import Row
from exporter.simulator.profile import Profile
from exporter.simulator.table import Table

_INDIA = timezone(timedelta(hours=5, minutes=30))
_ESTIMATE_HOLDS = 60.0  # seconds
_SKEW = 2.0  # seconds
_LOST = 0.1  # of all answers


@dataclass(frozen=True, slots=True)
class Answer:
    """What a back end answers."""

    status: int
    rows: Sequence[Row | None] = ()
    """None for one that names no call."""
    total: int | None = None
    at: float = 0.0
    """The moment for which durations are counted."""


class Backend:
    """The machines behind one API. It is told of changes in the order of time, and asked in it."""

    def __init__(self, profile: Profile, random: Random) -> None:
        self.profile = profile
        self._random = random
        behind = max(profile.lags) + profile.refresh
        self._tables = [Table(profile, behind) for _ in profile.lags]
        self._counting = Table(replace(profile, order="insertion"), profile.total_lag)
        self._cache: dict[tuple[int, int], tuple[float, Answer]] = {}
        self._total: tuple[float, int | None] = -1.0, None
        self._error: tuple[float, float] = -1.0, 1.0

    def tell(self, at: float, row: Row) -> None:
        """Hear of a row that came or changed, or ended."""
        profile = self.profile
        if profile.grain or profile.starts in {"skewed", "answer"}:
            row = row._replace(started=self._started(row))
        for table in self._tables:
            table.tell(at, row)
        if profile.total_lag:
            self._counting.tell(at, row)

    def answer(self, now: float, limit: int, offset: int) -> Answer:
        """Answer a request for a page."""
        if not self.profile.cache:
            return self._answer(now, limit, offset)
        until, answer = self._cache.get((limit, offset), (now, None))
        if answer is None or now >= until:
            answer = self._answer(now, limit, offset)
            self._cache[limit, offset] = now + self.profile.cache, answer
        return answer if self.profile.ages else replace(answer, at=now)

    def duration(self, row: Row, at: float) -> int:
        """Count the whole seconds that a call has lasted."""
        counts_from = row.started if self.profile.from_start else row.answered
        return 0 if counts_from is None else max(0, int((row.ended or at) - counts_from))

    def start_time(self, row: Row) -> str | None:
        """Write when a call started."""
        if self.profile.starts == "missing":
            return None
        if self.profile.starts == "zoned":
            return datetime.fromtimestamp(row.started, _INDIA).isoformat(" ", "seconds")
        if self.profile.starts == "seconds":
            return datetime.fromtimestamp(row.started // 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        at = datetime.fromtimestamp(row.started, UTC)
        return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

    def _answer(self, now: float, limit: int, offset: int) -> Answer:
        profile = self.profile
        machine = self._random.randrange(len(self._tables)) if len(self._tables) > 1 else 0
        table, lag = self._tables[machine], profile.lags[machine]
        at = (now - lag) // profile.refresh * profile.refresh + lag if profile.refresh else now - lag
        table.advance(at)
        rows = table.rows
        if profile.mixing == "shard lost" and self._random.random() < _LOST:
            rows = without_a_shard(rows, self._random)
        cut = profile.pages.cut(limit, offset, len(rows))
        if isinstance(cut, int):
            return Answer(cut)
        found = mixed(rows, cut, profile.mixing, self._random)
        total = self._told(now, table, rows, cut)
        return Answer(200, self._shown(found), total, at if profile.ages else now)

    def _shown(self, rows: list[Row]) -> Sequence[Row | None]:
        """Return what a page shows of its rows."""
        profile = self.profile
        if profile.copied:
            rows = [row for row in rows for _ in range(1 + profile.is_copied(row))]
        if profile.hidden:
            rows = [row for row in rows if not profile.is_hidden(row)]
        if profile.unreadable:
            return [None if profile.is_unreadable(row) else row for row in rows]
        return rows

    def _told(self, now: float, table: Table, rows: list[Row], cut: range) -> int | None:
        profile = self.profile
        if profile.total_lag:
            self._counting.advance(now - profile.total_lag)
            return len(self._counting.rows)
        until, total = self._total
        if profile.total_cache and now < until:
            return total
        total = self._counted(now, table, rows, cut)
        if total is not None and profile.total_cap is not None:
            total = min(total, profile.total_cap)
        if profile.total_cache:
            self._total = now + profile.total_cache, total
        return total

    def _counted(self, now: float, table: Table, rows: list[Row], cut: range) -> int | None:  # noqa: PLR0911
        match self.profile.total:
            case "none":
                return None
            case "calls":
                return table.calls - table.hidden
            case "active":
                return table.active
            case "queued left out":
                return len(rows) - table.statuses["queued"]
            case "ever":
                return table.ever
            case "page":
                return len(cut)
            case "so far":
                return cut.stop
            case "pages":
                return ceil(len(rows) / max(1, len(cut)))
            case "estimated":
                return self._estimated(now, len(rows))
        return len(rows)

    def _estimated(self, now: float, rows: int) -> int:
        until, error = self._error
        if now >= until:
            until, error = self._error = now + _ESTIMATE_HOLDS, self._random.uniform(0.85, 1.15)
        return round(rows * error)

    def _started(self, row: Row) -> float:
        if grain := self.profile.grain:
            return row.started // grain * grain
        if self.profile.starts == "skewed":
            return row.started + (_SKEW if row.lot & 1 else 0.0)
        return row.answered if row.answered is not None else row.started
