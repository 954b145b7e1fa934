"""What the schema says of its sections: which settings they have, and which keys those are read from."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from exporter.config.parsing import Parser


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: the keys that may give it, each with its parser, and whether one of them must."""

    name: str
    parsers: dict[str, Parser]
    required: bool


def settings(section: Any) -> tuple[Setting, ...]:
    """Give the settings of a section, in the order of the schema."""
    hints = get_type_hints(section, include_extras=True)
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
    """Give the sections inside a section, by their key."""
    hints = get_type_hints(section, include_extras=True)
    return {field.name: hints[field.name] for field in fields(section) if is_dataclass(hints[field.name])}


def keys(section: Any) -> tuple[str, ...]:
    """Give every key that may stand in a section."""
    own = [key for setting in settings(section) for key in setting.parsers]
    return (*own, *subsections(section))
