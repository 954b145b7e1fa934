"""The accounts of the active configuration: the one that was read last without an error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from exporter.collect.account import Account
from exporter.collect.gate import Echo, Gate, Load
from exporter.collect.history import History
from exporter.collect.shared import Shared
from exporter.config import AccountConfig, Config, ConfigError, MetricsConfig
from exporter.exotel.rate_limiter import RateLimiters
from exporter.log import place

_AFTERWARDS = 5.0  # seconds, beyond its timeout, in which whoever still waits for a collection gets it

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand at one moment."""

    is_reloaded: bool
    """Whether the configuration was good when it was last read."""
    reloaded_at: float
    """When a good one was last read, in seconds since 1970."""
    load: Load


@dataclass(frozen=True, slots=True)
class _Retired:
    """An account that is no longer configured, and when nobody can be waiting for it any more."""

    account: Account
    close_at: float


class Accounts:
    """Reads the configuration, and holds the accounts that it names; iterates over them in its order.

    A reload replaces them all at once: whoever iterates has those of before or those of after. One thread
    alone reloads, and closes those that were retired.
    """

    def __init__(
        self,
        read: Callable[[], Config],
        histories: Mapping[str, History] = MappingProxyType({}),
        *,
        keep_live_calls: bool = False,
    ) -> None:
        """Read the configuration for the first time; raise ConfigError.

        `histories` are what accounts begin with, by their names; none for those that begin with nothing.
        """
        self._read = read
        self._histories = histories
        self._keep_live_calls = keep_live_calls
        self._by_name: dict[str, Account] = {}
        self._retired: tuple[_Retired, ...] = ()
        self._rate_limiters = RateLimiters()
        self._gate = Gate()
        self._is_reloaded, self._reloaded_at = False, 0.0
        self._take_over(read())

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._by_name.values()))

    def named(self, name: str) -> Account | None:
        """Return the account of this name, if there is one."""
        return self._by_name.get(name)

    @property
    def status(self) -> Status:
        """Return how the last reload went, and what is under way."""
        return Status(self._is_reloaded, self._reloaded_at, self._gate.load)

    def listen(self, echo: Echo) -> None:
        """Let collections wait while `echo` shows that answers are late."""
        self._gate.listen(echo)

    def reload(self) -> None:
        """Read the configuration again and make it the active one.

        Accounts that it leaves as they were keep all that they know. Raise ConfigError when it has invalid
        values; whatever is raised, everything is left as it was.
        """
        try:
            self._take_over(self._read())
        except Exception as error:
            self._is_reloaded = False
            for invalid in error.errors if isinstance(error, ConfigError) else ():
                _log.error("configuration refused", detail=invalid)
            raise
        _log.info("configuration loaded", accounts=len(self._by_name))

    def close_retired(self) -> float | None:
        """Close retired accounts, when no scrape that began with them can still be waiting for one.

        Returns the seconds until there is another one to be closed; None when there is none.
        """
        now = time.monotonic()
        due = [old.account for old in self._retired if old.close_at <= now]
        self._retired = tuple(old for old in self._retired if old.close_at > now)
        for account in due:
            try:
                account.close()
            except Exception as error:  # noqa: BLE001  # it is no reason to keep the others
                _log.error("account not closed", account=account.name, detail=place(error))
        return min((old.close_at - now for old in self._retired), default=None)

    def cancel(self) -> None:
        """End all collections in flight, and any that follow, at once."""
        for account in (*self, *(old.account for old in self._retired)):
            account.cancel()

    def _take_over(self, config: Config) -> None:
        before, now = self._by_name, time.monotonic()
        after = {
            account.name: self._succeed(before.get(account.name), account, config.metrics)
            for account in config.accounts
        }
        self._retired += tuple(
            _Retired(account, now + account.config.collection.timeout + _AFTERWARDS)
            for name, account in before.items()
            if after.get(name) is not account
        )
        self._by_name = after
        self._rate_limiters.settle(config.accounts)
        self._is_reloaded, self._reloaded_at = True, time.time()

    def _succeed(self, before: Account | None, config: AccountConfig, metrics: MetricsConfig) -> Account:
        if before is not None and (before.config, before.metrics) == (config, metrics):
            return before
        outages = before.outages if before else None
        history = before.history if before else self._histories.get(config.name)
        rate_limiter = self._rate_limiters.of(config)
        shared = Shared(self._gate, rate_limiter, outages, history, self._keep_live_calls)
        return Account(config, metrics, shared)
