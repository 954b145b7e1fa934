"""Reads the configuration from YAML or from the environment, and tells all that is invalid at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, Strict

from exporter.config.models import AccountConfig, AccountSection, CollectionConfig, Config, MetricsConfig
from exporter.web.config_file import ConfigError, ConfigFile
from exporter.web.sections import Accepts, Rejected, Section, Unusable
from exporter.web.shown import show

ENVIRONMENT_VARIABLES = {
    "account_sid": "EXOTEL_ACCOUNT_SID",
    "api_key": "EXOTEL_API_KEY",
    "api_token": "EXOTEL_API_TOKEN",
    "base_url": "EXOTEL_BASE_URL",
}
_VARIABLE = re.compile(r"\$?\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?")
_ACCOUNTS = Accepts("a list of at least one account", Strict(), Field(min_length=1), hidden=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Top(Section):
    """The keys of the whole file, of which each section is read by itself."""

    accounts: Annotated[list[Any], _ACCOUNTS]
    collection: Any = None
    metrics: Any = None


def from_file(path: Path, environment: Mapping[str, str]) -> Config:
    """Read a YAML file, with `${VAR}` in its texts taken from the environment. Raise ConfigError."""
    file = ConfigFile.read(path, labels=("name", "account_sid"))
    data = _Variables(environment).expand(file.data)
    file.validate(_Top, data)
    top = data if isinstance(data, dict) else {}
    collection = file.validate(CollectionConfig, top.get("collection"), "collection") or CollectionConfig()
    metrics = file.validate(MetricsConfig, top.get("metrics"), "metrics") or MetricsConfig()
    accounts = tuple(_accounts(file, top.get("accounts"), collection))
    file.check()
    return Config(accounts=accounts, collection=collection, metrics=metrics)


def from_environment(environment: Mapping[str, str]) -> Config:
    """Read one account from the environment alone. Raise ConfigError."""
    given = {key: environment.get(variable) or None for key, variable in ENVIRONMENT_VARIABLES.items()}
    file = ConfigFile("environment", Path(), given)
    section = file.validate(AccountSection, given)
    if section is None:
        keys = list(ENVIRONMENT_VARIABLES)
        raise ConfigError(
            replace(
                error,
                path=ENVIRONMENT_VARIABLES[error.path],
                accepted=error.accepted.partition(" (or ")[0],  # another key, which only a file can hold
            )
            for error in sorted(file.errors, key=lambda error: keys.index(error.path))
        )
    return Config(accounts=(section.account(),), collection=CollectionConfig(), metrics=MetricsConfig())


def _accounts(file: ConfigFile, items: Any, collection: CollectionConfig) -> Iterator[AccountConfig]:
    names: dict[str, int] = {}
    for index, item in enumerate(items if isinstance(items, list) else ()):
        section = file.validate(AccountSection, _completed(item, collection), "accounts", index)
        if section is None:
            continue
        account = section.account()
        if (first := names.setdefault(account.name, index)) != index:
            key = "name" if section.name else "account_sid"
            found = f"{show(file.data['accounts'][index][key])}, the name of accounts[{first}] too"
            file.reject(
                ("accounts", index, key), Rejected(found, accepted="a name that no other account has")
            )
        yield account


def _completed(given: Any, base: Section) -> Any:
    """Return a mapping of the file with what it leaves out as in `base`; anything else as it is."""
    if not isinstance(given or {}, dict):
        return given
    completed = {key: value for key, value in (given or {}).items() if value is not None}
    for each in fields(base):  # type: ignore[arg-type]  # as each section is a dataclass
        value = getattr(base, each.name)
        completed[each.name] = (
            _completed(completed.get(each.name), value)
            if isinstance(value, Section)
            else completed.get(each.name, value)
        )
    return completed


@dataclass(frozen=True, slots=True)
class _Variables:
    """Puts the environment's values in place of each `${VAR}`."""

    environment: Mapping[str, str]
    _expanded: dict[int, Any] = field(default_factory=dict)  # what an alias stands for is expanded once

    def expand(self, value: Any) -> Any:
        """Return a value with each of its texts expanded; one that can't be is Unusable."""
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, dict | list):
            return value
        if id(value) not in self._expanded:
            copy = self._expanded[id(value)] = value.copy()  # known from now on, as it may hold itself
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                copy[key] = self.expand(item)
        return self._expanded[id(value)]

    def _text(self, text: str) -> str | Unusable:
        for match in _VARIABLE.finditer(text):
            if match[0].startswith("$$"):
                continue
            if match[1] is None:
                return Unusable("${ without a variable's name and } behind it ($${ stands for ${ itself)")
            if match[1] not in self.environment:
                return Unusable(f"{match[0]}, which is not set in the environment")
        return _VARIABLE.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        return match[0][1:] if match[0].startswith("$$") else self.environment[match[1]]
