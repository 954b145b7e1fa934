"""Lists as servers have them, by name, and one that chance makes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, get_args

from exporter.simulator.orders import TableOrder
from exporter.simulator.pages import Pages
from exporter.simulator.profile import Profile, Starts, Total

PROFILES = {
    # Honest: rows keep their order or carry start times, totals count them
    "start": Profile(told="by start, oldest first"),
    "newest": Profile(told="by start, newest first", order="newest"),
    "arbitrary": Profile(told="by a random identifier", order="sid"),
    "insertion": Profile(
        told="as calls came in, with start times of clocks up to 2 s apart",
        order="insertion",
        starts="skewed",
    ),
    "seconds": Profile(
        told="by start; start times are written in whole seconds", starts="seconds", from_start=True
    ),
    "zoned": Profile(
        told="newest first; start times are local, with their zone", order="newest", starts="zoned"
    ),
    "direction": Profile(told="by direction, then start", order="direction"),
    "shards": Profile(told="four shards by start, one behind the other", order="shards"),
    "ties-move": Profile(
        told="by start in whole seconds; equal ones in another order each time",
        starts="seconds",
        grain=1.0,
        mixing="ties",
    ),
    "ties-newest": Profile(
        told="by start in whole seconds, newest first; equal ones in another order each time",
        order="newest",
        starts="seconds",
        grain=1.0,
        mixing="ties",
    ),
    "ties-touched": Profile(
        told="by start in whole seconds; equal ones as they were last written",
        order="start, touched",
        starts="seconds",
        grain=1.0,
    ),
    "ties-minutes": Profile(
        told="by start in whole minutes; equal ones in another order each time",
        starts="seconds",
        grain=60.0,
        mixing="ties",
    ),
    "no-start": Profile(
        told="by a random identifier; rows have no start time", order="sid", starts="missing"
    ),
    "end-404": Profile(told="by start; 404 behind the last row", pages=Pages(behind_end=404)),
    "end-400": Profile(
        told="by a random identifier; 400 behind the last row", order="sid", pages=Pages(behind_end=400)
    ),
    "end-500": Profile(
        told="newest first; 500 behind the last row", order="newest", pages=Pages(behind_end=500)
    ),
    "limit-10": Profile(told="by start; a limit above 10 is cut", pages=Pages(max_limit=10)),
    "limit-50": Profile(
        told="by a random identifier; a limit above 50 is cut", order="sid", pages=Pages(max_limit=50)
    ),
    "limit-ignored": Profile(
        told="newest first; pages of 20 whatever is asked",
        order="newest",
        pages=Pages(max_limit=20, limits="ignored"),
    ),
    "limit-rejected": Profile(
        told="by start; a limit above 50 is rejected", pages=Pages(max_limit=50, limits="rejected")
    ),
    "whole": Profile(told="by start; each answer is the whole list", pages=Pages(whole=True)),
    "rounded": Profile(
        told="by start; an offset is rounded down to a multiple of the limit", pages=Pages(offsets="rounded")
    ),
    "from-one": Profile(told="by start; the first row is row 1", pages=Pages(offsets="from one")),
    "late": Profile(told="newest first; a call shows up to 2 s after it began", order="newest", late=2.0),
    "ghosts": Profile(told="by start; a call that ended stays as it was for 3 s", ghost=3.0),
    "linger": Profile(told="by start; ended calls stay for 20 s, the total counts them", linger=20.0),
    "snapshot": Profile(told="by start, made anew every 5 s", refresh=5.0),
    "snapshot-30": Profile(
        told="by a random identifier, made anew every 30 s with its durations", order="sid", refresh=30.0
    ),
    "unreadable": Profile(told="by start; one row in 50 names no call", unreadable=0.02),
    # Rows change their places
    "updated": Profile(
        told="by last update, oldest first: a row that changes hops to the end", order="updated"
    ),
    "updated-newest": Profile(
        told="by last update, newest first: a row that changes hops to the front", order="updated newest"
    ),
    "status": Profile(told="by status, then start", order="status"),
    "status-newest": Profile(told="by status, then start, newest first", order="status newest"),
    "status-ranked": Profile(
        told="by status as a call goes on, then start: one that is answered hops to the end", order="progress"
    ),
    "duration": Profile(told="longest first, by duration", order="duration"),
    "agent": Profile(told="by agent, which a call has from when it rings", order="agent"),
    "start-anew": Profile(
        told="by start, which the answer sets anew: a call that is answered hops to the end", starts="answer"
    ),
    "heap": Profile(
        told="no order: a new row fills the first gap, and so does one that changes", order="heap"
    ),
    "heap-in-place": Profile(told="no order: a new row fills the first gap", order="heap in place"),
    "swap": Profile(told="no order: the last row fills the gap of one that goes", order="swap"),
    "hash-map": Profile(told="by hash, another one whenever the map has grown by half", order="map"),
    "rotated": Profile(
        told="by a random identifier, each answer beginning at another place", order="sid", mixing="rotated"
    ),
    "shuffled": Profile(told="in another order each time", mixing="shuffled"),
    "shards-race": Profile(
        told="four shards by start, in the order in which they answer", order="shards", mixing="shards"
    ),
    "shard-lost": Profile(
        told="four shards by start; one answer in ten lacks one of them", order="shards", mixing="shard lost"
    ),
    # Answers are of several moments
    "replicas": Profile(told="by start; three replicas, 0, 1 and 4 s behind", lags=(0.0, 1.0, 4.0)),
    "replicas-arbitrary": Profile(
        told="by a random identifier; three replicas, 0, 1 and 4 s behind", order="sid", lags=(0.0, 1.0, 4.0)
    ),
    "replicas-now": Profile(
        told="by start; three replicas, 0, 1 and 4 s behind, but durations are counted when asked",
        lags=(0.0, 1.0, 4.0),
        ages=False,
    ),
    "replica-lost": Profile(
        told="newest first; one replica of two is 60 s behind", order="newest", lags=(0.0, 60.0)
    ),
    "cache": Profile(told="by start; a cache of 20 s in front of all pages", cache=20.0),
    "cache-5": Profile(
        told="by a random identifier; a cache of 5 s in front of all pages", order="sid", cache=5.0
    ),
    "cache-now": Profile(
        told="newest first; a cache of 20 s, but durations are counted when asked",
        order="newest",
        cache=20.0,
        ages=False,
    ),
    "snapshots": Profile(
        told="by start, made anew every 10 s on each of two machines", refresh=10.0, lags=(0.0, 5.0)
    ),
    # Totals count something else
    "total-page": Profile(told="by start; total = rows of this page", total="page"),
    "total-page-cut": Profile(
        told="newest first; a limit above 20 is cut, total = rows of this page",
        order="newest",
        total="page",
        pages=Pages(max_limit=20),
    ),
    "total-so-far": Profile(told="by start; total = rows up to the end of this page", total="so far"),
    "total-pages": Profile(told="by start; total = number of pages", total="pages"),
    "total-none": Profile(told="by a random identifier; no total", order="sid", total="none"),
    "total-capped": Profile(
        told="by start; total and window capped at 1,000", total_cap=1_000, pages=Pages(window=1_000)
    ),
    "total-capped-10000": Profile(
        told="by start; total and window capped at 10,000", total_cap=10_000, pages=Pages(window=10_000)
    ),
    "window-refused": Profile(
        told="by start; 400 for what reaches behind row 10,000", pages=Pages(window=10_000, behind_window=400)
    ),
    "window-1000": Profile(
        told="newest first; nothing behind row 1,000, the total is true",
        order="newest",
        pages=Pages(window=1_000),
    ),
    "total-estimated": Profile(
        told="newest first; the total is estimated", order="newest", total="estimated"
    ),
    "total-cached": Profile(told="by start; the total is counted every 15 s", total_cache=15.0),
    "total-behind": Profile(
        told="by a random identifier; the total is 2 s behind", order="sid", total_lag=2.0
    ),
    "total-other": Profile(told="by start; the total leaves out queued calls", total="queued left out"),
    "total-ever": Profile(told="by start; the total counts all calls so far", total="ever"),
    "linger-active": Profile(
        told="by start; ended calls stay for 20 s, the total counts active ones", linger=20.0, total="active"
    ),
    # Pages hold something else
    "offset-ignored": Profile(told="by start; each page is the first", pages=Pages(offsets="ignored")),
    "offset-pages": Profile(told="by start; an offset counts pages", pages=Pages(offsets="pages")),
    "copied": Profile(told="by start; pages are longer by one row in 33, which comes twice", copied=0.03),
    "filtered": Profile(told="by start; one row in 10 is taken out of its page", hidden=0.1),
    "filtered-total": Profile(
        told="by start; one row in 10 is taken out of its page, the total counts the others",
        hidden=0.1,
        total="calls",
    ),
    "doubled": Profile(told="by start; one call in 33 has two rows", doubled=0.03),
    "doubled-calls": Profile(
        told="newest first; one call in 33 has two rows, the total counts calls",
        order="newest",
        doubled=0.03,
        total="calls",
    ),
}

_VARIETY: list[tuple[str, Sequence[Any]]] = [
    ("order", get_args(TableOrder)),
    ("starts", get_args(Starts)),
    ("grain", (1.0, 60.0)),
    ("mixing", ("ties", "rotated", "shuffled")),
    ("late", (0.5, 2.0)),
    ("linger", (5.0, 30.0)),
    ("ghost", (1.0, 5.0)),
    ("doubled", (0.01, 0.1)),
    ("unreadable", (0.01, 0.1)),
    ("hidden", (0.01, 0.1)),
    ("lags", ((1.0,), (0.0, 2.0), (0.0, 1.0, 4.0))),
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
            Pages(behind_end=404),
            Pages(window=1_000),
        ),
    ),
]


def drawn(random: Random) -> Profile:
    """Return a profile that differs from the plain one in four things, and says in which."""
    changes = {name: random.choice(values) for name, values in random.sample(_VARIETY, 4)}
    return Profile(told=", ".join(f"{name}: {value}" for name, value in changes.items()), **changes)
