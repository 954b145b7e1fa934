"""The Exporter dashboard: whether what the others show can be trusted, and what it costs."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.load import accounts_listed, ended_calls_listed
from grafana.panels import Query, graph, over, tile
from grafana.promql import (
    CALLS_RETURNED,
    RATE_WINDOW,
    of_exporters,
    of_scrapes,
    once,
    risen,
    select,
    select_own,
)
from grafana.style import (
    AGE,
    BAD,
    GOOD,
    INTERVAL,
    NONE_WANTED,
    NOT_SCRAPED,
    RETURNED,
    WARNING,
    Scale,
    Words,
)
from grafana.tables import Column, Figure, Label, columns

_BUDGET = select("exotel_api_budget_remaining_requests")
_INTERVAL = select("exotel_sustainable_interval_seconds")

#: Points of what is counted between them, this far apart at least.
_EACH = "5m"
_NEVER_LISTED = "Never listed: see Failed collections"


def exporter() -> models.Dashboard:
    """The dashboard, ready to be written."""
    return board(
        uid="exotel-exporter",
        title="Exotel / Exporter",
        description="Whether the figures of the other dashboards can be trusted, and what they cost.",
        bands=[
            Band(4, [_up(), accounts_listed(), _age(), _unseen(), _budget_now(), _interval_now()]),
            Band(9, [_collectors(), _failures(), _seen_and_reported()]),
            Band(8, [_requests(), _failed_requests(), _retries()], title="Requests to the API"),
            Band(8, [_latency(), _budget(), _interval()]),
            Band(9, [_window(), _scrape()], title="Time and memory"),
            Band(8, [_put_off(), _memory()]),
            Band(7, [_returned(), _lists()], widths=[15, 9], title="The list of calls"),
            Band(7, [_unknown(), ended_calls_listed()], widths=[15, 9]),
        ],
    )


def _up() -> models.Panel:
    words = Words(
        "Exporters",
        "Whether every selected exporter answers Prometheus, including those seen within the last day. "
        "Down: check that it is running, and that Prometheus can reach it.",
        NOT_SCRAPED,
    )
    scale = Scale(BAD, {1: GOOD}, names={"0": ("Down", BAD), "1": ("Up", GOOD)})
    return tile(words, f"min({of_scrapes('up')})", unit="none", scale=scale)


def _age() -> models.Panel:
    words = Words(
        "Age of the figures",
        "Age of the oldest listing shown. Above a minute: the budget is used up, or the exporter overloaded "
        "(Collections put off). Below zero: the clocks differ; synchronise them.",
        _NEVER_LISTED,
    )
    newest = f"last_over_time({select('exotel_snapshot_timestamp_seconds')}[1d])"
    age = f"max(time() - max by (account) ({newest}))"
    return tile(words, age, unit="s", scale=AGE)


def _unseen() -> models.Panel:
    words = Words(
        "Unseen calls",
        "Calls the API reports beyond those listed, on the account with the most. A few started while it "
        "was listed. A number that stays: the API counts what it doesn't list; report it to Exotel.",
        _NEVER_LISTED,
    )
    return tile(words, f"max({select('exotel_snapshot_unseen_calls')})", unit="short", scale=NONE_WANTED)


def _budget_now() -> models.Panel:
    words = Words(
        "Requests left",
        "Requests left of this minute's budget, on the account with the fewest. At 0 the last listing is "
        "shown again: raise requests_per_minute if Exotel allows more, or scrape less often.",
        NOT_SCRAPED,
    )
    return tile(words, f"min({_BUDGET})", unit="short", scale=Scale(BAD, {1: WARNING, 20: GOOD}))


def _interval_now() -> models.Panel:
    words = Words(
        "Sustainable interval",
        "The shortest scrape interval that the budget allows, on the account with the longest. Above your "
        "scrape interval, figures repeat: raise page_size or requests_per_minute.",
        _NEVER_LISTED,
    )
    return tile(words, f"max({_INTERVAL})", unit="s", scale=INTERVAL)


def _collectors() -> models.Panel:
    words = Words(
        "Successful collections",
        "Share of each collector's runs that succeeded. calls lists the calls, streams requests their "
        "details, agent_streams the sessions. Below 100%: the reason is shown alongside.",
        NOT_SCRAPED,
    )
    success = f"avg_over_time({select('exotel_collector_success')}[{RATE_WINDOW}])"
    query = Query(f"min by (account, collector) ({success})", "{{account}} {{collector}}")
    return graph(words, [query], unit="percentunit")


def _failures() -> models.Panel:
    words = Words(
        "Failed collections",
        "Should be empty. auth, forbidden: renew the API key. rate_limited, budget: lengthen the scrape "
        "interval. timeout, connection, server_error: Exotel, or the way to it.",
        "No failed collections",
    )
    failures = risen(select("exotel_collector_failures_total"))
    failed = f"{once(failures, 'collector', 'reason')} > 0"
    query = Query(failed, "{{account}} {{collector}} {{reason}}")
    return over(_EACH, graph(words, [query], unit="short"))


def _seen_and_reported() -> models.Panel:
    words = Words(
        "Calls reported, listed and unseen",
        "How many calls the API reports, how many a listing saw, complete or not, and how many more there "
        "should be. Unseen that stays above zero: the numbers of calls are too low; report it to Exotel.",
        NOT_SCRAPED,
    )
    queries = [
        Query(f"max by (account) ({select('exotel_calls_reported')})", "{{account}} reported"),
        Query(f"max by (account) ({select('exotel_listed_calls')})", "{{account}} listed"),
        Query(f"max by (account) ({select('exotel_snapshot_unseen_calls')})", "{{account}} unseen"),
    ]
    return graph(words, queries, unit="short")


def _requests() -> models.Panel:
    words = Words(
        "Requests answered",
        "Of all selected exporters, by endpoint: calls lists the calls, streams requests their details. More "
        "than requests_per_minute in all: another program uses the same account. Those that failed are shown "
        "alongside.",
        NOT_SCRAPED,
    )
    requests = _requests_by("endpoint", 'code=~"2.."')
    return graph(words, [Query(requests, "{{endpoint}}")], unit="reqps", stacked=True)


def _failed_requests() -> models.Panel:
    words = Words(
        "Requests that failed",
        "By HTTP status, or the reason when there was no answer. 401, 403: the API key. 429: lower "
        "requests_per_minute. 5xx, timeout: Exotel; see its status page. abandoned: the exporter cancelled "
        "the request.",
        "No failed request",
    )
    return graph(words, [Query(_requests_by("code", 'code!~"2.."'), "{{code}}")], unit="reqps")


def _requests_by(label: str, codes: str) -> str:
    return f"sum by ({label}) (rate({select('exotel_api_requests_total', codes)}[{RATE_WINDOW}]))"


def _latency() -> models.Panel:
    words = Words(
        "Latency of requests",
        "How long the API's responses took. Rises with load: lower concurrency. Rises alone: Exotel, or the "
        "network; when listings run into the timeout, raise it with the scrape_timeout.",
        NOT_SCRAPED,
    )
    durations = risen(select("exotel_api_request_duration_seconds_bucket"))
    queries = [
        Query(f"histogram_quantile(0.5, sum by (le) ({durations}))", "median"),
        Query(f"histogram_quantile(0.95, sum by (le) ({durations}))", "95th percentile"),
    ]
    return over(_EACH, graph(words, queries, unit="s"))


def _retries() -> models.Panel:
    words = Words(
        "Retried requests",
        "By the reason why the request before failed. Now and then is harmless; many cost budget and time: "
        "see the codes alongside.",
        NOT_SCRAPED,
    )
    retries = f"sum by (reason) ({risen(select('exotel_api_retries_total'))})"
    return over(_EACH, graph(words, [Query(retries, "{{reason}}")], unit="short"))


def _budget() -> models.Panel:
    words = Words(
        "Requests left of the budget",
        "By account, of the current minute. It touches 0: listings wait. Raise requests_per_minute if Exotel "
        "allows more; lower streams.max_per_scrape; scrape less often.",
        NOT_SCRAPED,
    )
    return graph(words, [Query(f"min by (account) ({_BUDGET})", "{{account}}")], unit="short")


def _interval() -> models.Panel:
    words = Words(
        "Sustainable interval over time",
        "The shortest scrape interval that the budget allows, by account. It grows with the calls: where it "
        "passes your scrape interval, figures repeat; raise page_size or requests_per_minute.",
        _NEVER_LISTED,
    )
    return graph(words, [Query(f"max by (account) ({_INTERVAL})", "{{account}}")], unit="s")


def _window() -> models.Panel:
    words = Words(
        "Listing window",
        "How long the listing took: a call that started or ended during it may be counted either way. Above "
        "a few seconds: raise page_size or concurrency, check the latency of requests.",
        _NEVER_LISTED,
    )
    window = f"max by (account) ({select('exotel_snapshot_window_seconds')})"
    return graph(words, [Query(window, "{{account}}")], unit="s")


def _scrape() -> models.Panel:
    words = Words(
        "Scrapes and collections",
        "How long Prometheus waited for each exporter, and each collector for the API. Near the "
        "scrape_timeout: raise it, with the timeout of the account; or list less with each request.",
        NOT_SCRAPED,
    )
    collectors = f"max by (account, collector) ({select('exotel_collector_duration_seconds')})"
    queries = [
        Query(of_scrapes("scrape_duration_seconds"), "{{instance}} scrape"),
        Query(collectors, "{{account}} {{collector}}"),
    ]
    return graph(words, queries, unit="s")


def _put_off() -> models.Panel:
    words = Words(
        "Collections put off",
        "Share of due collections that an exporter was too busy to start: those accounts show older figures. "
        "Should be 0. Give it a whole core; if it has one, spread its accounts over more exporters.",
        NOT_SCRAPED,
    )
    metric = "exotel_exporter_collections_total"
    put_off, all_due = (
        f"sum by (instance) (increase({select_own(metric, *matchers)}[{RATE_WINDOW}]))"
        for matchers in (['outcome="put_off"'], [])
    )
    return graph(words, [Query(f"{put_off} / ({all_due} > 0)", "{{instance}}")], unit="percentunit")


def _memory() -> models.Panel:
    words = Words(
        "Memory",
        "Resident memory of each exporter. It follows the number of calls; one that climbs for days while "
        "calls don't is a leak: restart it, and report it with /probe?debug=true.",
        NOT_SCRAPED,
    )
    memory = of_exporters("process_resident_memory_bytes")
    return graph(words, [Query(memory, "{{instance}}")], unit="bytes")


def _returned() -> models.Panel:
    words = Words(
        "Calls that returned",
        "Of all calls that the listings of 15 minutes should have had, those missing from a complete one "
        "and back in the next. More than a few in ten thousand: the list can't be trusted; see the runbook "
        "of ExotelCallsReturning.",
        _NEVER_LISTED,
    )
    query = Query(f"max by (account) ({select(CALLS_RETURNED)})", "{{account}}")
    return graph(words, [query], unit="percentunit", scale=RETURNED)


def _lists() -> models.Panel:
    words = Words(
        "Order of the list",
        "Calls of the last listing, complete or not, and the order in which the API lists them, if known. "
        "moving or none: listings take more requests, and fail more often; report it to Exotel.",
        _NEVER_LISTED,
    )
    listed, order = select("exotel_listed_calls"), select("exotel_listing_order_info")
    by_order = f"max by (account, order) ({listed} * on (job, instance, account) group_left (order) {order})"
    calls = f"{by_order} or on (account) max by (account) ({listed})"
    shown: list[Column] = [Label("Account", "account"), Label("Order", "order"), Figure("Calls", calls)]
    return columns(words, shown, sort_by="Calls")


def _unknown() -> models.Panel:
    words = Words(
        "Unknown values",
        "Values from the API that the exporter doesn't know, or that were missing, by field; they are "
        "counted as other or unknown. New ones: the API changed; look for a newer exporter.",
        "No unknown values",
    )
    unknown = f"{once(risen(select('exotel_unknown_values_total')), 'field')} > 0"
    return over(_EACH, graph(words, [Query(unknown, "{{account}} {{field}}")], unit="short"))
