"""The accounts in force: those of the configuration that was read last, without mistakes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporter.api.budget import Budgets
from exporter.api.errors import unexpected
from exporter.config import AccountConfig, BadConfig, Config, MetricsConfig
from exporter.logs import facts, place
from exporter.memory import give_memory_back
from exporter.observe.account import Account
from exporter.observe.observation import Observation

# Seconds, beyond its timeout, in which whoever still waits for an account's collection gets it.
_AFTERWARDS = 5.0

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


@dataclass(frozen=True, slots=True)
class _Departed:
    """An account that is in force no more, and when nobody can be waiting for it any more."""

    account: Account
    close_at: float


class Accounts:
    """Reads the configuration, and has the accounts that it names; iterates over them in its order.

    A reload replaces them all at once: whoever iterates has those of before or those of after. One thread
    alone reloads, and closes those that departed.
    """

    def __init__(self, read: Callable[[], Config]) -> None:
        """Read the configuration for the first time; raise BadConfig."""
        self._read = read
        self._by_name: dict[str, Account] = {}
        self._departed: tuple[_Departed, ...] = ()
        self._budgets = Budgets()
        self._is_reloaded, self._reloaded_at = False, 0.0
        self._take_over(read())

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._by_name.values()))

    def named(self, name: str) -> Account | None:
        """Give the account of this name, if there is one."""
        return self._by_name.get(name)

    def withdraw(self, name: str, observation: Observation, error: Exception) -> Observation:
        """Have an account take back what can't be told of it, and why; give what can be told instead."""
        if (account := self.named(name)) is None:  # a reload came between
            return observation.withdrawn(unexpected(error))
        return account.withdraw(observation, error)

    @property
    def standing(self) -> Standing:
        """Give how the last reload went, and what is under way."""
        in_flight = sum(account.is_collecting for account in self)
        return Standing(self._is_reloaded, self._reloaded_at, in_flight)

    def reload(self) -> None:
        """Read the configuration again and put it into force.

        Accounts that it leaves as they were keep all that they know. Raises BadConfig when it has mistakes;
        whatever is raised, everything is left as it was.
        """
        try:
            self._take_over(self._read())
        except Exception as error:
            self._is_reloaded = False
            for mistake in error.mistakes if isinstance(error, BadConfig) else ():
                _log.error("configuration refused", extra=facts(mistake=mistake))
            raise
        _log.info("configuration loaded", extra=facts(accounts=len(self._by_name)))

    def close_departed(self) -> float | None:
        """Close accounts that left, when no scrape that began with them can still be waiting for one.

        Returns the seconds until there is another one to be closed; None when there is none.
        """
        now = time.monotonic()
        due = [left.account for left in self._departed if left.close_at <= now]
        self._departed = tuple(left for left in self._departed if left.close_at > now)
        for account in due:
            try:
                account.close()
            except Exception as error:  # noqa: BLE001  # it is no reason to keep the others
                _log.error("account not closed", extra=facts(account=account.name, detail=place(error)))
        if due:
            give_memory_back()
        return min((left.close_at - now for left in self._departed), default=None)

    def hurry(self) -> None:
        """End all collections in flight now."""
        for account in (*self, *(left.account for left in self._departed)):
            account.hurry()

    def _take_over(self, config: Config) -> None:
        before, now = self._by_name, time.monotonic()
        after = {
            account.name: self._succeed(before.get(account.name), account, config.metrics)
            for account in config.accounts
        }
        self._departed += tuple(
            _Departed(account, now + account.config.collection.timeout + _AFTERWARDS)
            for name, account in before.items()
            if after.get(name) is not account
        )
        self._by_name = after
        self._budgets.settle(config.accounts)
        self._is_reloaded, self._reloaded_at = True, time.time()

    def _succeed(self, before: Account | None, config: AccountConfig, metrics: MetricsConfig) -> Account:
        if before is not None and (before.config, before.metrics) == (config, metrics):
            return before
        return Account(config, metrics, self._budgets.of(config), before.outages if before else None)
