"""What to do about each reason and cause: said here once, for the log, the landing page and the runbooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.exotel.errors import Cause, Failure, Reason


@dataclass(frozen=True, slots=True)
class Remediation:
    """What to do in one plain sentence, what the runbook adds (Markdown), and the alert it belongs to."""

    sentence: str
    more: str = ""
    alert: str = "ExotelCollectionFailing"

    @property
    def anchor(self) -> str:
        """Return where the runbook begins on the page of the runbooks."""
        return self.alert.lower()


def _credentials(sentence: str) -> Remediation:
    return Remediation(sentence, alert="ExotelCredentialsRefused")


def _incomplete(sentence: str, more: str = "") -> Remediation:
    return Remediation(sentence, more, "ExotelCollectionIncomplete")


REMEDIATIONS: Mapping[Reason | Cause, Remediation] = {
    Reason.AUTH: _credentials(
        "Compare api_key and api_token with the API settings in Exotel's dashboard, and base_url with the "
        "account's region."
    ),
    Reason.FORBIDDEN: _credentials(
        "Check in Exotel's dashboard whether the account is suspended, then compare api_key and api_token "
        "with its API settings."
    ),
    Reason.NOT_FOUND: Remediation(
        "Correct account_sid, or ask Exotel whether this API is enabled for the account."
    ),
    Reason.RATE_LIMITED: Remediation(
        "Find out what else uses the API with this account, or lower requests_per_minute.",
        alert="ExotelRateLimited",
    ),
    Reason.BUDGET: Remediation(
        "Raise page_size or the scrape interval, or raise requests_per_minute once Exotel has raised the "
        "account's limit.",
        "The list takes more requests than a minute allows; until then `estimate: true` shows about how many "
        "calls there are.",
    ),
    Reason.SERVER_ERROR: Remediation(
        "Check Exotel's status page, and open a ticket with Exotel if this lasts for more than 15 minutes."
    ),
    Reason.TIMEOUT: Remediation(
        "Run curl -v on base_url from the exporter's machine: DNS, a proxy or a firewall may be slow."
    ),
    Reason.CONNECTION: Remediation(
        "Run curl -v on base_url from the exporter's machine: DNS, a proxy or a firewall may be in the way."
    ),
    Reason.TLS: Remediation(
        "Run curl -v on base_url from the exporter's machine, and compare the certificate it shows with "
        "tls_config.ca_file."
    ),
    Reason.REDIRECT: Remediation(
        "Run curl -v on base_url from the exporter's machine: redirects aren't followed, and base_url may "
        "not be the API itself, or a proxy may be answering in its place."
    ),
    Reason.BAD_RESPONSE: Remediation(
        "Check Exotel's status page, and open a ticket with Exotel if this lasts for more than 15 minutes."
    ),
    Reason.INCOMPLETE: _incomplete(
        "If it keeps happening, raise page_size, concurrency or timeout, or open a ticket with Exotel."
    ),
    Cause.MOVING: _incomplete(
        "If it keeps happening, raise page_size, concurrency or timeout: the list moves faster than it is "
        "read."
    ),
    Cause.TIME: _incomplete(
        "Raise timeout, or page_size and concurrency: time ran out before the listing was proven complete.",
        "Prometheus's `scrape_timeout` has to allow the longer `timeout`.",
    ),
    Cause.ORDER: _incomplete(
        "Raise page_size, or requests_per_minute so that the list can be read twice, or open a ticket with "
        "Exotel: calls change places in its list, so that its pages can't be joined.",
        "Where each answer has an order of its own, or calls move faster than two readings take, or those of "
        "one moment fill whole pages, nothing can be proven: ask for a list in the order of `start_time`.",
    ),
    Cause.PAGES: _incomplete(
        "Try another page_size, and open a ticket with Exotel: pages don't join although the list stands "
        "still.",
        "It stands still as far as the totals tell: every page had the same.",
    ),
    Cause.TOTAL: _incomplete(
        "Compare with the live calls in Exotel's dashboard, and open a ticket: more are reported than listed."
    ),
    Cause.WINDOW: _incomplete(
        "Ask Exotel whether the API lists all calls: it serves none beyond some position in the list.",
        "It refuses rows there, or its list ends at exactly 1,000, 5,000 or 10,000 calls, as windows do. An "
        "account that really has so many is complete again with the next call that comes or goes. "
        "`exotel_calls_reported` still says how many calls there are. No setting of the exporter reaches the "
        "rest.",
    ),
    Reason.SECRET: Remediation(
        "Make sure that the file named in the error (api_key_file, api_token_file, ca_file) exists, isn't "
        "empty, and can be read by the exporter.",
        "The next scrape reads it. Exotel wasn't asked.",
    ),
    Reason.RESOURCES: Remediation(
        "Raise the limit that the error names: the exporter's process ran out of memory, threads, open files "
        "or processor time.",
        "That is `LimitNOFILE`, `TasksMax`, or the container's memory or CPU, unless another program uses it "
        "up. Collections resume by themselves.",
    ),
    Reason.INTERNAL: Remediation("Keep the exporter's log and report it: this is a bug in the exporter."),
}


def remediation_of(failure: Failure) -> Remediation:
    """Return what to do about a failure: by its cause where it has one, else by its reason."""
    return REMEDIATIONS[failure.cause or failure.reason]
