"""The JSON schema of /calls.json, made of the types that its answers are written from."""

from __future__ import annotations

import json

import msgspec

from exporter.http.live import Document


def live_calls_schema() -> str:
    """Return the text of live-calls.schema.json."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "exotel-exporter's /calls.json",
    }
    return json.dumps({**head, **msgspec.json.schema(Document)}, indent=2, ensure_ascii=False) + "\n"
