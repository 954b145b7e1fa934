"""Reads the configuration from YAML or from the environment, and tells all of its mistakes at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from exporter.config.parsing import Source
from exporter.config.reading import BadConfig, Reader
from exporter.config.schema import AccountConfig, CollectionConfig, Config, MetricsConfig
from exporter.config.sections import keys
from exporter.config.shown import kind, show
from exporter.config.urls import in_clear, is_clear

ENVIRONMENT_VARIABLES = {
    "account_sid": "EXOTEL_ACCOUNT_SID",
    "api_key": "EXOTEL_API_KEY",
    "api_token": "EXOTEL_API_TOKEN",
    "base_url": "EXOTEL_BASE_URL",
}


def from_file(path: Path, environment: Mapping[str, str]) -> Config:
    """Read a YAML file, with `${VAR}` in its texts taken from the environment.

    Raises BadConfig.
    """
    reader = _Reader(str(path), Source(path.parent, environment))
    config = reader.config(reader.load(path))
    if config is None or reader.mistakes:
        raise BadConfig(reader.mistakes)
    return config


def from_environment(environment: Mapping[str, str]) -> Config:
    """Read one account from EXOTEL_ACCOUNT_SID, EXOTEL_API_KEY, EXOTEL_API_TOKEN and EXOTEL_BASE_URL.

    Raises BadConfig.
    """
    reader = _Reader("environment", Source(Path(), None))
    given = {key: environment.get(variable) or None for key, variable in ENVIRONMENT_VARIABLES.items()}
    account = reader.account(given, {}, "", CollectionConfig())
    if account is None:
        raise BadConfig(
            replace(
                mistake,
                path=ENVIRONMENT_VARIABLES[mistake.path],
                accepted=mistake.accepted.partition(" (or ")[0],  # another key, which only a file can hold
            )
            for mistake in reader.mistakes
        )
    return Config(accounts=(account,), collection=CollectionConfig(), metrics=MetricsConfig())


class _Reader(Reader):
    def config(self, data: Any) -> Config | None:
        top = self.mapping(data, "", [field.name for field in fields(Config)])
        if top is None:
            return None
        collection = self.section(CollectionConfig, top.get("collection"), "collection")
        metrics = self.section(MetricsConfig, top.get("metrics"), "metrics")
        accounts = self._accounts(top.get("accounts"), collection or CollectionConfig())
        if collection is None or metrics is None:
            return None
        return Config(accounts=accounts, collection=collection, metrics=metrics)

    def _accounts(self, data: Any, collection: CollectionConfig) -> tuple[AccountConfig, ...]:
        if not isinstance(data, list) or not data:
            found = "an empty list" if data == [] else kind(data)
            self.mistake("accounts", found, "a list of at least one account")
            return ()
        accounts = []
        names: dict[str, int] = {}
        for index, item in enumerate(data):
            account = self._account(item, f"accounts[{index}]", collection)
            if account is None:
                continue
            accounts.append(account)
            if (first := names.setdefault(account.name, index)) != index:
                written = show(item.get("name") or item.get("account_sid"))
                found = f"{written}, the name of accounts[{first}] too"
                self.mistake(f"accounts[{index}].name", found, "a name that no other account has")
        return tuple(accounts)

    def _account(self, data: Any, path: str, collection: CollectionConfig) -> AccountConfig | None:
        """Read an account, beside whose own keys those of `collection` may stand."""
        shared = keys(CollectionConfig)
        own = [key for key in keys(AccountConfig) if key != "collection"]
        given = self.mapping(data, path, [*own, *shared])
        if given is None:
            return None
        overrides = {key: given.get(key) for key in shared}
        return self.account({key: given.get(key) for key in own}, overrides, path, collection)

    def account(
        self,
        given: Mapping[str, Any],
        overrides: Mapping[str, Any],
        path: str,
        collection: CollectionConfig,
    ) -> AccountConfig | None:
        """Read an account's own keys, and what it overrides of `collection`."""
        before = len(self.mistakes)
        values = self.values(AccountConfig, given, path)
        shared = self.values(CollectionConfig, overrides, path, collection)
        match values, shared:
            case {"base_url": url}, {"allow_http": False, "proxy_url": proxy} if is_clear(url, proxy):
                self.conflict(in_clear("base_url", url), AccountConfig, given, path)
        if len(self.mistakes) > before:
            return None
        account = AccountConfig(**values | {"collection": CollectionConfig(**shared)})
        return replace(account, name=account.name or account.account_sid)
