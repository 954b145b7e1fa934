"""Reads the configuration from YAML or from the environment, and tells all of its mistakes at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from exporter.config.parsing import Parser, SeveralUnacceptable, Source, Unacceptable
from exporter.config.schema import AccountConfig, CollectionConfig, Config, MetricsConfig
from exporter.config.sections import Setting, keys, settings, subsections
from exporter.config.shown import kind, show, show_key
from exporter.config.yamlfile import NotYaml, load

_S = TypeVar("_S")
_ENVIRONMENT_VARIABLES = {
    "account_sid": "EXOTEL_ACCOUNT_SID",
    "api_key": "EXOTEL_API_KEY",
    "api_token": "EXOTEL_API_TOKEN",
    "base_url": "EXOTEL_BASE_URL",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: the file, the path of the key, what was found and what is accepted."""

    file: str
    path: str
    found: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: found {self.found}; accepted: {self.accepted}"


class BadConfig(Exception):
    """The configuration can't be used; `mistakes` says why, completely."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def from_file(path: Path, environment: Mapping[str, str]) -> Config:
    """Read a YAML file, with `${VAR}` in its texts taken from the environment.

    Raises BadConfig.
    """
    try:
        data, duplicates = load(path)
    except NotYaml as error:
        raise BadConfig([Mistake(str(path), error.place, error.found, error.accepted)]) from None
    reader = _Reader(str(path), Source(path.parent, environment))
    for place, key in duplicates:
        reader.mistake(place, f"the key {show_key(key)} a second time", "each key once")
    config = reader.config(data)
    if config is None or reader.mistakes:
        raise BadConfig(reader.mistakes)
    return config


def from_environment(environment: Mapping[str, str]) -> Config:
    """Read one account from EXOTEL_ACCOUNT_SID, EXOTEL_API_KEY, EXOTEL_API_TOKEN and EXOTEL_BASE_URL.

    Raises BadConfig.
    """
    reader = _Reader("environment", Source(Path(), None))
    given = {key: environment.get(variable) or None for key, variable in _ENVIRONMENT_VARIABLES.items()}
    account = reader.section(AccountConfig, given, "")
    if account is None:
        raise BadConfig(
            replace(
                mistake,
                path=_ENVIRONMENT_VARIABLES[mistake.path],
                accepted=mistake.accepted.removesuffix(f" (or {mistake.path}_file)"),
            )
            for mistake in reader.mistakes
        )
    accounts = (replace(account, name=account.account_sid),)
    return Config(accounts=accounts, collection=CollectionConfig(), metrics=MetricsConfig())


class _Reader:
    """Reads sections as the schema declares them; gathers mistakes instead of stopping at the first."""

    def __init__(self, file: str, source: Source) -> None:
        self.mistakes: list[Mistake] = []
        self._file = file
        self._source = source

    def mistake(self, path: str, found: str, accepted: str) -> None:
        self.mistakes.append(Mistake(self._file, path, found, accepted))

    def config(self, data: Any) -> Config | None:
        top = self._mapping(data, "", [field.name for field in fields(Config)])
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
        given = self._mapping(data, path, [*own, *shared])
        if given is None:
            return None
        account = self.section(AccountConfig, {key: given.get(key) for key in own}, path)
        overrides = {key: given.get(key) for key in shared}
        own_collection = self.section(CollectionConfig, overrides, path, collection)
        if account is None or own_collection is None:
            return None
        return replace(account, name=account.name or account.account_sid, collection=own_collection)

    def section(self, kind: type[_S], data: Any, path: str, base: _S | None = None) -> _S | None:
        """Read one mapping; a key that is left out, or null, has its value in `base`, or else its default."""
        given = self._mapping(data, path, keys(kind))
        if given is None:
            return None
        before = len(self.mistakes)
        values: dict[str, Any] = {}
        for name, subsection in subsections(kind).items():
            inherited = getattr(base, name) if base is not None else None
            values[name] = self.section(subsection, given.get(name), _join(path, name), inherited)
        for setting in settings(kind):
            if base is not None:
                values[setting.name] = getattr(base, setting.name)
            self._setting(setting, given, path, values)
        return kind(**values) if len(self.mistakes) == before else None

    def _setting(self, setting: Setting, given: Mapping[str, Any], path: str, values: dict[str, Any]) -> None:
        present = [key for key in setting.parsers if given.get(key) is not None]
        if len(present) > 1:
            self.mistake(_join(path, present[0]), f"it and {present[1]} too", "one of the two")
        elif present:
            key = present[0]
            values[setting.name] = self._parsed(setting.parsers[key], given[key], _join(path, key))
        elif setting.required and setting.name not in values:
            name, *others = setting.parsers
            accepted = setting.parsers[name].accepts + "".join(f" (or {key})" for key in others)
            self.mistake(_join(path, name), "nothing", accepted)

    def _parsed(self, parser: Parser, raw: Any, path: str) -> Any:
        """Give what the parser makes of a value; what it can't accept becomes mistakes."""
        try:
            return parser.parse(self._source.expand(raw), self._source)
        except (Unacceptable, SeveralUnacceptable) as error:
            parts = error.parts if isinstance(error, SeveralUnacceptable) else (error,)
        for part in parts:
            found = part.found or (kind(raw) if parser.hidden else show(raw))
            why = f" ({part.why})" if part.why else ""
            self.mistake(f"{path}{part.place}", found + why, part.accepts or parser.accepts)
        return None

    def _mapping(self, data: Any, path: str, known: Iterable[str]) -> dict[str, Any] | None:
        """Give a mapping without its unknown keys, each of which is a mistake; None where it is none."""
        accepted = tuple(known)
        if data is None:
            return {}
        if not isinstance(data, dict):
            self.mistake(path or "the file", kind(data), f"a mapping with the keys {', '.join(accepted)}")
            return None
        for key in (key for key in data if key not in accepted):
            near = difflib.get_close_matches(str(key), accepted, n=1) or accepted
            self.mistake(_join(path, show_key(key)), "a key that is unknown here", ", ".join(near))
        return {key: value for key, value in data.items() if key in accepted}


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
