"""What to do about a failed collection, by reason or cause: docs/runbooks.md in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.api.errors import ApiError, Cause, Reason

DOCS = "https://github.com/exotel-exporter/exotel-exporter/blob/main/docs"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do in one plain sentence, and the alert whose runbook says more."""

    sentence: str
    alert: str = "ExotelCollectionFailing"

    @property
    def runbook(self) -> str:
        """Give the URL of the runbook."""
        return f"{DOCS}/runbooks.md#{self.alert.lower()}"


ADVICE: Mapping[Reason | Cause, Advice] = {
    Reason.AUTH: Advice(
        "Compare api_key and api_token with the API settings in Exotel's dashboard, and base_url with the "
        "account's region.",
        "ExotelCredentialsRefused",
    ),
    Reason.FORBIDDEN: Advice(
        "See in Exotel's dashboard whether the account is suspended, then compare api_key and api_token with "
        "its API settings.",
        "ExotelCredentialsRefused",
    ),
    Reason.NOT_FOUND: Advice(
        "Correct account_sid, or ask Exotel whether this API is enabled for the account."
    ),
    Reason.RATE_LIMITED: Advice(
        "Find what else asks the API with this account, or lower requests_per_minute.", "ExotelRateLimited"
    ),
    Reason.BUDGET: Advice(
        "Raise page_size, or raise requests_per_minute once Exotel has raised the account's limit."
    ),
    Reason.SERVER_ERROR: Advice(
        "See Exotel's status page, and open a ticket with Exotel if this lasts for more than 15 minutes."
    ),
    Reason.TIMEOUT: Advice(
        "Try curl -v on base_url from the exporter's machine: DNS, proxy or firewall may hold it up."
    ),
    Reason.CONNECTION: Advice(
        "Try curl -v on base_url from the exporter's machine: DNS, proxy or firewall may be in the way."
    ),
    Reason.TLS: Advice(
        "Try curl -v on base_url from the exporter's machine, and compare the certificate it shows with "
        "tls_config.ca_file."
    ),
    Reason.REDIRECT: Advice(
        "Try curl -v on base_url from the exporter's machine: a proxy may answer in place of the API."
    ),
    Reason.BAD_RESPONSE: Advice(
        "See Exotel's status page, and open a ticket with Exotel if this lasts for more than 15 minutes."
    ),
    Reason.INCOMPLETE: Advice(
        "If it happens again and again, raise page_size, concurrency or timeout, or open a ticket.",
        "ExotelCollectionIncomplete",
    ),
    Cause.MOVING: Advice(
        "If it happens again and again, raise page_size, concurrency or timeout: the list moves faster than "
        "it is read.",
        "ExotelCollectionIncomplete",
    ),
    Cause.TIME: Advice(
        "Raise timeout, or page_size and concurrency: the time was over before the listing was proven whole.",
        "ExotelCollectionIncomplete",
    ),
    Cause.ORDER: Advice(
        "Raise page_size, or requests_per_minute where the list is to be read twice; else open a ticket with "
        "Exotel: calls change places in its list, so that its pages can't be joined.",
        "ExotelCollectionIncomplete",
    ),
    Cause.PAGES: Advice(
        "Try another page_size, and open a ticket with Exotel: pages don't join, though the list is still.",
        "ExotelCollectionIncomplete",
    ),
    Cause.TOTAL: Advice(
        "Compare with the live calls in Exotel's dashboard, and open a ticket: more is reported than listed.",
        "ExotelCollectionIncomplete",
    ),
    Cause.WINDOW: Advice(
        "Ask Exotel whether the API lists all calls: it serves none behind some place in the list.",
        "ExotelCollectionIncomplete",
    ),
    Reason.SECRET: Advice(
        "See that the file in the error (api_key_file, api_token_file, ca_file) is there, not empty, and "
        "readable to the exporter."
    ),
    Reason.RESOURCES: Advice(
        "Raise what the error names of the exporter's process: memory, threads or open files; other programs "
        "may use it up."
    ),
    Reason.INTERNAL: Advice("Keep the exporter's log and report it: this is a fault of the exporter."),
}


def advice_on(error: ApiError) -> Advice:
    """Return what to do about an error: by its cause where it has one, else by its reason."""
    return ADVICE[error.cause or error.reason]
