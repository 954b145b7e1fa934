"""The JSON schema of /calls.json, made of the types that its answers are written from."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from exporter.http.live import Document


def live_calls_schema() -> str:
    """Return the text of live-calls.schema.json."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "exotel-exporter's /calls.json",
    }
    schema = _ordered(msgspec.json.schema(Document))
    return json.dumps({**head, **schema}, indent=2, ensure_ascii=False) + "\n"


def _ordered(schema: Any) -> Any:
    """Return a schema with its alternatives in one order: each version of msgspec has another."""
    if isinstance(schema, list):
        return [_ordered(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    ordered = {key: _ordered(value) for key, value in schema.items()}
    if "anyOf" in ordered:
        ordered["anyOf"].sort(key=json.dumps)
    return ordered
