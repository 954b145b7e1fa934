"""The profiles by name, and a random one."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, get_args

from exporter.simulator.orders import ORDERS
from exporter.simulator.profile import Pages, Profile, Starts, Total

_REPLICAS = (0.0, 1.0, 4.0)

PROFILES = {
    # Well behaved: rows keep their order or have start times, and totals count them
    "start": Profile("by start, oldest first"),
    "newest": Profile("by start, newest first", order="newest"),
    "arbitrary": Profile("by a random identifier", order="sid"),
    "insertion": Profile(
        "by insertion, with start times from clocks up to 2 s apart", order="insertion", starts="skewed"
    ),
    "seconds": Profile("by start, with start times in whole seconds", starts="seconds", from_start=True),
    "zoned": Profile("newest first, with start times in a local time zone", order="newest", starts="zoned"),
    "direction": Profile("by direction, then start", order="direction"),
    "shards": Profile("four shards by start, one after the other", order="shards"),
    "ties-move": Profile(
        "by start in whole seconds, ties in a different order each time",
        starts="seconds",
        resolution=1.0,
        reordering="ties",
    ),
    "ties-newest": Profile(
        "by start in whole seconds, newest first, ties in a different order each time",
        order="newest",
        starts="seconds",
        resolution=1.0,
        reordering="ties",
    ),
    "ties-touched": Profile(
        "by start in whole seconds, ties by last update",
        order="start, touched",
        starts="seconds",
        resolution=1.0,
    ),
    "ties-minutes": Profile(
        "by start in whole minutes, ties in a different order each time",
        starts="seconds",
        resolution=60.0,
        reordering="ties",
    ),
    "no-start": Profile("by a random identifier, without start times", order="sid", starts="missing"),
    "end-404": Profile("by start; 404 past the last row", pages=Pages(past_end=404)),
    "end-400": Profile(
        "by a random identifier; 400 past the last row", order="sid", pages=Pages(past_end=400)
    ),
    "end-500": Profile("newest first; 500 past the last row", order="newest", pages=Pages(past_end=500)),
    "limit-10": Profile("by start; a limit above 10 is reduced to it", pages=Pages(max_limit=10)),
    "limit-50": Profile(
        "by a random identifier; a limit above 50 is reduced to it", order="sid", pages=Pages(max_limit=50)
    ),
    "limit-ignored": Profile(
        "newest first; pages have 20 rows whatever the limit",
        order="newest",
        pages=Pages(max_limit=20, limits="ignored"),
    ),
    "limit-rejected": Profile(
        "by start; a limit above 50 is rejected", pages=Pages(max_limit=50, limits="rejected")
    ),
    "whole": Profile("by start; every page is the whole list", pages=Pages(whole=True)),
    "rounded": Profile(
        "by start; the offset is rounded down to a multiple of the limit", pages=Pages(offsets="rounded")
    ),
    "from-one": Profile("by start; the first row is row 1", pages=Pages(offsets="from one")),
    "late": Profile("newest first; calls appear up to 2 s after their start", order="newest", late=2.0),
    "ghosts": Profile("by start; ended calls stay unchanged for 3 s", ghost=3.0),
    "linger": Profile("by start; ended calls stay for 20 s and count in the total", linger=20.0),
    "snapshot": Profile("by start, rebuilt every 5 s", refresh=5.0),
    "snapshot-30": Profile(
        "by a random identifier, rebuilt every 30 s along with durations", order="sid", refresh=30.0
    ),
    "unreadable": Profile("by start; one row in 50 has no call_sid", unreadable=0.02),
    # Rows move
    "updated": Profile("by last update, oldest first: a row that changes moves to the end", order="updated"),
    "updated-newest": Profile(
        "by last update, newest first: a row that changes moves to the front", order="updated newest"
    ),
    "status": Profile("by status, then start", order="status"),
    "status-newest": Profile("by status, then start, newest first", order="status newest"),
    "status-ranked": Profile(
        "by progress (queued, ringing, in progress), then start: a call that is answered moves to the end",
        order="progress",
    ),
    "duration": Profile("by duration, longest first", order="duration"),
    "agent": Profile("by agent, whom a call has from ringing on", order="agent"),
    "start-anew": Profile(
        "by start, which the answer resets: a call that is answered moves to the end", starts="answer"
    ),
    "heap": Profile("no order: new and changed rows fill the first gap", order="heap"),
    "heap-in-place": Profile("no order: new rows fill the first gap", order="heap in place"),
    "swap": Profile("no order: the last row fills the gap of a removed one", order="swap"),
    "hash-map": Profile("by hash, with a new hash function whenever the map has grown by half", order="map"),
    "rotated": Profile(
        "by a random identifier, each response beginning elsewhere", order="sid", reordering="rotated"
    ),
    "shuffled": Profile("in a different order each time", reordering="shuffled"),
    "shards-race": Profile(
        "four shards by start, in the order in which they respond", order="shards", reordering="shards"
    ),
    "shard-lost": Profile(
        "four shards by start; one response in ten lacks one of them", order="shards", reordering="shard lost"
    ),
    # Responses are from different moments
    "replicas": Profile("by start; three replicas, 0, 1 and 4 s behind", lags=_REPLICAS),
    "replicas-arbitrary": Profile(
        "by a random identifier; three replicas, 0, 1 and 4 s behind", order="sid", lags=_REPLICAS
    ),
    "replicas-now": Profile(
        "by start; three replicas, 0, 1 and 4 s behind, with durations calculated for each request",
        lags=_REPLICAS,
        ages=False,
    ),
    "replica-lost": Profile(
        "newest first; one of two replicas is 60 s behind", order="newest", lags=(0.0, 60.0)
    ),
    "cache": Profile("by start; pages are cached for 20 s", cache=20.0),
    "cache-5": Profile("by a random identifier; pages are cached for 5 s", order="sid", cache=5.0),
    "cache-now": Profile(
        "newest first; pages are cached for 20 s, with durations calculated for each request",
        order="newest",
        cache=20.0,
        ages=False,
    ),
    "snapshots": Profile(
        "by start, rebuilt every 10 s on each of two replicas", refresh=10.0, lags=(0.0, 5.0)
    ),
    # Totals count something else
    "total-page": Profile("by start; total = rows on this page", total="page"),
    "total-page-cut": Profile(
        "newest first; a limit above 20 is reduced to it, total = rows on this page",
        order="newest",
        total="page",
        pages=Pages(max_limit=20),
    ),
    "total-so-far": Profile("by start; total = rows up to the end of this page", total="so far"),
    "total-pages": Profile("by start; total = number of pages", total="pages"),
    "total-none": Profile("by a random identifier; no total", order="sid", total="none"),
    "total-capped": Profile(
        "by start; total and window capped at 1,000", total_cap=1_000, pages=Pages(window=1_000)
    ),
    "total-capped-10000": Profile(
        "by start; total and window capped at 10,000", total_cap=10_000, pages=Pages(window=10_000)
    ),
    "window-refused": Profile(
        "by start; 400 for a page that reaches past row 10,000", pages=Pages(window=10_000, past_window=400)
    ),
    "window-1000": Profile(
        "newest first; no rows past row 1,000, but the total is correct",
        order="newest",
        pages=Pages(window=1_000),
    ),
    "total-estimated": Profile("newest first; the total is an estimate", order="newest", total="estimated"),
    "total-cached": Profile("by start; the total is cached for 15 s", total_cache=15.0),
    "total-behind": Profile("by a random identifier; the total is 2 s behind", order="sid", total_lag=2.0),
    "total-other": Profile("by start; the total leaves out queued calls", total="queued left out"),
    "total-ever": Profile("by start; the total counts all calls so far", total="ever"),
    "linger-active": Profile(
        "by start; ended calls stay for 20 s, but the total counts active ones", linger=20.0, total="active"
    ),
    # Pages hold something else
    "offset-ignored": Profile("by start; every page is the first", pages=Pages(offsets="ignored")),
    "offset-pages": Profile("by start; the offset counts pages", pages=Pages(offsets="pages")),
    "copied": Profile("by start; one row in 33 is repeated, which makes pages longer", copied=0.03),
    "filtered": Profile("by start; one row in 10 is missing from its page", hidden=0.1),
    "filtered-total": Profile(
        "by start; one row in 10 is missing from its page, and from the total", hidden=0.1, total="calls"
    ),
    "doubled": Profile("by start; one call in 33 has two rows", doubled=0.03),
    "doubled-calls": Profile(
        "newest first; one call in 33 has two rows, but the total counts calls",
        order="newest",
        doubled=0.03,
        total="calls",
    ),
}

_ALTERNATIVES: list[tuple[str, Sequence[Any]]] = [
    ("order", [*ORDERS]),
    ("starts", get_args(Starts)),
    ("resolution", (1.0, 60.0)),
    ("reordering", ("ties", "rotated", "shuffled")),
    ("late", (0.5, 2.0)),
    ("linger", (5.0, 30.0)),
    ("ghost", (1.0, 5.0)),
    ("doubled", (0.01, 0.1)),
    ("unreadable", (0.01, 0.1)),
    ("hidden", (0.01, 0.1)),
    ("lags", ((1.0,), (0.0, 2.0), _REPLICAS)),
    ("refresh", (1.0, 5.0, 20.0)),
    ("cache", (1.0, 5.0, 20.0)),
    ("ages", (False,)),
    ("total", get_args(Total)),
    ("total_cache", (5.0, 30.0)),
    ("total_lag", (0.5, 5.0)),
    (
        "pages",
        (
            Pages(max_limit=20),
            Pages(max_limit=50, limits="rejected"),
            Pages(offsets="rounded"),
            Pages(past_end=404),
            Pages(window=1_000),
        ),
    ),
]


def random_profile(random: Random) -> Profile:
    """Return a profile that differs from the default in four random fields; its description names them."""
    changes = {name: random.choice(values) for name, values in random.sample(_ALTERNATIVES, 4)}
    return Profile(", ".join(f"{name}: {value}" for name, value in changes.items()), **changes)
