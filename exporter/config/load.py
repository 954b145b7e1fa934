"""Reads the configuration from YAML or from the environment, and tells all that is invalid at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, Strict

from exporter.config.as_written import AsWritten
from exporter.config.models import AccountConfig, AccountSection, CollectionConfig, Config, MetricsConfig
from exporter.web.config_file import ConfigError, ConfigFile, InvalidValue, Rejected, Unusable, show
from exporter.web.sections import Accepts, Section

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
    data = _expanded(file.data, environment, {})
    file.validate(_Top, data)
    top = data if isinstance(data, dict) else {}
    collection = file.validate(CollectionConfig, top.get("collection"), "collection") or CollectionConfig()
    metrics = file.validate(MetricsConfig, top.get("metrics"), "metrics") or MetricsConfig()
    accounts = tuple(_accounts(file, top.get("accounts"), collection))
    file.check()
    as_written = {
        account.name: AsWritten(item, file.data.get("collection"))
        for account, item in zip(accounts, file.data["accounts"], strict=True)
    }
    return Config(accounts=accounts, collection=collection, metrics=metrics, as_written=as_written)


def from_environment(environment: Mapping[str, str]) -> Config:
    """Read one account from the environment alone. Raise ConfigError."""
    given = {key: environment.get(variable) or None for key, variable in ENVIRONMENT_VARIABLES.items()}
    if not any(given.values()):
        found = f"none of {', '.join(ENVIRONMENT_VARIABLES.values())}"
        accepted = "all of them for one account, or --config.file=PATH (exotel-exporter --demo needs neither)"
        raise ConfigError([InvalidValue("environment", None, "", found, accepted)])
    file = ConfigFile(Path("environment"), given)
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
            found = f"{show(file.data['accounts'][index][key])}, also the name of accounts[{first}]"
            file.reject(
                ("accounts", index, key), Rejected(found, accepted="a name that no other account has")
            )
        yield account


def _completed(given: Any, base: Section) -> Any:
    """Return a mapping of the file with what it leaves out as in `base`; anything else as it is."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        return given
    completed = {each.name: getattr(base, each.name) for each in fields(base)}  # type: ignore[arg-type]
    for key, value in given.items():
        if value is not None or key not in completed:  # a key that is unknown has no default
            inner = completed.get(key)
            completed[key] = _completed(value, inner) if isinstance(inner, Section) else value
    return completed


def _expanded(value: Any, environment: Mapping[str, str], known: dict[int, Any]) -> Any:
    """Return a value with the environment's in place of each `${VAR}`; a text that can't be is Unusable.

    `known` are lists and mappings that have been expanded already: an alias may stand for one of them.
    """
    if isinstance(value, str):
        return _expanded_text(value, environment)
    if isinstance(value, dict | list) and id(value) not in known:
        copy = known[id(value)] = value.copy()  # known from now on, as it may hold itself
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            copy[key] = _expanded(item, environment, known)
    return known.get(id(value), value)


def _expanded_text(text: str, environment: Mapping[str, str]) -> str | Unusable:
    variables = [match for match in _VARIABLE.finditer(text) if not match[0].startswith("$$")]
    if not all(match[1] for match in variables):
        return Unusable("${ without a variable's name and } behind it ($${ stands for ${ itself)")
    if unset := next((match[0] for match in variables if match[1] not in environment), None):
        return Unusable(f"{unset}, which is not set in the environment")
    return _VARIABLE.sub(
        lambda match: match[0][1:] if match[0].startswith("$$") else environment[match[1]], text
    )
