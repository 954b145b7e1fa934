"""What doctor's experiments with the list found, as values: None is what couldn't be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LargerLimit = Literal["cut", "ignored", "whole list", "honoured"] | int
Offset = Literal["honoured", "rounded", "ignored", "from one", "pages"]
Order = Literal["oldest first", "newest first", "by status", "stable", "moving", "none"]
Total = Literal["rows", "page", "so far", "pages", "absent", "lags", "not ended", "other"]
Filter = Literal["works", "ignored"] | int


@dataclass(frozen=True, slots=True)
class PageFacts:
    """How the list is cut into pages; sizes in rows."""

    page_size: int | None = None
    """The most rows that a page had."""
    larger_limit: LargerLimit | None = None
    offset: Offset | None = None
    window: int | Literal[False] | None = None
    past_end: int | None = None
    accepted: int | None = None
    """The largest limit that is known to be served; more rows than page_size where there were fewer calls."""


@dataclass(frozen=True, slots=True)
class ListFacts:
    """How the list behaves from answer to answer; times in seconds."""

    order: Order | None = None
    total: Total | None = None
    calls: int | None = None
    """Distinct calls in the last whole reading."""
    doubled: float | None = None
    """Share of calls with two rows or more."""
    lingering: tuple[float, float | None] | Literal[False] | None = None


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What rows hold."""

    fields: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    values: Mapping[str, int] = field(default_factory=dict)
    duration: Literal["answer", "start"] | None = None


@dataclass(frozen=True, slots=True)
class FilterFacts:
    """What filters do."""

    direction: Filter | None = None
    outbound: tuple[str, ...] | None = None
    agent: Filter | None = None
    total: Literal["filter", "account"] | None = None
