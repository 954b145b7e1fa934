"""Fills in what docs/configuration.md says of flags and keys: from the command, models and examples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from docs.config_schema import SECTIONS, default, example, inner_sections, is_required, own_keys
from exporter.cli import main
from exporter.config import ENVIRONMENT_VARIABLES, ConfigError, from_file
from exporter.web.config import WebConfig
from exporter.web.sections import accepted

_PAGE = Path(__file__).parent / "configuration.md"
_REGION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

_INVALID = """\
accounts:
  - account_sid: acme1
    base_url: https://ccm-api.in.exotel.com
    api_key: ${NO_SUCH_KEY}
    api_tokn: t
collection: {timeout: 10}
"""


def configuration_page() -> str:
    """Return the page, with what stands between its marks written anew."""

    def write(region: re.Match[str]) -> str:
        lines = "\n".join(_PARTS[region[2]]())
        return f"{region[1]}\n{lines}\n\n{region[3]}"

    return _REGION.sub(write, _PAGE.read_text(encoding="utf-8"))


def _flags() -> Iterator[str]:
    yield from ("| flag | meaning |", "|---|---|")
    with click.Context(main, **main.context_settings) as context:
        for parameter in main.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None:
                flag, meaning = record
                text = re.sub(r"\b\w+\*", r"`\g<0>`", _cell(meaning))
                yield f"| `{_cell(flag)}` | {text} |"


def _environment() -> Iterator[str]:
    yield from ("| variable | key |", "|---|---|")
    yield from (f"| `{variable}` | `{key}` |" for key, variable in ENVIRONMENT_VARIABLES.items())


def _errors() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(_INVALID, encoding="utf-8")
        try:
            from_file(file, {})
        except ConfigError as error:
            yield from ("```", str(error).replace(str(file), file.name), "```")


def _sections(file: str, sections: Mapping[str, Any]) -> Iterator[str]:
    told = example(file, SECTIONS, *SECTIONS.values(), *sections.values())
    for path, section in sections.items():
        yield from _section(section, path, told)


def _section(section: Any, path: str, told: Mapping[str, str]) -> Iterator[str]:
    """Write a section and those inside it; the whole of a file has no path."""
    before = f"{path}." if path else ""
    inner = inner_sections(section)
    if path:
        yield from (f"### {path}", "", told[path], "")
    yield from ("| key | accepted | default | meaning |", "|---|---|---|---|")
    for name in (each.name for each in fields(section) if each.name in {*own_keys(section)} - inner.keys()):
        accepts = accepted(section)[name]
        names = (name, f"{name}_file") if accepts.file else (name,)
        texts = (accepts.text, accepts.file) if accepts.file else (accepts.text,)
        meaning = next(told[before + key] for key in names if before + key in told)
        place = before.replace("accounts.", "accounts[].")
        yield (
            f"| {_either(f'`{place}{key}`' for key in names)} | {_cell(_either(texts))} "
            f"| {_default(section, name)} | {_cell(meaning)} |"
        )
    for name, each in inner.items():
        if name in own_keys(section):
            yield ""
            yield from _section(each, before + name, told)


def _default(section: Any, name: str) -> str:
    if is_required(section, name):
        return "required"
    value = default(section, name)
    return "none" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _either(texts: Iterable[str]) -> str:
    return "<br>or ".join(texts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_PARTS: Mapping[str, Callable[[], Iterable[str]]] = {
    "flags": _flags,
    "environment": _environment,
    "errors": _errors,
    **{
        name: partial(_sections, "config.example.yaml", {name: section}) for name, section in SECTIONS.items()
    },
    "web": partial(_sections, "deploy/web.example.yaml", {"": WebConfig}),
}
