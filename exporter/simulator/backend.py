"""The servers behind the list of calls, as a profile describes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from math import ceil
from random import Random

from exporter.simulator.call import Call, timestamp
from exporter.simulator.filters import WHOLE_LIST, Selection
from exporter.simulator.orders import Row
from exporter.simulator.profile import Profile
from exporter.simulator.table import Table, reordered, without_a_shard

_INDIA = timezone(timedelta(hours=5, minutes=30))
_ESTIMATE_HOLDS = 60.0  # seconds
_SKEW = 2.0  # seconds
_SHARD_LOST = 0.1  # of all responses


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of the list, or the status of a refusal."""

    status: int
    rows: Sequence[Row | None] = ()
    """None for a row without a call_sid."""
    total: int | None = None
    at: float = 0.0
    """The moment for which durations are calculated."""


class Backend:
    """The replicas of a list. Updates and requests must come in order of time."""

    def __init__(self, profile: Profile, random: Random) -> None:
        self.profile = profile
        self._random = random
        lag = max(profile.lags) + profile.refresh
        self._tables = [Table(profile, lag) for _ in profile.lags]
        self._total_table = Table(replace(profile, order="insertion"), profile.total_lag)
        self._cache: dict[tuple[int, int, Selection], tuple[float, ListPage]] = {}
        self._total: tuple[float, int | None] = -1.0, None
        self._estimate: tuple[float, float] = -1.0, 1.0

    def update(self, at: float, row: Row) -> None:
        """Record a new version of a row, or the first or the last."""
        profile = self.profile
        if profile.resolution or profile.starts in {"skewed", "answer"}:
            row = row._replace(started=self._started(row))
        for table in self._tables:
            table.update(at, row)
        if profile.total_lag:
            self._total_table.update(at, row)

    def page(self, now: float, limit: int, offset: int, selection: Selection = WHOLE_LIST) -> ListPage:
        """Return a page of the list, or of a selection of it, perhaps from the cache."""
        if not self.profile.cache:
            return self._read(now, limit, offset, selection)
        until, page = self._cache.get((limit, offset, selection), (now, None))
        if page is None or now >= until:
            page = self._read(now, limit, offset, selection)
            self._cache[limit, offset, selection] = now + self.profile.cache, page
        return page if self.profile.ages else replace(page, at=now)

    def duration(self, row: Row, at: float) -> int:
        """Return the duration of a call in whole seconds."""
        counts_from = row.started if self.profile.from_start else row.answered
        return 0 if counts_from is None else max(0, int((row.ended or at) - counts_from))

    def start_time(self, row: Row) -> str | None:
        """Return a call's start time as rows show it."""
        match self.profile.starts:
            case "missing":
                return None
            case "zoned":
                return datetime.fromtimestamp(row.started, _INDIA).isoformat(" ", "seconds")
            case "seconds":
                return datetime.fromtimestamp(row.started // 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return timestamp(row.started)

    def _read(self, now: float, limit: int, offset: int, selection: Selection) -> ListPage:
        profile = self.profile
        replica = self._random.randrange(len(self._tables)) if len(self._tables) > 1 else 0
        table, lag = self._tables[replica], profile.lags[replica]
        at = (now - lag) // profile.refresh * profile.refresh + lag if profile.refresh else now - lag
        table.advance(at)
        rows = table.rows
        if profile.reordering == "shard lost" and self._random.random() < _SHARD_LOST:
            rows = without_a_shard(rows, self._random)
        listed = len(rows)
        if not selection.is_whole:
            rows = [row for row in rows if self._is_selected(row.call, selection)]
        cut = profile.pages.cut(limit, offset, len(rows))
        if isinstance(cut, int):
            return ListPage(cut)
        found = reordered(rows, cut, profile.reordering, self._random)
        if selection.is_whole or profile.filters.total == "account":
            total = self._reported_total(now, table, listed, cut)
        else:
            total = self._count_selected(rows, cut)
        return ListPage(200, self._shown(found), total, at if profile.ages else now)

    def _is_selected(self, call: Call, selection: Selection) -> bool:
        fields, agent = self.profile.fields, call.agent
        return selection.selects(fields.direction(call), str(fields.user_id(agent)) if agent else None)

    def _shown(self, rows: list[Row]) -> Sequence[Row | None]:
        """Repeat, remove and spoil rows of a page that was cut already."""
        profile = self.profile
        if profile.copied:
            rows = [row for row in rows for _ in range(1 + profile.is_copied(row))]
        if profile.hidden:
            rows = [row for row in rows if not profile.is_hidden(row)]
        if profile.unreadable:
            return [None if profile.is_unreadable(row) else row for row in rows]
        return rows

    def _reported_total(self, now: float, table: Table, rows: int, cut: range) -> int | None:
        profile = self.profile
        if profile.total_lag:
            self._total_table.advance(now - profile.total_lag)
            return len(self._total_table.rows)
        until, total = self._total
        if profile.total_cache and now < until:
            return total
        total = self._count(now, table, rows, cut)
        if total is not None and profile.total_cap is not None:
            total = min(total, profile.total_cap)
        if profile.total_cache:
            self._total = now + profile.total_cache, total
        return total

    def _count_selected(self, rows: Sequence[Row], cut: range) -> int | None:
        """Return the total of a selection: of its rows, unless it is that of active ones or of the page."""
        if self.profile.total == "active":
            return sum(row.ended is None for row in rows)
        return self._count_rows(len(rows), cut)

    def _count(self, now: float, table: Table, rows: int, cut: range) -> int | None:
        match self.profile.total:
            case "calls":
                return table.calls - table.hidden
            case "active":
                return table.active
            case "queued left out":
                return rows - table.statuses["queued"]
            case "ever":
                return table.ever
            case "estimated":
                return round(rows * self._estimate_factor(now))
        return self._count_rows(rows, cut)

    def _count_rows(self, rows: int, cut: range) -> int | None:
        match self.profile.total:
            case "none":
                return None
            case "page":
                return len(cut)
            case "so far":
                return cut.stop
            case "pages":
                return ceil(rows / max(1, len(cut)))
        return rows

    def _estimate_factor(self, now: float) -> float:
        until, factor = self._estimate
        if now >= until:
            until, factor = self._estimate = now + _ESTIMATE_HOLDS, self._random.uniform(0.85, 1.15)
        return factor

    def _started(self, row: Row) -> float:
        if resolution := self.profile.resolution:
            return row.started // resolution * resolution
        if self.profile.starts == "skewed":
            return row.started + (_SKEW if row.hash & 1 else 0.0)
        return row.answered if row.answered is not None else row.started
