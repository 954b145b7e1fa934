"""The JSON schema of the configuration, for editors and the chart: the models, with words of the example."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from docs.comments import meanings
from exporter.config import AccountSection, CollectionConfig, MetricsConfig
from exporter.web.sections import Seconds, Section, accepted, keys, written

SECTIONS: Mapping[str, Any] = {
    "accounts": AccountSection,
    "collection": CollectionConfig,
    "metrics": MetricsConfig,
}
_ROOT = Path(__file__).parent.parent
_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_NULL = {"type": "null"}


class _WithoutDefaults(GenerateJsonSchema):
    """Pydantic's schema; its defaults would be values as they are in the program."""

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of the value alone."""
        return self.generate_inner(schema["schema"])


def config_schema() -> str:
    """Return the text of config.schema.json."""
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "exotel-exporter's configuration"}
    return json.dumps({**head, **config_object()}, indent=2, ensure_ascii=False) + "\n"


def config_object() -> dict[str, Any]:
    """Return the schema of the whole file."""
    told = example("config.example.yaml", SECTIONS, *SECTIONS.values())
    account, collection, metrics = (_object(section, name, told) for name, section in SECTIONS.items())
    for name, schema in collection["properties"].items():  # whose values are an account's defaults
        account["properties"][name] = {key: value for key, value in schema.items() if key != "default"}
    accounts = {"description": told["accounts"], "type": "array", "minItems": 1, "items": account}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["accounts"],
        "properties": {"accounts": accounts, "collection": collection, "metrics": metrics},
    }


def example(file: str, top: Iterable[str], *sections: Any) -> dict[str, str]:
    """Return what an example file says of its top keys, and of each key of sections, by its path."""
    known = {*top, *(key for section in sections for key in _all_keys(section))}
    return meanings((_ROOT / file).read_text(encoding="utf-8"), known)


def inner_sections(section: Any) -> dict[str, Any]:
    """Return the sections inside a section, by their key; those that may be missing too."""
    hints = get_type_hints(section)
    found = {}
    for name in (key for key in keys(section) if key in hints):
        for kind in (hints[name], *get_args(hints[name])):
            if isinstance(kind, type) and issubclass(kind, Section):
                found[name] = kind
    return found


def own_keys(section: Any) -> list[str]:
    """Return the keys of a section; of an account those that aren't `collection`'s."""
    shared = keys(CollectionConfig) if section is AccountSection else ()
    return [key for key in keys(section) if key not in shared]


def default(section: Any, name: str) -> Any:
    """Return the default of a field as a file could have it; None if there is none."""
    [value] = (each.default for each in fields(section) if each.name == name)
    if value is MISSING or value == "":
        return None
    if isinstance(value, Seconds):
        return written(value)
    return (list(value) or None) if isinstance(value, tuple) else value


def is_required(section: Any, name: str) -> bool:
    """Return whether a field must be given."""
    return any(
        each.name == name and each.default is MISSING and each.default_factory is MISSING
        for each in fields(section)
    )


def _all_keys(section: Any) -> Iterator[str]:
    yield from keys(section)
    for inner in inner_sections(section).values():
        yield from _all_keys(inner)


def _object(section: Any, path: str, told: Mapping[str, str]) -> dict[str, Any]:
    plain = TypeAdapter(section).json_schema(schema_generator=_WithoutDefaults)["properties"]
    inner = inner_sections(section)
    properties = {}
    for key in own_keys(section):
        place = f"{path}.{key}"
        if key in inner:
            properties[key] = _object(inner[key], place, told)
        elif key in plain:
            properties[key] = _property(section, key, plain[key], told[place])
        else:
            properties[key] = {"description": told[place], "type": "string"}
    required = [[name, f"{name}_file"] for name in plain if is_required(section, name)]
    either = [{"anyOf": [{"required": [key]} for key in names if key in properties]} for names in required]
    return {
        "description": told[path],
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": properties,
        **({"type": "object", "allOf": either} if either else {}),
    }


def _property(section: Any, name: str, plain: dict[str, Any], meaning: str) -> dict[str, Any]:
    """Return the schema of a key, which may have no value, or that of a variable."""
    kinds = [kind for kind in plain.get("anyOf", [plain]) if kind != _NULL]
    types = [{key: value for key, value in kind.items() if key != "title"} for kind in kinds]
    others = [_VARIABLE] if types != [{"type": "string"}] else []
    others += [] if is_required(section, name) and not accepted(section)[name].file else [_NULL]
    said = {"description": f"{meaning}\n\nAccepted: {accepted(section)[name].text}."}
    if (value := default(section, name)) is not None:
        said["default"] = value
    return {**said, **({"anyOf": [*types, *others]} if others else types[0])}
