"""Configurations as tests write them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TOKEN = "hush-hush-7f3a9c"
"""The token of `ACCOUNT`; no output may hold it."""

ACCOUNT: Mapping[str, Any] = {
    "account_sid": "acme1",
    "base_url": "https://api.example.com",
    "api_key": "key",
    "api_token": TOKEN,
}


def document(account: Mapping[str, Any] | None = None, **sections: Any) -> str:
    """The YAML of a configuration without errors, but for what is given here."""
    return yaml.safe_dump({"accounts": [{**ACCOUNT, **(account or {})}], **sections})


def write(folder: Path, text: str) -> Path:
    """A configuration file of this text."""
    file = folder / "exporter.yaml"
    file.write_text(text, encoding="utf-8")
    return file
