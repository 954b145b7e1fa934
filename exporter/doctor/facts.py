"""What doctor's experiments with the list found, as values: None is what couldn't be told."""

from __future__ import annotations

from dataclasses import dataclass
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
    offset: Offset | None = None
    window: int | Literal[False] | None = None
    accepted: int | None = None
    """The largest limit that is known to be served; more rows than page_size where there were fewer calls."""
