"""How the account is answered: its credentials, its region, the time that takes, and the API's clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from exporter.config import AccountConfig
from exporter.doctor.asker import Reply
from exporter.doctor.failures import failure_of, remedy, told
from exporter.doctor.finding import Check, Finding, Verdict
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.rate_limiter import read_date
from exporter.exotel.transport import host_of

KNOWN_HOSTS = (
    "https://api.exotel.com",
    "https://api.in.exotel.com",
    "https://ccm-api.exotel.com",
    "https://ccm-api.in.exotel.com",
)
"""Exotel's own, by region and age: an account is known on some of them."""

_UNKNOWN_ACCOUNT = 1017  # the API's code
_REFUSED = {Reason.AUTH, Reason.FORBIDDEN}
_SLOW = 1.0  # seconds until the first byte
_FAR = 2.0  # seconds between the clocks


def other_hosts(account: AccountConfig) -> tuple[str, ...]:
    """Return where else the account may be known; nowhere unless base_url is one of Exotel's own hosts."""
    base = account.base_url.rstrip("/").lower()
    return tuple(host for host in KNOWN_HOSTS if host != base) if base in KNOWN_HOSTS else ()


def may_be_elsewhere(error: ApiError) -> bool:
    """Return whether the wrong region answers so."""
    return error.effective_status in {401, 404} or error.reason in {Reason.AUTH, Reason.NOT_FOUND}


def judge_answer(account: AccountConfig, error: ApiError | None, answered: str | None) -> list[Finding]:
    """Return the findings on credentials, region and account.

    `error` is why base_url has no list for the account, `answered` the other host that has one.
    """
    known = Finding(Check.ACCOUNT, Verdict.GOOD, "known", "The account is known.")
    if error is None:
        return [
            Finding(Check.CREDENTIALS, Verdict.GOOD, "accepted", "The API key and token are accepted."),
            Finding(
                Check.REGION, Verdict.GOOD, value=True, text=f"{host_of(account.base_url)} has the account."
            ),
            known,
        ]
    if answered:
        text = f"The account is answered at {answered}, not here ({told(error)}): set base_url to that."
        return [
            Finding(Check.CREDENTIALS, Verdict.GOOD, "accepted", f"They are accepted at {answered}."),
            Finding(Check.REGION, Verdict.MUST_CHANGE, answered, text),
            known,
        ]
    if error.reason in _REFUSED:
        text = f"The API key and token are refused: {told(error)}. {remedy(error)}"
        return [Finding(Check.CREDENTIALS, Verdict.MUST_CHANGE, "refused", text)]
    if error.reason is Reason.NOT_FOUND:
        is_unknown = error.code == _UNKNOWN_ACCOUNT
        what = "The API doesn't know the account" if is_unknown else "There is no list of calls here"
        text = f"{what}: {told(error)}. {remedy(error)}"
        return [Finding(Check.ACCOUNT, Verdict.MUST_CHANGE, "unknown" if is_unknown else None, text)]
    return []


def judge_revocation(replies: Iterable[Reply]) -> list[Finding]:
    """Return the finding on credentials that were accepted at first and refused in the end, if they were."""
    of_list = [reply for reply in replies if reply.question.endpoint is Endpoint.CALLS]
    error = failure_of(of_list[-1]) if of_list else None
    if error is None or error.reason not in _REFUSED:
        return []
    answered = sum(failure_of(reply) is None for reply in of_list)
    text = f"They were accepted at first, and then refused: {told(error)}. {remedy(error)}"
    evidence = f"{answered} of {len(of_list)} requests for the list were answered"
    return [Finding(Check.CREDENTIALS, Verdict.MUST_CHANGE, "refused", text, evidence)]


def judge_proxy(account: AccountConfig, error: ApiError | None) -> list[Finding]:
    """Return the findings on what lies between; behind a proxy, names and addresses are its business."""
    if account.collection.proxy_url is None:
        return [Finding(Check.PROXY, Verdict.GOOD, value=False, text="No proxy is set.")]
    proxy = host_of(account.collection.proxy_url.reveal())
    if error and error.reason is Reason.CONNECTION and error.detail.startswith(f"proxy {proxy}"):
        return [Finding(Check.PROXY, Verdict.MUST_CHANGE, proxy, f"{told(error)}. Check proxy_url.")]
    if error and error.status is None:
        text = f"Whether requests pass {proxy} isn't told: {told(error)}."
        return [Finding(Check.PROXY, Verdict.NOT_TOLD, proxy, text)]
    text = f"Asked through {proxy}, which looks up the API's name and chooses its address."
    return [Finding(Check.PROXY, Verdict.GOOD, proxy, text)]


def judge_tls_through_proxy(account: AccountConfig, error: ApiError | None) -> list[Finding]:
    """Return the finding on TLS as an answer shows it, where connections of our own can't."""
    if not account.base_url.startswith("https://"):
        text = "The API key and token pass the proxy in clear text: use https:// in base_url."
        return [Finding(Check.TLS, Verdict.WORKS, "off", text)]
    if error and error.reason is Reason.TLS:
        text = f"{told(error)}. If the proxy intercepts TLS, set tls_config.ca_file to its authority's file."
        return [Finding(Check.TLS, Verdict.MUST_CHANGE, "refused", text)]
    if error and error.status is None:
        return []
    return [Finding(Check.TLS, Verdict.GOOD, "verified", "The certificate is verified, through the proxy.")]


def judge_time(replies: Sequence[Reply], timeout: float) -> list[Finding]:
    """Return the findings on the time that answers take, and on the API's clock."""
    times = sorted(reply.first_byte for reply in replies if reply.first_byte is not None)
    if not times:
        return []
    usual, longest = median(times), times[-1]
    evidence = f"{len(times)} answers, the slowest after {_shown(longest)}"
    is_slow = usual > min(_SLOW, timeout / 4)
    text = f"The median answer begins after {_shown(usual)}" + (
        f": a listing of several pages may not fit into the timeout of {timeout:g} s." if is_slow else "."
    )
    verdict = Verdict.WORKS if is_slow else Verdict.GOOD
    return [
        Finding(Check.FIRST_BYTE, verdict, round(usual, 4), text, evidence),
        *_judge_clock(replies),
    ]


def clock_ahead(replies: Iterable[Reply]) -> float | None:
    """Return the seconds by which the API's clock is ahead of ours; None where no answer tells its time.

    A `Date` is cut to whole seconds, and was written at some time between question and answer: each gives
    bounds, which several make narrow.
    """
    bounds = []
    for reply in replies:
        date = read_date(_headers(reply).get("Date", ""))
        if date is not None and "Age" not in _headers(reply):  # what comes from a cache was written earlier
            asked = reply.received - (reply.answered_at - reply.asked_at)
            bounds.append((date - asked - (reply.first_byte or 0.0), date + 1 - asked))
    if not bounds:
        return None
    least, most = max(low for low, _ in bounds), min(high for _, high in bounds)
    return (least + most) / 2 if least <= most else median((low + high) / 2 for low, high in bounds)


def _judge_clock(replies: Iterable[Reply]) -> list[Finding]:
    ahead = clock_ahead(replies)
    if ahead is None:
        return []
    apart = f"{_shown(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this machine's"
    if abs(ahead) <= _FAR:
        text = f"The clocks agree to within {'a second' if abs(ahead) <= 1 else 'two seconds'}."
        return [Finding(Check.CLOCK, Verdict.GOOD, round(ahead, 2), text)]
    text = (
        f"The API's clock is {apart}. Counts and durations don't depend on it, but timestamps of snapshots "
        "and the end of certificates are judged by this machine's: see that it is synchronised (NTP)."
    )
    return [Finding(Check.CLOCK, Verdict.WORKS, round(ahead, 2), text)]


def _headers(reply: Reply) -> Mapping[str, str]:
    return reply.headers or {}


def _shown(seconds: float) -> str:
    """Return a time as people read it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"
