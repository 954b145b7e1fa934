"""The accounts in force: those of the configuration that was read last, without mistakes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock, Timer

from exporter.api.budget import Budgets
from exporter.config import AccountConfig, BadConfig, Config, MetricsConfig
from exporter.logs import facts
from exporter.memory import give_memory_back
from exporter.observe.account import Account

_AFTERWARDS = (
    5.0  # seconds, beyond its timeout, in which whoever still waits for an account's collection gets it
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand at one moment."""

    is_reloaded: bool
    """Whether the configuration was good when it was last read."""
    reloaded_at: float
    """When a good one was last read, in seconds since 1970."""
    in_flight: int
    """Collections under way."""


class Accounts:
    """Reads the configuration, and has the accounts that it names; iterates over them in its order.

    A reload replaces them all at once: whoever iterates has those of before or those of after.
    """

    def __init__(self, read: Callable[[], Config]) -> None:
        """Read the configuration for the first time; raise BadConfig."""
        self._read = read
        self._reading = Lock()
        self._by_name: dict[str, Account] = {}
        self._budgets = Budgets()
        self._leaving: Sequence[Account] = ()
        self._is_reloaded, self._reloaded_at = False, 0.0
        self._take_over(read())

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._by_name.values()))

    def named(self, name: str) -> Account | None:
        """Give the account of this name, if there is one."""
        return self._by_name.get(name)

    @property
    def standing(self) -> Standing:
        """Give how the last reload went, and what is under way."""
        in_flight = sum(account.is_collecting for account in self)
        return Standing(self._is_reloaded, self._reloaded_at, in_flight)

    def reload(self) -> None:
        """Read the configuration again and put it into force.

        Accounts that it leaves as they were keep all that they know. Raises BadConfig, and leaves everything
        as it was, when it has mistakes.
        """
        with self._reading:
            try:
                config = self._read()
            except BadConfig as error:
                self._is_reloaded = False
                for mistake in error.mistakes:
                    _log.error("configuration refused", extra=facts(mistake=mistake))
                raise
            self._take_over(config)
        _log.info("configuration loaded", extra=facts(accounts=len(config.accounts)))

    def hurry(self) -> None:
        """End all collections in flight now."""
        for account in (*self, *self._leaving):
            account.hurry()

    def _take_over(self, config: Config) -> None:
        before = self._by_name
        self._budgets.configure(config.accounts)
        self._by_name = {
            account.name: self._succeed(before.get(account.name), account, config.metrics)
            for account in config.accounts
        }
        self._part_with([account for name, account in before.items() if self.named(name) is not account])
        self._is_reloaded, self._reloaded_at = True, time.time()

    def _part_with(self, leaving: list[Account]) -> None:
        """Close accounts when no scrape that began with them can still be waiting for one."""
        if not leaving:
            return
        self._leaving = (*self._leaving, *leaving)

        def close() -> None:
            self._leaving = [account for account in self._leaving if account not in leaving]
            for account in leaving:
                account.close()
            leaving.clear()
            give_memory_back()

        longest = max(account.config.collection.timeout for account in leaving)
        timer = Timer(longest + _AFTERWARDS, close)
        timer.daemon = True
        timer.start()

    def _succeed(self, before: Account | None, config: AccountConfig, metrics: MetricsConfig) -> Account:
        if before is not None and (before.config, before.metrics) == (config, metrics):
            return before
        return Account(config, metrics, self._budgets.of(config))
