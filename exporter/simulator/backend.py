"""A back end as a profile has it: it is told what becomes of calls, and answers with pages of its list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from itertools import pairwise
from math import ceil
from random import Random

from exporter.simulator.profiles import Profile
from exporter.simulator.table import SHARDS, Row, Table, shard_of

_INDIA = timezone(timedelta(hours=5, minutes=30))
_ESTIMATE_HOLDS = 60.0  # seconds
_SKEW = 2.0  # seconds
_HIDDEN, _UNREADABLE, _DOUBLED = 7, 11, 13  # which calls are so is drawn apart


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
        self._tables = [
            Table(
                profile.order,
                late=profile.late,
                linger=profile.linger,
                ghost=profile.ghost,
                is_doubled=partial(_is_among, share=profile.doubled, salt=_DOUBLED),
                is_hidden=partial(_is_among, share=profile.hidden, salt=_HIDDEN),
            )
            for _ in profile.lags
        ]
        self._counting = Table("insertion", linger=profile.linger) if profile.total_lag else None
        self._cache: dict[tuple[int, int], tuple[float, Answer]] = {}
        self._total: tuple[float, int | None] = -1.0, None
        self._error: tuple[float, float] = -1.0, 1.0

    def tell(self, at: float, row: Row) -> None:
        """Hear of a row that came or changed, or ended."""
        if self.profile.starts in {"skewed", "answer"}:
            row = row._replace(started=self._started(row))
        for table in self._tables:
            table.tell(at, row)
        if self._counting:
            self._counting.tell(at, row)

    def shows(self, row: Row) -> bool:
        """Tell whether a call is ever shown by its name."""
        profile = self.profile
        return not (_is_among(row, profile.hidden, _HIDDEN) or _is_among(row, profile.unreadable, _UNREADABLE))

    def answer(self, now: float, limit: int, offset: int) -> Answer:
        """Answer a request for a page."""
        if not self.profile.cache:
            return self._answer(now, limit, offset)
        until, answer = self._cache.get((limit, offset), (now, None))
        if answer is None or now >= until:
            answer = self._answer(now, limit, offset)
            self._cache[limit, offset] = now + self.profile.cache, answer
        return answer if self.profile.ages else replace_moment(answer, now)

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
        cut = profile.pages.cut(limit, offset, len(rows))
        if isinstance(cut, int):
            return Answer(cut)
        found: Sequence[Row | None] = self._mixed(rows, cut)
        if profile.hidden:
            found = [row for row in found if row and not _is_among(row, profile.hidden, _HIDDEN)]
        if profile.unreadable:
            found = [None if row and _is_among(row, profile.unreadable, _UNREADABLE) else row for row in found]
        total = self._told(now, table, rows, cut)
        return Answer(200, found, total, at if profile.ages else now)

    def _mixed(self, rows: list[Row], cut: slice) -> list[Row]:
        match self.profile.mixing:
            case "shuffled":
                return self._random.sample(rows, cut.stop - cut.start)
            case "rotated":
                first = self._random.randrange(len(rows)) if rows else 0
                return [rows[(first + place) % len(rows)] for place in range(cut.start, cut.stop)]
            case "ties":
                return self._with_ties_mixed(rows, cut)
            case "shards":
                return self._with_shards_mixed(rows, cut)
        return rows[cut]

    def _with_ties_mixed(self, rows: list[Row], cut: slice) -> list[Row]:
        first, beyond = cut.start, cut.stop
        if first == beyond:
            return []
        while first and rows[first - 1].started // 1 == rows[first].started // 1:
            first -= 1
        while beyond < len(rows) and rows[beyond].started // 1 == rows[beyond - 1].started // 1:
            beyond += 1
        near = rows[first:beyond]
        begin = 0
        for place in range(1, len(near) + 1):
            if place == len(near) or near[place].started // 1 != near[begin].started // 1:
                if place - begin > 1:
                    near[begin:place] = self._random.sample(near[begin:place], place - begin)
                begin = place
        return near[cut.start - first : cut.stop - first]

    def _with_shards_mixed(self, rows: list[Row], cut: slice) -> list[Row]:
        bounds = [bisect_left(rows, shard, key=shard_of) for shard in range(SHARDS)]
        shards = list(pairwise([*bounds, len(rows)]))
        found, passed = list[Row](), 0
        for first, beyond in self._random.sample(shards, len(shards)):
            found += rows[first + max(0, cut.start - passed) : max(first, min(beyond, first + cut.stop - passed))]
            passed += beyond - first
        return found

    def _told(self, now: float, table: Table, rows: list[Row], cut: slice) -> int | None:
        profile = self.profile
        if self._counting:
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

    def _counted(self, now: float, table: Table, rows: list[Row], cut: slice) -> int | None:  # noqa: PLR0911
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
                return cut.stop - cut.start
            case "so far":
                return int(cut.stop)
            case "pages":
                return ceil(len(rows) / max(1, cut.stop - cut.start))
            case "estimated":
                return self._estimated(now, len(rows))
        return len(rows)

    def _estimated(self, now: float, rows: int) -> int:
        until, error = self._error
        if now >= until:
            until, error = self._error = now + _ESTIMATE_HOLDS, self._random.uniform(0.85, 1.15)
        return round(rows * error)

    def _started(self, row: Row) -> float:
        if self.profile.starts == "skewed":
            return row.started + (_SKEW if row.lot & 1 else 0.0)
        return row.answered if row.answered is not None else row.started


def replace_moment(answer: Answer, at: float) -> Answer:
    """Return an answer whose durations are counted for another moment."""
    return Answer(answer.status, answer.rows, answer.total, at)


def _is_among(row: Row, share: float, salt: int) -> bool:
    """Tell whether a call is among a share of them, always the same."""
    return bool(share) and row.lot * salt % 10_007 < share * 10_007
