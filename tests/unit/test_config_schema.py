"""The JSON schema of the configuration: an editor takes what the exporter takes, and marks the rest."""

import json
from typing import Any

import pytest
import yaml

from exporter.config import CollectionConfig, MetricsConfig
from exporter.web.sections import keys
from tests.configurations import ACCOUNT, document
from tests.tools import ROOT, require_module, run

SCHEMA = ROOT / "config.schema.json"


def problems(text: str) -> list[str]:
    """Where an editor marks a file."""
    jsonschema = require_module("jsonschema")
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [error.json_path for error in validator.iter_errors(yaml.safe_load(text))]


def test_it_is_a_schema_that_the_example_names_and_fits() -> None:
    """By another reader than ours."""
    run("check-jsonschema", "--check-metaschema", str(SCHEMA))
    run("check-jsonschema", "--schemafile", str(SCHEMA), str(ROOT / "config.example.yaml"))
    first, _, _ = (ROOT / "config.example.yaml").read_text(encoding="utf-8").partition("\n")
    assert first == f"# yaml-language-server: $schema={SCHEMA.name}"


@pytest.mark.parametrize(
    "text",
    [
        document(),
        document({"call_limit": "${LIMIT}", "timeout": "${TIMEOUT}", "agent_streams": "${YES}"}),
        document({"call_limit": None, "streams": None}, collection=None, metrics={"per_agent": None}),
        document({"api_key": None, "api_key_file": "key", "lines": {"sales": ["+918012345678"]}}),
        document({"call_slots": {"inbound": 1, "incoming": 2, "outbound-api": "${SLOTS}"}}),
        document({"base_url": "${URL}", "name": "प्रचालन"}, metrics={"duration_buckets": [0.5, 1]}),
    ],
)
def test_what_the_exporter_takes_has_no_mark(text: str) -> None:
    """Variables in place of numbers, null in place of nothing, files in place of secrets."""
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("collection: {}", "$"),
        ("accounts: []", "$.accounts"),
        (document({"timeoutt": "5s"}), "$.accounts[0]"),
        (document({"timeout": 5}), "$.accounts[0].timeout"),
        (document({"account_sid": 12}), "$.accounts[0].account_sid"),
        (document({"call_limit": 0}), "$.accounts[0].call_limit"),
        (document({"call_slots": {"sideways": 2}}), "$.accounts[0].call_slots"),
        (document({"call_slots": {"inbound": 0}}), "$.accounts[0].call_slots"),
        (document({"base_url": "api.example.com"}), "$.accounts[0].base_url"),
        (
            yaml.safe_dump({"accounts": [{k: ACCOUNT[k] for k in ACCOUNT if k != "api_token"}]}),
            "$.accounts[0]",
        ),
        (document(collection={"streams": True}), "$.collection.streams"),
        (document(metrics={"duration_buckets": []}), "$.metrics.duration_buckets"),
    ],
)
def test_what_the_exporter_refuses_is_marked(text: str, place: str) -> None:
    """Misspelt keys, types, bounds, what is missing."""
    assert problems(text) == [place]


def test_each_key_has_its_meaning_and_what_it_accepts() -> None:
    """They are shown beside the cursor; with the default, where there is one."""

    def told(section: dict[str, Any]) -> None:
        for name, key in section["properties"].items():
            if "properties" in key:
                told(key)
            else:
                assert key["description"].strip(), name

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]
    for name, section in (("collection", CollectionConfig), ("metrics", MetricsConfig)):
        assert schema[name]["properties"].keys() == set(keys(section))
        told(schema[name])
    told(schema["accounts"]["items"])
    timeout = schema["collection"]["properties"]["timeout"]
    assert (timeout["default"], "Accepted: a duration from 0.1s to 600s" in timeout["description"]) == (
        "10s",
        True,
    )
