"""What to do about a failed collection, by reason or cause: docs/runbooks.md in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.exotel.errors import ApiError, Cause, Reason

DOCS = "https://github.com/exotel-exporter/exotel-exporter/blob/main/docs"


@dataclass(frozen=True, slots=True)
class Remediation:
    """What to do in one plain sentence, and the alert whose runbook says more."""

    sentence: str
    alert: str = "ExotelCollectionFailing"

    @property
    def runbook(self) -> str:
        """Give the URL of the runbook."""
        return f"{DOCS}/runbooks.md#{self.alert.lower()}"


REMEDIATIONS: Mapping[Reason | Cause, Remediation] = {
    Reason.AUTH: Remediation(
        "Compare api_key and api_token with the API settings in Exotel's dashboard, and base_url with the "
        "account's region.",
        "ExotelCredentialsRefused",
    ),
    Reason.FORBIDDEN: Remediation(
        "See in Exotel's dashboard whether the account is suspended, then compare api_key and api_token with "
        "its API settings.",
        "ExotelCredentialsRefused",
    ),
    Reason.NOT_FOUND: Remediation(
        "Correct account_sid, or ask Exotel whether this API is enabled for the account."
    ),
    Reason.RATE_LIMITED: Remediation(
        "Find what else asks the API with this account, or lower requests_per_minute.", "ExotelRateLimited"
    ),
    Reason.BUDGET: Remediation(
        "Raise page_size, or raise requests_per_minute once Exotel has raised the account's limit."
    ),
    Reason.SERVER_ERROR: Remediation(
        "See Exotel's status page, and open a ticket with Exotel if this lasts for more than 15 minutes."
    ),
    Reason.TIMEOUT: Remediation(
        "Try curl -v on base_url from the exporter's machine: DNS, proxy or firewall may hold it up."
    ),
    Reason.CONNECTION: Remediation(
        "Try curl -v on base_url from the exporter's machine: DNS, proxy or firewall may be in the way."
    ),
    Reason.TLS: Remediation(
        "Try curl -v on base_url from the exporter's machine, and compare the certificate it shows with "
        "tls_config.ca_file."
    ),
    Reason.REDIRECT: Remediation(
        "Try curl -v on base_url from the exporter's machine: a proxy may answer in place of the API."
    ),
    Reason.BAD_RESPONSE: Remediation(
        "See Exotel's status page, and open a ticket with Exotel if this lasts for more than 15 minutes."
    ),
    Reason.INCOMPLETE: Remediation(
        "If it happens again and again, raise page_size, concurrency or timeout, or open a ticket.",
        "ExotelCollectionIncomplete",
    ),
    Cause.MOVING: Remediation(
        "If it happens again and again, raise page_size, concurrency or timeout: the list moves faster than "
        "it is read.",
        "ExotelCollectionIncomplete",
    ),
    Cause.TIME: Remediation(
        "Raise timeout, or page_size and concurrency: the time was over before the listing was proven whole.",
        "ExotelCollectionIncomplete",
    ),
    Cause.ORDER: Remediation(
        "Raise page_size, or requests_per_minute where the list is to be read twice; else open a ticket with "
        "Exotel: calls change places in its list, so that its pages can't be joined.",
        "ExotelCollectionIncomplete",
    ),
    Cause.PAGES: Remediation(
        "Try another page_size, and open a ticket with Exotel: pages don't join, though the list is still.",
        "ExotelCollectionIncomplete",
    ),
    Cause.TOTAL: Remediation(
        "Compare with the live calls in Exotel's dashboard, and open a ticket: more is reported than listed.",
        "ExotelCollectionIncomplete",
    ),
    Cause.WINDOW: Remediation(
        "Ask Exotel whether the API lists all calls: it serves none behind some place in the list.",
        "ExotelCollectionIncomplete",
    ),
    Reason.SECRET: Remediation(
        "See that the file in the error (api_key_file, api_token_file, ca_file) is there, not empty, and "
        "readable to the exporter."
    ),
    Reason.RESOURCES: Remediation(
        "Raise what the error names of the exporter's process: memory, threads or open files; other programs "
        "may use it up."
    ),
    Reason.INTERNAL: Remediation("Keep the exporter's log and report it: this is a fault of the exporter."),
}


def remediation_of(error: ApiError) -> Remediation:
    """Return what to do about an error: by its cause where it has one, else by its reason."""
    return REMEDIATIONS[error.cause or error.reason]
