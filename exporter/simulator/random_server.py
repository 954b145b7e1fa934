"""A random server: each trait drawn for itself, most of them sane, none that would hide another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any, TypeVar

from exporter.simulator.filters import Filter, Filters, Outbound
from exporter.simulator.profile import (
    AgentStreamsFormat,
    Beside,
    Limits,
    Offsets,
    Pages,
    Profile,
    Starts,
    Total,
)
from exporter.simulator.servers import SLIM
from exporter.simulator.written import Fields

T = TypeVar("T")

#: What may be drawn, and its weight.
_MAX_LIMITS = {20: 15, 50: 15, 100: 35, 1000: 15}
_OTHER_LIMITS = range(20, 101)
_WINDOWS = range(60, 111)
_LIMITS: Mapping[tuple[Limits, int], int] = {
    **{("cut", 400): 50, ("ignored", 400): 20},
    **{("rejected", 400): 15, ("rejected", 422): 15},
}
_CUT: Mapping[tuple[Limits, int], int] = {("cut", 400): 1}
_OFFSETS: Mapping[Offsets, int] = {"rows": 76, "rounded": 6, "from one": 6, "pages": 6, "ignored": 6}
_PAST_ENDS = {200: 70, 400: 12, 404: 18}
_ORDERS = {
    **{"start": 33, "newest": 25, "sid": 14, "status": 10},
    **{"updated": 6, "updated newest": 4, "shuffled": 8},
    **{"insertion": 5, "direction": 4, "progress": 4},
}
_TOTALS: Mapping[Total, int] = {
    **{"rows": 64, "page": 5, "so far": 4, "pages": 4, "none": 6},
    **{"queued left out": 3},
}
_BEHIND: Mapping[str, int] = {"": 86, "total_lag": 7, "total_cache": 7}
_MISSING: Mapping[tuple[str, ...], int] = {
    (): 70,
    SLIM: 10,
    ("start_time",): 7,
    ("recording_enabled",): 7,
    ("agent_details",): 6,
}
_STARTS: Mapping[Starts, int] = {"milliseconds": 80, "seconds": 10, "zoned": 10}
_STATUSES: Mapping[tuple[str, ...], int] = {(): 88, ("on-hold",): 6, ("on-hold", "transferred"): 6}
_FILTERS: Mapping[Filter, int] = {"works": 75, "ignored": 15, "refused": 10}
_NO_FILTERS: Mapping[Filter, int] = {"ignored": 75, "refused": 25}
_OUTBOUND: Mapping[Outbound, int] = {"both": 60, "api": 20, "literal": 20}
_AGENT_STREAMS: Mapping[AgentStreamsFormat | int | None, int] = {"json": 35, "xml": 35, 404: 18, 403: 12}


def random_server(random: Random) -> Profile:
    """Return a random server; its description names what isn't the default.

    Nothing is drawn that would leave no definite answer to what a client could ask about another trait.
    """
    return _Draw(random).profile()


class _Draw:
    """Draws the traits of one server in turn; later ones depend on earlier ones."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._is_whole = self._has(0.04)
        self._pages = self._draw_pages()
        self._sees_all = self._pages.window is None and self._pages.offsets != "ignored"
        self._missing = self._choose(_MISSING)
        self._order = self._draw_order()
        self._keeps_places = self._order != "shuffled"

    def profile(self) -> Profile:
        """Return the server."""
        has_start = "start_time" not in self._missing
        linger = float(self._choose({0: 60, 10: 20, 30: 20})) if self._stays else 0.0
        traits: dict[str, Any] = {
            **({"order": self._order} if self._keeps_places else {"reordering": "shuffled"}),
            "starts": self._choose(_STARTS),
            "linger": linger,
            "doubled": 0.05 if self._stays and self._has(0.1) else 0.0,
            # where no start is shown, durations since the start would tell it
            "from_start": self._has(0.35) and has_start,
            **self._draw_total(linger),
            "pages": self._pages,
            "filters": self._draw_filters(),
            "fields": self._draw_fields(),
            "beside": self._draw_beside(),
            "clock": float(self._choose({0: 70, 7: 15, -120: 15})),
        }
        return Profile("; ".join(_described(Profile("", **traits), Profile(""))), **traits)

    @property
    def _stays(self) -> bool:
        """Return whether every row is seen in every reading: else who can tell why one isn't?"""
        return self._sees_all and self._keeps_places

    def _draw_pages(self) -> Pages:
        if self._is_whole:
            return Pages(whole=True)
        max_limit = self._choose(_MAX_LIMITS) if self._has(0.7) else self._random.choice(_OTHER_LIMITS)
        # A limit that is above every list is honoured as far as anyone can see.
        limits, rejection = self._choose(_CUT if max_limit == 1000 else _LIMITS)
        offsets = self._choose(_OFFSETS) if limits == "cut" else "rows"
        if offsets == "ignored" and not 50 <= max_limit <= 100:  # too few rows, or all of them
            offsets = "rows"
        windows = [100, *(rows for rows in _WINDOWS if rows > max_limit)]
        has_window = self._has(0.12) and offsets == "rows" and max_limit <= 100
        return Pages(
            max_limit=max_limit,
            limits=limits,
            rejection=rejection,
            offsets=offsets,
            window=self._random.choice(windows) if has_window else None,
            past_window=self._choose({200: 1, 400: 1}) if has_window else 200,
            past_end=self._choose(_PAST_ENDS) if offsets != "ignored" and not has_window else 200,
        )

    def _draw_order(self) -> str:
        """Return an order that can be seen in the rows that can be."""
        orders = dict(_ORDERS)
        if not self._sees_all:
            orders = {"start": 1, "newest": 1}
        elif self._pages.offsets != "rows" or self._is_whole:
            del orders["shuffled"]
        return self._choose(orders)

    def _draw_total(self, linger: float) -> dict[str, Any]:
        """Return a total that can be told from others in the rows that can be seen."""
        if self._pages.window and self._has(0.4):
            return {"total": "none"}
        if not self._sees_all or self._is_whole:
            return {}
        if linger and self._has(0.25):
            return {"total": "active"}
        total = self._choose(_TOTALS)
        if not self._keeps_places and total != "rows":
            return {"total": "none"}
        behind = self._choose(_BEHIND) if total == "rows" and self._keeps_places else ""
        return {"total": total} | (
            {behind: {"total_lag": 10.0, "total_cache": 20.0}[behind]} if behind else {}
        )

    def _draw_filters(self) -> Filters:
        is_slim, has_agents = self._missing == SLIM, "agent_details" not in self._missing
        return Filters(
            direction=self._choose(_NO_FILTERS if is_slim else _FILTERS),
            outbound=self._choose(_OUTBOUND),
            agent_id=self._choose(_FILTERS if has_agents else _NO_FILTERS),
            total="account" if self._has(0.25) else "filter",
        )

    def _draw_fields(self) -> Fields:
        has_statuses = self._order not in {"status", "progress"}  # which new values would break up
        return Fields(
            missing=self._missing,
            texts=("duration",) if self._has(0.12) else (),
            numeric_agents=self._has(0.1),
            statuses=self._choose(_STATUSES) if has_statuses else (),
            directions=("callback",) if self._has(0.08) and self._missing != SLIM else (),
            extra=self._has(0.2),
        )

    def _draw_beside(self) -> Beside:
        rate_limit = self._choose({None: 50, 200: 20, 300: 15, 120: 15})
        return Beside(
            streams=self._choose({200: 70, 404: 18, 403: 12}),
            outbound_legs=self._choose({None: 75, 1: 25}),
            agent_streams=self._choose(_AGENT_STREAMS),
            rate_limit=rate_limit,
            streams_apart=rate_limit is not None and self._has(0.4),
        )

    def _has(self, share: float) -> bool:
        return self._random.random() < share

    def _choose(self, weights: Mapping[T, int]) -> T:
        return self._random.choices([*weights], [*weights.values()])[0]


def _described(drawn: Any, default: Any) -> Iterator[str]:
    """Yield each trait that isn't the default one."""
    for field in fields(drawn):
        value, usual = getattr(drawn, field.name), getattr(default, field.name)
        if is_dataclass(value):
            yield from (f"{field.name}.{each}" for each in _described(value, usual))
        elif value != usual:
            yield f"{field.name} {value}"
