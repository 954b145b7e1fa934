"""What experiments with the list can find, as the findings tell it; None is what couldn't be told."""

from __future__ import annotations

from typing import Literal

LargerLimit = Literal["cut", "ignored", "whole list", "honoured"] | int
Offset = Literal["honoured", "rounded", "ignored", "from one", "pages"]
Order = Literal["oldest first", "newest first", "by status", "stable", "moving", "none"]
Total = Literal["rows", "page", "so far", "pages", "absent", "lags", "not ended", "other"]
Filter = Literal["works", "ignored"] | int
