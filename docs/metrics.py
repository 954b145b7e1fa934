"""The page of metrics, from the catalogue and a simulated hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docs.observed import CALLS, LONGEST_CALLS, Figures, Hour, measure
from exporter.exotel.errors import Reason
from exporter.exotel.listing.order import Order
from exporter.metrics.definitions import CATALOGUE, OWN
from exporter.metrics.metric import Metric

_INTRODUCTION = """\
# Metrics

Generated from the code by `make generate`.

Every metric of an account has the label `account`: its `name` in the configuration, or else its
`account_sid`. Three collectors query the API, each of which succeeds or fails on its own: `calls` and, if
enabled, `streams` (the details of individual calls) and `agent_streams` (the sessions of voice bots).

When a listing of the calls fails or is incomplete, the account's metrics of calls, lines, agents and
streams are absent, not 0 and not stale; `exotel_up` is 0 and `exotel_collector_failures_total` gives the
reason. The counters of observed calls don't change. Two numbers remain: `exotel_calls_reported`, the number
of calls that the API reports, and `exotel_listed_calls`, how many were seen, which is fewer than there are.

A gaugehistogram is OpenMetrics' histogram of gauges, whose buckets may decrease; its samples end in
`_bucket`, `_gcount` and `_gsum`. The plain text format has no such type and says `histogram`: don't use
`rate()` on it.

`/metrics` and `/probe` respond in OpenMetrics 1.0 to whoever prefers it, as Prometheus does, and otherwise in
the plain text format 0.0.4. Neither has `_created` samples, which Prometheus would store as further series.
How to get [native histograms](install.md#native-histograms), OTLP or
[remote write](install.md#opentelemetry-and-remote-write) is described with the installation.
"""

_TABLE = "\n| metric | type | labels | meaning |\n|---|---|---|---|\n"

_OWN = """\

## The exporter itself
{table}{metrics}

They appear only on `/metrics`, together with the usual `process_*` and `python_*` metrics of the Prometheus
client library. `--web.disable-exporter-metrics` excludes those, and `exotel_exporter_http_requests_total`.
"""

_LABELS = """\

## Label values

| label | values |
|---|---|
| `direction` of a call | `inbound`, `outbound-api`, `outbound-dial`, `outbound`, `other`, `unknown` |
| `status` of a call | `queued`, `ringing`, `in-progress`, `other`, `unknown`; while an ended call is still \
listed also `completed`, `failed`, `busy`, `no-answer`, `canceled` |
| `status` of an agent | `available`, `on-call`, `busy`, `after-call-work`, `offline`, `other`, `unknown` |
| `line` | the names under `lines`; `other` for calls on none of them |
| `direction` of a leg | `inbound`, `outbound`, `other`, `unknown` |
| `status` of a leg | `ringing`, `answered`, `connected`, `in-progress`, `completed`, `failed`, `no-answer`, \
`other`, `unknown` |
| `network_type` | `pstn`, `voip`, `other`, `unknown` |
| `legs` | `0`, `1`, `2`, `3+` |
| `status` of a bridge | `active`, `ended`, `other`, `unknown`; `none` for a call in progress without one |
| `channels` | `single`, `dual`, `other`, `unknown` |
| `result` | `inspected`, `pending` |
| `order` of a listing | {orders} |
| `outcome` of a ring, of a wait | `answered`, `unanswered`; `answered`, `abandoned` |
| `source` of a wait | `start_time`: exact at any interval; `listings` |
| `collector`, `endpoint` | `calls`, `streams`, `agent_streams` |
| `code` of a request to the exporter | its HTTP status; those of failures start at 0 |
| `reason` | {reasons} |

`other` is a value that the exporter doesn't know, `unknown` one that the API left out.

A call has ended when its `status` says so, also in the terms of v3 and v2: `from_leg_unanswered` and the
like are `no-answer`, `from_leg_cancelled` is `canceled`, `to_leg_no_dial` (that party could not be dialled)
is `failed`. It has also ended when its `state` is `terminal`, whatever its status still says: a call that was
queued or ringing is then `no-answer`, any other `completed`. The project's rules don't count ended calls as
active.

Telephone numbers and names of agents aren't even read unless `lines` or `agent_names` is configured.
Numbers are never exported; names appear only in `exotel_agent_info`, with `agent_names`.

A `call_sid` is a label only with `longest_calls: N`; otherwise it appears only as the exemplar of a duration
bucket, in OpenMetrics. Each call that becomes one of the N longest is a new series. There are N at a time,
but in the simulated hour below N = {longest} would create {series} new ones, about {a_day:,} a day, which
stay in Prometheus for as long as it keeps data.
"""

_STREAMS = """\

## What metrics of streams stand for

`exotel_stream_*` cover the inspected calls only; `exotel_stream_calls` says how many these are. After each
listing the exporter requests the details of calls one by one: at most `max_per_scrape`, while the deadline
allows, and no more than `requests_per_minute` leaves if listings go on at the present pace. Half of them are
of the calls inspected longest ago, up to a quarter of calls that were last seen on hold, and the rest of
those never inspected (of these, the ones in progress first). Details that are older than `max_age` no longer
count, nor do those of a call that has ended, left the list or changed its status; when a run fails, earlier
ones still count. A 404 isn't a failure: the call has probably just ended, and is pending.

How many calls that covers: with 500 calls in churn, 200 requests a minute and a scrape every 15 s, the
defaults cover about 15 % of the calls; `max_per_scrape: 44` and `max_age: 120s` cover 45 to 50 %.
`make coverage` prints this.

`exotel_stream_longest_hold_seconds` needs more than one inspection of the same call. A call that was seen on
hold is inspected about twice a minute, the longest hold first, and is taken to be on hold until an inspection
finds that it isn't, it leaves the list or is listed with another status; a request that fails changes
nothing. A hold counts while the last inspection that saw it is younger than `max_age`. 5 minutes or more are
exported as they were seen: somebody has been on hold for so long, at least. Less, and 0, is exported only
while every call that has been answered was inspected often enough: the metric is absent when a call may have
been on hold for 5 minutes longer than was seen, as after a restart until the long calls have been inspected,
while details can't be had or don't say whether legs are on hold, and in accounts with more calls than
inspections can follow. Of somebody who is forgotten for 20 minutes, with the defaults, a scrape every 15 s
and 200 requests a minute, 18 minutes are seen at last among 300 calls, and 13 with a scrape every 60 s. `make
holds` prints this.
"""

_OBSERVED = """\

## How much of the life of calls is observed

`exotel_observed_*` are the differences between complete listings. This is what they show of a simulated
hour with {calls} calls at a time, compared with what really happened. Shares are of the true number; rings
include the time in the queue, durations the 0 s of unanswered calls.

| listed every | calls started | calls ended | answered rings | unanswered rings | mean answered ring | \
mean unanswered ring | mean duration |
|---|---|---|---|---|---|---|---|
{rows}

- Calls that fit between two listings are missed: short ones, most of them unanswered. So at 15 s the
  answered share comes out a little too high, and the means too long.
- A listing every 15 s is enough to know how many calls start and end, and how long they last. For ringing
  times use 5 s, with a shorter `min_interval`, if `exotel_sustainable_interval_seconds` allows it. At 60 s
  ringing times and outcomes are meaningless.
- A ring counts as a whole number of intervals: buckets below the interval stay empty. The histogram can't
  see a ring between two listings, and a call that was seen ringing, then answered and over before the next
  listing, counts as unanswered.
- An end is counted when the call is missing from two listings in a row, one listing late. So started less
  ended is always the calls of the last two listings less those of the first, which counts nothing.
- After a failure, the next listing counts all calls that started and ended meanwhile at once: over a longer
  period that is right, except for calls that fit into the gap, but a rate over the minutes after it shows a
  jump. After more than five minutes without a listing, rings that were under way or began in that time never
  count, nor do durations of calls that ended in it.
- A call that is missing from one listing and back in the next counts in
  `exotel_observed_calls_returned_total`: that listing was wrong. Divided by the calls of all listings, it is
  the share that complete ones miss.

### How long callers waited

`exotel_observed_wait_duration_seconds` doesn't depend on what listings happen to see where the API's
durations count from the answer and `duration_counts_from: answer` says so: `exotel-exporter doctor` tells.
When a call is first listed in progress, its wait is the moment of the listing, less its duration, less its
`start_time`. The `Date` of the API's answers tells how far its clock is from the exporter's. These are the
same calls:

| listed every | answered waits | mean answered wait |
|---|---|---|
{waits}

With `duration_counts_from: start` the row tells when a wait began; that it ended halfway between two listings
is a guess. With `unknown` both are, and calls that no listing showed waiting don't count. How a wait was
given up is never told by a row: `outcome="abandoned"` always has `source="listings"`, and a call that is over
before a listing shows it in progress looks as if nobody had answered. Calls that no listing showed at all
don't count. Series of inbound calls are 0 from the start; others appear with the first call.
"""


def metrics_page() -> str:
    """Write the page."""
    hour = measure()
    return "".join(
        (
            _INTRODUCTION,
            f"\n## Accounts\n{_TABLE}",
            *(f"{_row(metric)}\n" for metric in CATALOGUE),
            _OWN.format(table=_TABLE, metrics="\n".join(map(_row, OWN))),
            _LABELS.format(
                reasons=_words(Reason),
                orders=_words(Order),
                longest=LONGEST_CALLS,
                series=hour.new_long_calls,
                a_day=round(24 * hour.new_long_calls, -2),
            ),
            _STREAMS,
            _OBSERVED.format(calls=CALLS, rows="\n".join(_rows_of(hour)), waits="\n".join(_waits_of(hour))),
        )
    )


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _row(metric: Metric) -> str:
    return f"| `{metric.name}` | {metric.kind} | {_words(metric.labels)} | {metric.help} |"


def _rows_of(hour: Hour) -> Iterator[str]:
    yield _row_of("in reality", [str(count) for count in hour.true.counts], hour.true)
    for interval, observed in hour.observed.items():
        counts = zip(observed.counts, hour.true.counts, strict=True)
        yield _row_of(f"{interval} s", [f"{100 * seen / true:.0f} %" for seen, true in counts], observed)


def _waits_of(hour: Hour) -> Iterator[str]:
    _, _, answered, _ = hour.true.counts
    mean, _, _ = hour.true.means
    yield f"| in reality | {answered} | {mean:.1f} s |"
    for interval, (count, seconds) in hour.exact_waits.items():
        yield f"| {interval} s | {100 * count / answered:.0f} % | {seconds:.1f} s |"


def _row_of(name: str, counts: Iterable[str], figures: Figures) -> str:
    means = (f"{mean:.1f} s" for mean in figures.means)
    return f"| {' | '.join((name, *counts, *means))} |"
