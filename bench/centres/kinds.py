"""The kinds of centres in which nothing should be told, or hardly anything."""

from __future__ import annotations

from bench.centres.model import Kind

KINDS = (Kind("around-the-clock-20", inbound=20), Kind("around-the-clock-200", inbound=200))
