"""What the schema says of its sections: which settings they have, and which keys those are read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, get_args, get_type_hints

from exporter.config.parsing import Conflict, Parser


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: the keys that may give it, each with its parser, and whether one of them must."""

    name: str
    parsers: dict[str, Parser]
    required: bool


def settings(section: Any) -> tuple[Setting, ...]:
    """Give the settings of a section, in the order of the schema."""
    hints = _types(section)
    return tuple(
        Setting(
            field.name,
            dict(zip((field.name, f"{field.name}_file"), hints[field.name].__metadata__, strict=False)),
            required=field.default is MISSING,
        )
        for field in fields(section)
        if hasattr(hints[field.name], "__metadata__")
    )


def subsections(section: Any) -> dict[str, Any]:
    """Give the sections inside a section, by their key, those that may be missing too."""
    hints = _types(section)
    found = {field.name: _section(hints[field.name]) for field in fields(section)}
    return {name: kind for name, kind in found.items() if kind is not None}


def _section(hint: Any) -> Any:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next((kind for kind in kinds if is_dataclass(kind)), None)


def defaults(section: Any, base: Any = None) -> dict[str, Any]:
    """Give the values of what may be left out: those of `base`, where there is one."""
    if base is not None:
        return {field.name: getattr(base, field.name) for field in fields(section)}
    plain = {field.name: field.default for field in fields(section) if field.default is not MISSING}
    made = {f.name: f.default_factory() for f in fields(section) if f.default_factory is not MISSING}
    return plain | made


def conflicts(section: Any, values: Mapping[str, Any]) -> Iterable[Conflict]:
    """Give what doesn't go together among values that are good by themselves, if the section knows any."""
    find = getattr(section, "conflicts", None)
    return find(values) if find else ()


def keys(section: Any) -> tuple[str, ...]:
    """Give every key that may stand in a section."""
    own = [key for setting in settings(section) for key in setting.parsers]
    return (*own, *subsections(section))


@cache  # hundreds of accounts ask for the same
def _types(section: Any) -> dict[str, Any]:
    return get_type_hints(section, include_extras=True)
