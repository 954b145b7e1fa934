"""A configuration that fits what was found of an account, in YAML, with a reason beside each line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from textwrap import fill

from exporter.config import AccountConfig, AsWritten, Secret, StreamsConfig
from exporter.doctor.settings import Facts, Setting, in_yaml, settings

_WIDTH, _COLUMN = 79, 29
_COMMENT = "    # "


def variables(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return by account the environment variables for its key and token: its own, unless it is alone."""
    suffixes: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        part = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()
        is_free = part and f"_{part}" not in suffixes.values()
        suffixes[name] = f"_{part}" if is_free else f"_{part}_{number}".replace("__", "_")
    if len(names) == 1:
        suffixes = dict.fromkeys(names, "")
    return {name: (f"EXOTEL_API_KEY{each}", f"EXOTEL_API_TOKEN{each}") for name, each in suffixes.items()}


def configuration(account: AccountConfig, as_written: AsWritten, facts: Facts, names: tuple[str, str]) -> str:
    """Return the account's part of a configuration file in YAML, a reason beside each line.

    What stays as it was stands as the file has it: elsewhere its variables have other values. `names` are
    those of the variables for key and token where the file has neither variables nor files.
    """
    key, token = names
    name_key = "account_sid" if as_written.at("name") is None else "name"
    lines = [
        f"  - name: {_kept(as_written, account.name, name_key)}",
        f"    account_sid: {_kept(as_written, account.account_sid, 'account_sid')}",
        f"    base_url: {_kept(as_written, account.base_url, 'base_url')}",
        _secret("api_key", account.api_key, key, as_written),
        _secret("api_token", account.api_token, token, as_written),
        *_of_the_operator(account, as_written),
    ]
    fitting = (_unless_changed(each, account, as_written) for each in settings(account, facts))
    return "\n".join([*lines, *map(_line, fitting)]) + "\n"


def _kept(as_written: AsWritten, value: object, *place: str) -> str:
    """Return in YAML what stands at a place of the file, or else the value."""
    found = as_written.at(*place)
    return _yaml(value).replace("${", "$${") if found is None else _yaml(found)  # it would begin a variable


def _yaml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _unless_changed(setting: Setting, account: AccountConfig, as_written: AsWritten) -> Setting:
    """Return a setting by the variables that it had, if their values fit."""
    was = getattr(account.collection, setting.key)
    text = _yaml(_found(as_written, setting.key, was))
    is_kept = "${" in text and setting.value == in_yaml(was)
    return replace(setting, value=text, was="") if is_kept else setting


def _found(as_written: AsWritten, key: str, was: object) -> object:
    """Return what the file has at a key, of a section each of its keys."""
    if not isinstance(was, StreamsConfig):
        return as_written.at(key)
    found = {each.name: as_written.at(key, each.name) for each in fields(was)}
    return {name: value for name, value in found.items() if value is not None}


def _line(setting: Setting) -> str:
    was = f"was {setting.was}: " if setting.was and setting.was != setting.value else ""
    text, why = f"    {setting.key}: {setting.value}", was + setting.why
    line = f"{text:<{_COLUMN}}  # {why}"
    if len(line) <= _WIDTH:
        return line
    return f"{fill(why, _WIDTH, initial_indent=_COMMENT, subsequent_indent=_COMMENT)}\n{text}"


def _secret(key: str, secret: Secret, variable: str, as_written: AsWritten) -> str:
    if secret.file:
        return f"    {key}_file: {_kept(as_written, str(secret.file), f'{key}_file')}"
    if own := as_written.variable(key):
        return f"    {key}: {own}"
    return _line(Setting(key, f"${{{variable}}}", "set this variable, or put yours back: it isn't shown"))


def _of_the_operator(account: AccountConfig, as_written: AsWritten) -> Iterable[str]:
    """Yield what only the operator knows."""
    collection = account.collection
    values = {
        "call_limit": account.call_limit,
        "estimate": collection.estimate or None,
        "allow_http": collection.allow_http or None,
    }
    for key, value in values.items():
        if value is not None or as_written.at(key) is not None:
            yield f"    {key}: {_kept(as_written, value, key)}"
    if ca_file := collection.tls_config.ca_file:
        yield f"    tls_config: {{ca_file: {_kept(as_written, str(ca_file), 'tls_config', 'ca_file')}}}"
    if own := as_written.variable("proxy_url"):
        yield f"    proxy_url: {own}"
    elif collection.proxy_url:
        yield "    # add your proxy_url again: it isn't shown"
    if account.lines:
        yield "    # add your lines again: they aren't shown"
