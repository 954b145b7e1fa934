"""The configuration in force, as whoever may see the page may see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from exporter.collect.account import Account
from exporter.config import masked


def configuration(accounts: Sequence[Account]) -> str:
    """Write what is in force as a file could hold it, each account with all that holds for it."""
    sections: dict[str, Any] = {"accounts": [_account(account) for account in accounts]}
    if accounts:
        sections["metrics"] = masked(accounts[0].metrics)
    return yaml.safe_dump(sections, sort_keys=False, allow_unicode=True, default_flow_style=None)


def _account(account: Account) -> dict[str, Any]:
    shown = masked(account.config)
    collection = shown.pop("collection")
    return {**shown, "lines": shown["lines"] or None, **collection}
