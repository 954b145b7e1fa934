"""What of a configuration a capture holds: what decides what is asked, and nothing that tells whose it is."""

from __future__ import annotations

from typing import Any

from exporter.capture.pseudonyms import Pseudonyms
from exporter.config import AccountConfig, MetricsConfig, redacted

_COLLECTION = (
    *("timeout", "min_interval", "page_size", "concurrency", "requests_per_minute"),
    *("estimate", "agent_streams", "streams", "call_slots"),
)
"""The keys of `collection` that are kept: the others hold hosts, files and credentials."""


def account_sid(config: AccountConfig, pseudonyms: Pseudonyms) -> str:
    """Return what stands for the account's SID in the paths of the capture."""
    return pseudonyms.target(f"/v3/accounts/{config.account_sid}/calls/active").split("/")[3]


def settings(config: AccountConfig, metrics: MetricsConfig, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Return what makes an exporter ask the same again, in the form of a configuration file.

    Lines have numbers that the answers have, and names without a meaning.
    """
    account: dict[str, Any] = {}
    if config.call_limit is not None:
        account["call_limit"] = config.call_limit
    if config.lines:
        account["lines"] = {
            f"line-{place}": [pseudonyms.text(number, "from") for number in line.numbers]
            for place, line in enumerate(config.lines, 1)
        }
    collection = redacted(config.collection)
    return {
        "account": account,
        "collection": {key: collection[key] for key in _COLLECTION},
        "metrics": redacted(metrics),
    }
