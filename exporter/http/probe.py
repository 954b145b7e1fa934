"""One account alone: which one a request means, and what people see who debug it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.collect.snapshot import Snapshot
from exporter.config import redacted
from exporter.metrics.exposition import expose

_LONGEST = 60  # characters of a target that are shown

_DEBUG = """\
Log of the probe:
{log}

Metrics that the probe would have returned:
{metrics}

Configuration of the account:
{account}
Configuration of the metrics:
{options}"""


class UnknownTarget(Exception):
    """What is to be probed is not one configured account."""

    def __init__(self, found: Sequence[str]) -> None:
        shown = " and ".join(ascii(name[:_LONGEST]) + "…" * (len(name) > _LONGEST) for name in found[:2])
        super().__init__(f"target: found {shown or 'nothing'}; accepted: the name of one account, as in /sd")


def find(accounts: Accounts, targets: Sequence[str]) -> Account:
    """Return the account that the request's targets name; raise UnknownTarget."""
    account = accounts.named(targets[0]) if len(targets) == 1 else None
    if account is None:
        raise UnknownTarget(targets)
    return account


def explain(account: Account, snapshot: Snapshot, log: Sequence[str]) -> str:
    """Return a probe for people: its log, its metrics, and the configuration without its secrets."""
    metrics, _ = expose({account: snapshot}, accept="text/plain")
    return _DEBUG.format(
        log="\n".join(log),
        metrics=metrics.decode(),
        account=_yaml(redacted(account.config)),
        options=_yaml(redacted(account.metrics)),
    )


def configuration(accounts: Sequence[Account]) -> str:
    """Return the active configuration without its secrets, each account with all that holds for it."""
    sections: dict[str, Any] = {"accounts": [_effective(account) for account in accounts]}
    if accounts:
        sections["metrics"] = redacted(accounts[0].metrics)
    return _yaml(sections)


def _effective(account: Account) -> dict[str, Any]:
    shown = redacted(account.config)
    collection = shown.pop("collection")
    return {**shown, "lines": shown["lines"] or None, **collection}


def _yaml(section: dict[str, Any]) -> str:
    return yaml.safe_dump(section, sort_keys=False, allow_unicode=True, default_flow_style=None)
