"""Configuration: what is accepted, and for everything else one clear line."""

import json
import math
import re
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import (
    AccountConfig,
    AccountSection,
    CollectionConfig,
    Config,
    ConfigError,
    InvalidValue,
    MetricsConfig,
    Secret,
    SecretUnreadable,
    StreamsConfig,
    TlsConfig,
    from_environment,
    from_file,
)
from exporter.web.sections import keys
from tests.configurations import ACCOUNT, TOKEN, document, write
from tests.tools import ROOT

EXAMPLE = ROOT / "config.example.yaml"
SECTIONS = (AccountSection, CollectionConfig, MetricsConfig, StreamsConfig, TlsConfig)
EVERY_KEY = sorted({key for section in SECTIONS for key in keys(section)})

COLLECTION_KEYS = (
    "timeout, min_interval, page_size, concurrency, requests_per_minute, call_slots, duration_counts_from, "
    "estimate, allow_http, proxy_url, agent_streams, agent_streams_url, streams, tls_config"
)
METRICS_KEYS = "duration_buckets, per_agent, agent_names, longest_calls, grade_of_service"
ACCOUNT_KEYS = (
    COLLECTION_KEYS
    + ", account_sid, name, base_url, api_key, api_key_file, api_token, api_token_file, call_limit, lines"
)
A_URL = "a URL like https://ccm-api.in.exotel.com, without path or credentials (api_key, api_token)"
A_PROXY = "a URL like http://proxy.example.com:3128"
A_DURATION = "a duration from 0.1s to 600s, like 10s, 500ms or 1m30s"
A_LIMIT = "a whole number from 1 to 10000000"
A_NUMBER_OF_DETAILS = "a whole number from 1 to 1000"
A_PAGE_SIZE = "a whole number from 1 to 10000"
A_FILE = "the path of a PEM file of certificates, relative to this file"
QUOTES = "(put it in quotes)"
A_SECRET = "a non-empty text"
A_SECRET_FILE = "the path of a non-empty text file, relative to this file"
BUCKETS = "a list of 1 to 50 increasing numbers above 0, in seconds"
A_NAME = "1 to 128 printable characters, no space at either end"
A_SID = "letters, digits, - and _"
ACCOUNTS = "a list of at least one account"
TOP_KEYS = "accounts, collection, metrics"
FIRST = "accounts[0] (acme1)"
IS_NOT_SET = "which is not set in the environment"
MISSING_PEM = '"a.pem" (no such file or directory)'
HUGE = f"0x{'f' * 5000}"
NO_VARIABLE = "${ without a variable's name and } behind it ($${ stands for ${ itself)"


def errors(file: Path, **environment: str) -> list[str]:
    """The error's lines; each begins with the file, and mostly with its line, which are left out here."""
    with pytest.raises(ConfigError) as caught:
        from_file(file, environment)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.errors)
    assert all(re.match(rf"{re.escape(str(file))}(:\d+)?: ", line) for line in lines)
    return [re.sub(r"^(:\d+)?: ", "", line.removeprefix(str(file))) for line in lines]


def only_account(file: Path, **environment: str) -> AccountConfig:
    """The one account of a file without errors."""
    (account,) = from_file(file, environment).accounts
    return account


def all_texts(value: object) -> str:
    """What could find its way into an output: both of its texts."""
    return f"{value!r} {value}"


# What is read


def test_the_example_is_accepted() -> None:
    """config.example.yaml passes once the variables that it names are set."""
    config = from_file(EXAMPLE, {"EXOTEL_API_KEY": "key", "EXOTEL_API_TOKEN": TOKEN})
    assert [account.name for account in config.accounts] == ["acme"]
    assert config.accounts[0].api_token.reveal() == TOKEN
    assert [line.name for line in config.accounts[0].lines] == ["sales", "support"]


def test_the_example_states_the_defaults() -> None:
    """What config.example.yaml says of collection and metrics is what holds when they are left out."""
    config = from_file(EXAMPLE, {"EXOTEL_API_KEY": "key", "EXOTEL_API_TOKEN": TOKEN})
    assert (config.collection, config.metrics) == (CollectionConfig(), MetricsConfig())


@pytest.mark.parametrize("key", EVERY_KEY)
def test_every_key_stands_in_the_example(key: str) -> None:
    """No key of the schema is missing from config.example.yaml, be it commented out."""
    assert re.search(rf"^[ #-]*{key}:", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """An account's name is its SID; collection and metrics may be missing."""
    config = from_file(write(tmp_path, document()), {})
    assert config.accounts[0].name == "acme1"
    assert config.accounts[0].call_limit is None
    assert config.accounts[0].collection == config.collection == CollectionConfig()
    assert config.metrics == MetricsConfig()


def test_null_is_the_same_as_left_out(tmp_path: Path) -> None:
    """A key without a value has its default, and so has a section."""
    text = document({"name": None, "call_limit": None, "timeout": None}, collection=None, metrics=None)
    assert from_file(write(tmp_path, text), {}) == from_file(write(tmp_path, document()), {})


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("10s", 10.0), ("500ms", 0.5), ("1m30s", 90.0), ("10m", 600.0), ("1s500ms", 1.5), ("0h2m", 120.0)],
)
def test_durations_are_read_as_prometheus_writes_them(tmp_path: Path, written: str, seconds: float) -> None:
    """Hours, minutes, seconds and milliseconds, in this order, make seconds."""
    account = only_account(write(tmp_path, document(collection={"timeout": written})))
    assert account.collection.timeout == seconds
    assert isinstance(account.collection.timeout, float)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://api.example.com/", "https://api.example.com"),
        ("http://127.0.0.1:9928", "http://127.0.0.1:9928"),
        ("https://[::1]:8080/", "https://[::1]:8080"),
        ("https://api.example.com//", "https://api.example.com"),
        ("https://api.example.com/.", "https://api.example.com"),
        ("HTTPS://API.example.com.", "https://api.example.com."),
        ("https://API.example.com:443", "https://api.example.com"),
        ("http://LocalHost:80/", "http://localhost"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_base_urls_are_read(tmp_path: Path, written: str, read: str) -> None:
    """A host by name or address; what means the same is read as the same, for one API has one budget."""
    assert only_account(write(tmp_path, document({"base_url": written}))).base_url == read


def test_an_account_overrides_collection(tmp_path: Path) -> None:
    """An account's own keys hold for it alone, and what it leaves out is as in `collection`."""
    for name in ("ca.pem", "own.pem"):
        trustme.CA().cert_pem.write_to_path(str(tmp_path / name))
    accounts = [
        {**ACCOUNT, "timeout": "4s", "tls_config": {"ca_file": "own.pem"}},
        {**ACCOUNT, "name": "plain"},
    ]
    collection = {"timeout": "3s", "page_size": 7, "tls_config": {"ca_file": "ca.pem"}}
    text = yaml.safe_dump({"accounts": accounts, "collection": collection})
    config = from_file(write(tmp_path, text), {})
    common = CollectionConfig(timeout=3, page_size=7, tls_config=TlsConfig(ca_file=tmp_path / "ca.pem"))
    own = CollectionConfig(timeout=4, page_size=7, tls_config=TlsConfig(ca_file=tmp_path / "own.pem"))
    assert [account.collection for account in config.accounts] == [own, common]
    assert config.collection == common


def test_an_account_overrides_single_keys_of_streams(tmp_path: Path) -> None:
    """An account that switches streams on inherits how many and how old, and the other way round."""
    accounts = [
        {**ACCOUNT, "streams": {"enabled": True}},
        {**ACCOUNT, "name": "small", "streams": {"max_per_scrape": 3}, "agent_streams": True},
        {**ACCOUNT, "name": "plain", "streams": None},
    ]
    collection = {"streams": {"max_per_scrape": 7, "max_age": "1h"}}
    text = yaml.safe_dump({"accounts": accounts, "collection": collection})
    config = from_file(write(tmp_path, text), {})
    common = StreamsConfig(enabled=False, max_per_scrape=7, max_age=3600)
    assert [account.collection.streams for account in config.accounts] == [
        *(replace(common, enabled=True), replace(common, max_per_scrape=3), common)
    ]
    assert [account.collection.agent_streams for account in config.accounts] == [False, True, False]
    assert config.collection.streams == common


def test_an_account_switches_nothing_off_by_what_is_no_mapping(tmp_path: Path) -> None:
    """`streams: false` is refused, whatever `collection` says: it would be taken for nothing at all."""
    for written in ("false", "0", "''", "[]"):
        for key in ("streams", "tls_config"):
            file = tmp_path / "config.yaml"
            file.write_text(
                "accounts:\n  - {account_sid: a, base_url: 'https://x.com', api_key: k, api_token: t, "
                f"{key}: {written}}}\ncollection: {{streams: {{enabled: true}}}}\n",
                encoding="utf-8",
            )
            [error] = errors(file)
            assert f"{key}: found" in error, error
            assert "accepted: a mapping with the keys" in error, error


def test_an_unknown_key_of_an_account_is_an_error_without_a_value_too(tmp_path: Path) -> None:
    """Whoever misspells a key and has nothing behind it yet is told as well."""
    account = {**ACCOUNT, "timeoutt": None, "streams": {"x": None}}
    found = errors(write(tmp_path, yaml.safe_dump({"accounts": [account]})))
    assert [error.partition("; accepted")[0] for error in sorted(found)] == [
        f"{FIRST}.streams: found the unknown key x",
        f"{FIRST}: found the unknown key timeoutt",
    ]


def test_what_costs_more_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    """Left out, nothing asks for details, nothing has a series for each agent or call."""
    config = from_file(write(tmp_path, document()), {})
    assert config.collection.streams == StreamsConfig(enabled=False, max_per_scrape=20, max_age=60)
    assert not config.collection.agent_streams
    metrics = config.metrics
    assert (metrics.per_agent, metrics.agent_names, metrics.longest_calls) == (False, False, 0)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *(("true", True), ("false", False), ("yes", True), ("off", False)),
        *(('"true"', True), ('"false"', False), ("${YES}", True), ("${NO}", False)),
    ],
)
def test_booleans_are_read(tmp_path: Path, written: str, read: bool) -> None:
    """True and false as YAML knows them, and as texts, which is what variables give."""
    text = f"{document()}metrics:\n  per_agent: {written}"
    assert from_file(write(tmp_path, text), {"YES": "true", "NO": "false"}).metrics.per_agent is read


def test_merged_keys_are_no_repetition(tmp_path: Path) -> None:
    """What `<<` brings in may be overridden, also when it has itself overridden what it brought in."""
    text = f"""
      accounts:
        - &first {{account_sid: acme1, base_url: "https://h", api_key: key, api_token: {TOKEN}, name: one}}
        - &second {{<<: *first, name: two}}
        - {{<<: *second, name: three}}
    """
    config = from_file(write(tmp_path, text), {})
    assert [account.name for account in config.accounts] == ["one", "two", "three"]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    """A file from a Windows editor is read like any other."""
    text = "\ufeff" + document().replace("\n", "\r\n")
    assert only_account(write(tmp_path, text)).account_sid == "acme1"


# Variables


def test_variables_are_put_into_texts(tmp_path: Path) -> None:
    """`${VAR}` may be a part of a text, and more than once."""
    file = write(tmp_path, document({"name": "${TEAM}-${TEAM}", "api_key": "${KEY}"}))
    account = only_account(file, TEAM="sales", KEY="from-outside")
    assert (account.name, account.api_key.reveal()) == ("sales-sales", "from-outside")


def test_a_doubled_dollar_stands_for_itself(tmp_path: Path) -> None:
    """`$${VAR}` is the text `${VAR}`; a lone `$` is itself, and a value isn't expanded again."""
    file = write(tmp_path, document({"name": "$${A} $ ${B}"}))
    assert only_account(file, A="no", B="${A}").name == "${A} $ ${A}"


def test_variables_may_hold_numbers(tmp_path: Path) -> None:
    """Digits from the environment are a number where one is asked for."""
    assert only_account(write(tmp_path, document({"call_limit": "${LIMIT}"})), LIMIT="120").call_limit == 120


@pytest.mark.parametrize("value", ["", " 5", "5.0", "1e2", "٣", "-5", "many"])
def test_variables_that_hold_no_number_are_refused(tmp_path: Path, value: str) -> None:
    """Nothing but plain digits is a number, and the error shows the variable, not what it holds."""
    file = write(tmp_path, document({"call_limit": "${LIMIT}"}))
    assert errors(file, LIMIT=value) == [
        'accounts[0] (acme1).call_limit: found "${LIMIT}"; accepted: a whole number from 1 to 10000000'
    ]


# What is refused

INVALID: list[tuple[str, str, str, str]] = [
    # The file; then of what is invalid the path, what was found, what is accepted.
    (document({"account_sid": None}), "accounts[0].account_sid", "nothing", A_SID),
    (document({"account_sid": 12}), "accounts[0].account_sid", f"12 {QUOTES}", A_SID),
    (document({"account_sid": "a\n"}), "accounts[0] (a…).account_sid", r'"a\n"', A_SID),
    (document({"account_sid": "../b"}), "accounts[0] (../b).account_sid", '"../b"', A_SID),
    (document({"name": ""}), f"{FIRST}.name", '""', A_NAME),
    (document({"name": "a "}), "accounts[0] (a…).name", '"a "', A_NAME),
    (document({"name": "a\nb"}), "accounts[0] (a…).name", r'"a\nb"', A_NAME),
    (document({"name": "a\u2028b"}), "accounts[0] (a…).name", r'"a\u2028b"', A_NAME),
    (document({"name": "\x1b[31m"}), "accounts[0] (…).name", r'"\u001b[31m"', A_NAME),
    (document({"name": True}), f"{FIRST}.name", f"true {QUOTES}", A_NAME),
    (document() + "  name: 2024-06-15", f"{FIRST}.name", f"a date {QUOTES}", A_NAME),
    (document({"name": "a" * 129}), f"accounts[0] ({'a' * 40}…).name", "a text", A_NAME),
    (document({"name": "${NO"}), "accounts[0] (${NO).name", NO_VARIABLE, A_NAME),
    (document({"name": "${}"}), "accounts[0] (${}).name", NO_VARIABLE, A_NAME),
    (document({"call_limit": True}), f"{FIRST}.call_limit", "true", A_LIMIT),
    (document({"call_limit": 0}), f"{FIRST}.call_limit", "0", A_LIMIT),
    (document({"call_limit": 10_000_001}), f"{FIRST}.call_limit", "10000001", A_LIMIT),
    (document({"call_limit": "${NO}"}), f"{FIRST}.call_limit", f"${{NO}}, {IS_NOT_SET}", A_LIMIT),
    (document(collection={"page_size": 5.0}), "collection.page_size", "5.0", A_PAGE_SIZE),
    (document(collection={"page_size": math.nan}), "collection.page_size", "NaN", A_PAGE_SIZE),
    (document() + f"collection: {{page_size: {HUGE}}}", "collection.page_size", "a number", A_PAGE_SIZE),
    (document(collection={"concurrency": 65}), "collection.concurrency", "65", "a whole number from 1 to 64"),
    (
        document({"duration_counts_from": "ringing"}),
        f"{FIRST}.duration_counts_from",
        '"ringing"',
        "answer, start or unknown",
    ),
    (
        document(collection={"duration_counts_from": True}),
        "collection.duration_counts_from",
        "true",
        "answer, start or unknown",
    ),
    (document({"concurrency": []}), f"{FIRST}.concurrency", "[]", "a whole number from 1 to 64"),
    (document({"api_key": None}), f"{FIRST}.api_key", "nothing", f"{A_SECRET} (or api_key_file)"),
    (document({"api_key": "a${NO}"}), f"{FIRST}.api_key", f"${{NO}}, {IS_NOT_SET}", A_SECRET),
    (
        document({"api_key_file": "key"}),
        f"{FIRST}.api_key",
        "both api_key and api_key_file",
        "one of the two",
    ),
    (document({"tls_config": {"ca_file": "a.pem"}}), f"{FIRST}.tls_config.ca_file", MISSING_PEM, A_FILE),
    (
        document(collection={"tls_config": {"ca_file": "a.pem"}}),
        "collection.tls_config.ca_file",
        MISSING_PEM,
        A_FILE,
    ),
    (document({"tls_config": {"ca": 1}}), f"{FIRST}.tls_config", "the unknown key ca", "ca_file"),
    (document({"tls_config": "x"}), f"{FIRST}.tls_config", "a text", "a mapping with the keys ca_file"),
    (document({"acount_sid": "a"}), FIRST, "the unknown key acount_sid", "account_sid"),
    (document(colection={}), "", "the unknown key colection", "collection"),
    (document(metrics={"x": 1}), "metrics", "the unknown key x", METRICS_KEYS),
    (document() + "null: 1", "", "the unknown key null", TOP_KEYS),
    (document() + '"a\\nb": 1', "", "the unknown key a…", TOP_KEYS),
    (document({"streams": {"enable": True}}), f"{FIRST}.streams", "the unknown key enable", "enabled"),
    (
        document(collection={"streams": {"max_per_scrape": 0}}),
        "collection.streams.max_per_scrape",
        "0",
        A_NUMBER_OF_DETAILS,
    ),
    (
        document({"streams": {"max_per_scrape": 1001}}),
        f"{FIRST}.streams.max_per_scrape",
        "1001",
        A_NUMBER_OF_DETAILS,
    ),
    (
        document(collection={"streams": True}),
        "collection.streams",
        "true",
        "a mapping with the keys enabled, max_per_scrape, max_age",
    ),
    (
        document(metrics={"longest_calls": 1001}),
        "metrics.longest_calls",
        "1001",
        "a whole number from 0 to 1000",
    ),
    (document() + "12345678: 1", "", "the unknown key 1234…", TOP_KEYS),
    (document(collection=5), "collection", "a number", f"a mapping with the keys {COLLECTION_KEYS}"),
    (document(metrics=[]), "metrics", "an empty list", f"a mapping with the keys {METRICS_KEYS}"),
    (
        document() + "collection: {}\ncollection: {}",
        "",
        "the key collection a second time",
        "each key once",
    ),
    ("", "accounts", "nothing", ACCOUNTS),
    ("accounts: []", "accounts", "an empty list", ACCOUNTS),
    ("accounts: {a: b}", "accounts", "a mapping", ACCOUNTS),
    ("accounts: [acme]", "accounts[0]", "a text", f"a mapping with the keys {ACCOUNT_KEYS}"),
    ("- accounts", "", "a list", f"a mapping with the keys {TOP_KEYS}"),
]


@pytest.mark.parametrize(
    ("text", "path", "found", "accepted"), INVALID, ids=[f"{path}={found}" for _, path, found, _ in INVALID]
)
def test_an_invalid_value_has_one_line(
    tmp_path: Path, text: str, path: str, found: str, accepted: str
) -> None:
    """It has the path of the key, what was found, and what is accepted."""
    said = f"found {found}; accepted: {accepted}"
    assert errors(write(tmp_path, text)) == [f"{path}: {said}" if path else said]


def test_an_error_has_the_line_of_the_file(tmp_path: Path) -> None:
    """That of the key; of what is missing that where the section begins; merged keys have their own."""
    text = f"""\
accounts:
  - &first
    account_sid: acme1
    base_url: https://api.example.com
    api_key:
      5
    streams: {{max_age: 1h,
      enabled: perhaps}}
  - <<: *first
    name: acme
    api_token: {TOKEN}
    lines:
      sales:
        - "+91 80 1234 5678"
        - sales
collection:
  timeoutt: 5s

  page_size: 0
"""
    with pytest.raises(ConfigError) as caught:
        from_file(write(tmp_path, text), {})
    assert [(error.line, error.path) for error in caught.value.errors] == [
        (2, "accounts[0] (acme1).api_token"),
        (5, "accounts[0] (acme1).api_key"),
        (5, "accounts[1] (acme).api_key"),
        (8, "accounts[0] (acme1).streams.enabled"),
        (8, "accounts[1] (acme).streams.enabled"),
        (15, "accounts[1] (acme).lines.sales[1]"),
        (17, "collection"),
        (19, "collection.page_size"),
    ]
    assert str(caught.value).startswith(f"{tmp_path}/exporter.yaml:2: {FIRST}.api_token: found ")


@pytest.mark.parametrize(
    ("written", "read"), [(0.02, 0.02), (0.5, 0.5), (0.0001, 0.0001), ("0.05", 0.05), ("${SET}", 0.001)]
)
def test_numbers_are_read(tmp_path: Path, written: object, read: float) -> None:
    """As texts too, which is what variables give."""
    file = write(tmp_path, document(metrics={"grade_of_service": written}))
    assert from_file(file, {"SET": ".001"}).metrics.grade_of_service == read


@pytest.mark.parametrize(
    "written", [0, 0.00009, 0.51, 1, -0.01, True, "1%", "", "1e-2", "nan", [0.01], "${SET}"]
)
def test_other_numbers_are_refused(tmp_path: Path, written: object) -> None:
    """Those beyond the bounds, and other ways to write them."""
    assert errors(write(tmp_path, document(metrics={"grade_of_service": written})), SET="one") == [
        f"metrics.grade_of_service: found {json.dumps(written)}; accepted: a number from 0.0001 to 0.5"
    ]


@pytest.mark.parametrize("written", ["true ", "True", "yes", "", 1, 0, 1.0, [True], [], "${SET}"])
@pytest.mark.parametrize("key", ["per_agent", "agent_names"])
def test_other_booleans_are_refused(tmp_path: Path, key: str, written: object) -> None:
    """Numbers and other words are neither true nor false, and shown as they stand."""
    assert errors(write(tmp_path, document(metrics={key: written})), SET="on") == [
        f"metrics.{key}: found {json.dumps(written)}; accepted: true or false"
    ]


@pytest.mark.parametrize("written", ["999ms", "3601s", "0s", "1h1s"])
def test_other_ages_of_streams_are_refused(tmp_path: Path, written: str) -> None:
    """Details can't become older than an hour, and are not asked for all the time."""
    assert errors(write(tmp_path, document(collection={"streams": {"max_age": written}}))) == [
        f'collection.streams.max_age: found "{written}"; '
        "accepted: a duration from 1s to 3600s, like 10s, 500ms or 1m30s"
    ]


@pytest.mark.parametrize(
    "written", ["0s", "99ms", "601s", 5, 0.5, "", "10", "1h30m", "1s1m", "-1s", "1.5s", "٣s", "1d", " 5s"]
)
def test_other_durations_are_refused(tmp_path: Path, written: object) -> None:
    """A number without its unit, a unit out of order, too little and too much are shown as they stand."""
    shown = f'"{written}"' if isinstance(written, str) else written
    assert errors(write(tmp_path, document({"timeout": written}))) == [
        f"{FIRST}.timeout: found {shown}; accepted: {A_DURATION}"
    ]


def test_a_duration_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    """A number that Python refuses to read is answered like any other that is too large."""
    for unit in ("h", "m", "s", "ms"):
        file = write(tmp_path, document({"timeout": "9" * 5000 + unit}))
        assert errors(file) == [f"{FIRST}.timeout: found a text; accepted: {A_DURATION}"]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ([], "[]"),
        ([5, 5], "[5, 5]"),
        ([5, 1], "[5, 1]"),
        ([0, 1], "[0, 1]"),
        ([1, math.nan], "[1, NaN]"),
        ([1, math.inf], "[1, Infinity]"),
        ([True, 5], "[true, 5]"),
        (["1", 5], '["1", 5]'),
        ([[1]], "a list"),
        (list(range(1, 52)), "a list"),
        (5, "5"),
        ({"le": 5}, "a mapping"),
    ],
)
def test_other_buckets_are_refused(tmp_path: Path, written: object, found: str) -> None:
    """Buckets rise, are finite numbers, and at least one; a short list is shown."""
    assert errors(write(tmp_path, document(metrics={"duration_buckets": written}))) == [
        f"metrics.duration_buckets: found {found}; accepted: {BUCKETS}"
    ]


@pytest.mark.parametrize(
    "written",
    [
        *("api.example.com", "//api.example.com", "ftp://api.example.com", "https://", "https://."),
        *("https://a b", " https://a", "https://a/\t", "https://a..b", "https://<a>", "https://[::1"),
        *("https://a:0", "https://a:65536", "https://a:x", "https://a:", "https://a:-1", ""),
        *(
            "https://\u0660a.example",
            "https://\u2603.example",
            "https:a",
            "https:///a",
        ),
    ],
)
def test_other_base_urls_are_refused(tmp_path: Path, written: str) -> None:
    """No scheme or another one, no host, spaces, a port that can't be: shown as they stand."""
    shown = written.replace("\t", r"\t")
    assert errors(write(tmp_path, document({"base_url": written}))) == [
        f'{FIRST}.base_url: found "{shown}"; accepted: {A_URL}'
    ]


@pytest.mark.parametrize(
    ("written", "found", "accepted"),
    [
        (f"https://key:{TOKEN}@a", "a text with @, as in a URL with credentials", A_URL),
        (f"https://{TOKEN}@a:99999", "a text with @, as in a URL with credentials", A_URL),
        (f"https://key:{TOKEN}@a/v3?b#c", "a text with @, as in a URL with credentials", A_URL),
        (f"key:{TOKEN}@a b", "a text with @, as in a URL with credentials", A_URL),
        (f"https://a?token={TOKEN}", "a text with ?, as in a URL with a query", "https://a"),
        ("https://a?", "a text with ?, as in a URL with a query", "https://a"),
        (f"HTTPS://A:443/b?{TOKEN}#c", "a text with ?, as in a URL with a query", "https://a"),
        (f"https://a:8443#{TOKEN}", "a text with #, as in a URL with a fragment", "https://a:8443"),
        (f"https://a:0/#{TOKEN}", "a text with #, as in a URL with a fragment", A_URL),
    ],
)
def test_a_base_url_that_may_hold_credentials_is_not_shown(
    tmp_path: Path, written: str, found: str, accepted: str
) -> None:
    """Whatever else is wrong with it, a URL in which credentials could stand is only described."""
    assert errors(write(tmp_path, document({"base_url": written}))) == [
        f"{FIRST}.base_url: found {found}; accepted: {accepted}"
    ]


@pytest.mark.parametrize(
    ("written", "accepted"),
    [
        ("https://ccm-api.in.exotel.com/v3", "https://ccm-api.in.exotel.com"),
        ("https://ccm-api.in.exotel.com/v3/accounts/", "https://ccm-api.in.exotel.com"),
        ("https://[::1]:8080/exotel/", "https://[::1]:8080"),
        ("HTTPS://CCM-API.exotel.com:443//v3", "https://ccm-api.exotel.com"),
        ("https://a/%20", "https://a"),
        ("https://a\\b", "https://a"),
    ],
)
def test_a_base_url_with_a_path_is_told_without_it(tmp_path: Path, written: str, accepted: str) -> None:
    """What was copied from the API's documentation or from curl: the line says what to write."""
    assert errors(write(tmp_path, document({"base_url": written}))) == [
        f"{FIRST}.base_url: found {json.dumps(written)} (a path after the host); accepted: {accepted}"
    ]


HOSTS = st.text("aA0-_.\u00e9\u0660:@[]%/\\?# ", max_size=12) | st.text(max_size=6)


@given(written=st.builds("{}{}{}".format, st.sampled_from(["https://", "HTTPS://", ""]), HOSTS, HOSTS))
def test_a_base_url_that_is_read_is_one_that_can_be_asked(folder: Path, written: str) -> None:
    """The client reads scheme, host and port in it, and no more; written down, it is read as the same."""
    try:
        read = only_account(write(folder, document({"base_url": written.replace("${", "")}))).base_url
    except ConfigError:
        return
    assert only_account(write(folder, document({"base_url": read}))).base_url == read
    request = requests.Request("GET", read).prepare()
    assert request.url == f"{read}/"
    assert request.headers == {}
    assert "@" not in read


@pytest.mark.parametrize(
    ("written", "accepted"),
    [
        ("http://ccm-api.in.exotel.com", "https://ccm-api.in.exotel.com"),
        ("HTTP://CCM-API.in.exotel.com:80/", "https://ccm-api.in.exotel.com"),
        ("http://10.0.0.1:8080", "https://10.0.0.1:8080"),
        ("http://128.0.0.1", "https://128.0.0.1"),
        ("http://[::2]", "https://[::2]"),
        ("http://localhost.example.com", "https://localhost.example.com"),
        ("http://notlocalhost", "https://notlocalhost"),
        ("http://a.localhost", "https://a.localhost"),  # a resolver may ask the network for it
    ],
)
def test_credentials_in_clear_are_refused(tmp_path: Path, written: str, accepted: str) -> None:
    """Over a network HTTP shows the token to whoever listens; the line says what to write instead."""
    told = [
        f'{FIRST}.base_url: found "{written}" (credentials would leave this machine in clear text); '
        f"accepted: {accepted} (or allow_http: true)"
    ]
    refused = {"base_url": written}
    assert errors(write(tmp_path, document(refused))) == told
    assert errors(write(tmp_path, document({**refused, "call_limit": "x"})))[:1] == told
    own = {**refused, "allow_http": False}
    assert errors(write(tmp_path, document(own, collection={"allow_http": True}))) == told
    only_account(write(tmp_path, document(refused, collection={"allow_http": True})))
    only_account(write(tmp_path, document({**refused, "allow_http": True})))
    with pytest.raises(ConfigError) as caught:
        from_environment({**VARIABLES, "EXOTEL_BASE_URL": written})
    assert str(caught.value) == (
        f'environment: EXOTEL_BASE_URL: found "{written}" (credentials would leave this machine in '
        f"clear text); accepted: {accepted}"
    )


def test_credentials_for_sessions_are_refused_in_clear_as_well(tmp_path: Path) -> None:
    """They go to AgentStream's host too."""
    collection = {"agent_streams_url": "http://voice.example.com"}
    [told] = errors(write(tmp_path, document(collection=collection)))
    assert told == (
        'collection.agent_streams_url: found "http://voice.example.com" (credentials would leave this '
        "machine in clear text); accepted: https://voice.example.com (or allow_http: true)"
    )
    [told] = errors(write(tmp_path, document(collection)))
    assert told.startswith("accounts[0] (acme1).agent_streams_url: found")
    allowed = {**collection, "allow_http": True}
    [told] = errors(write(tmp_path, document({"allow_http": False}, collection=allowed)))
    assert told.startswith(f'{FIRST}.agent_streams_url: found "http://voice.example.com" (credentials would')
    only_account(write(tmp_path, document(collection={**collection, "allow_http": True})))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:9928", "127.255.255.254", "localhost", "localhost.", "LOCALHOST:80", "[::1]"],
)
def test_credentials_in_clear_are_fine_on_this_machine(tmp_path: Path, host: str) -> None:
    """A simulator, or a proxy that adds TLS, which the loopback interface leads to."""
    url = f"http://{host}"
    assert only_account(write(tmp_path, document({"base_url": url}))).base_url.startswith("http:")
    assert from_environment({**VARIABLES, "EXOTEL_BASE_URL": url}).accounts[0].base_url.startswith("http:")


@pytest.mark.parametrize(
    ("base_url", "proxy", "is_fine"),
    [
        ("https://a.example.com", "http://proxy.example.com", True),  # which sees TLS alone
        ("http://localhost", "http://127.0.0.1:3128", True),
        ("http://localhost", "http://user:pass@proxy.example.com", False),
        ("http://localhost", "https://proxy.example.com", False),  # which reads it, and sends it on
        ("http://a.example.com", "http://localhost", False),
    ],
)
def test_a_proxy_is_on_the_way_too(tmp_path: Path, base_url: str, proxy: str, is_fine: bool) -> None:
    """HTTP that a proxy elsewhere forwards leaves this machine, be it for this machine."""
    file = write(tmp_path, document({"base_url": base_url}, collection={"proxy_url": proxy}))
    if is_fine:
        only_account(file)
    else:
        (line,) = errors(file)
        assert (
            f'{FIRST}.base_url: found "{base_url}" (credentials would leave this machine in clear text'
            in line
        )


def test_what_has_too_many_values_is_no_configuration(tmp_path: Path) -> None:
    """It would take minutes to read, and a gigabyte."""
    file = write(tmp_path, f"x: [{'1,' * 400_000}]")
    assert errors(file) == ["found more than 300,000 values; accepted: a configuration file"]


def test_of_thousands_of_errors_the_first_hundred_are_told(tmp_path: Path) -> None:
    """And how many more there are: the answer to a reload stays one that can be read."""
    told = errors(write(tmp_path, yaml.safe_dump({"accounts": [{"i": number} for number in range(1000)]})))
    assert len(told) == 101
    assert "4,900 more invalid values" in told[-1]


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    """Whoever has made five mistakes learns of five, from every section."""
    text = yaml.safe_dump(
        {
            "accounts": [{"account_sid": "a b", "api_key": "", "base_url": "h", "api_token": TOKEN}, 5],
            "metrics": {"duration_buckets": []},
            "logging": {},
        }
    )
    assert errors(write(tmp_path, text)) == [
        f'accounts[0] (a b).account_sid: found "a b"; accepted: {A_SID}',
        "accounts[0] (a b).api_key: found a text (empty); accepted: a non-empty text",
        f'accounts[0] (a b).base_url: found "h"; accepted: {A_URL}',
        f"accounts[1]: found a number; accepted: a mapping with the keys {ACCOUNT_KEYS}",
        f"found the unknown key logging; accepted: {TOP_KEYS}",
        f"metrics.duration_buckets: found []; accepted: {BUCKETS}",
    ]


def test_names_are_unique(tmp_path: Path) -> None:
    """Two accounts can't have one name, be it the SID of one of them."""
    text = yaml.safe_dump({"accounts": [{**ACCOUNT}, {**ACCOUNT, "account_sid": "other", "name": "acme1"}]})
    assert errors(write(tmp_path, text)) == [
        'accounts[1] (acme1).name: found "acme1", also the name of accounts[0]; '
        "accepted: a name that no other account has"
    ]


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAA==\n"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: str) -> None:
    """What can't be an authority's file is told before the first request, not by it."""
    (tmp_path / "a.pem").write_text(content, encoding="utf-8")
    assert errors(write(tmp_path, document(collection={"tls_config": {"ca_file": "a.pem"}}))) == [
        f'collection.tls_config.ca_file: found "a.pem" (no certificates); accepted: {A_FILE}'
    ]


# Files that are no configuration


SPACES = "keys of one section indented alike, with spaces"
IN_QUOTES = "YAML, with special characters in quotes"


@pytest.mark.parametrize(
    ("text", "line", "found", "accepted"),
    [
        (
            "a: [1,\n",
            2,
            "a YAML error (expected the node content, but found '<stream end>')",
            IN_QUOTES,
        ),
        ("a:\n\tb: 1", 2, "a tab in the indentation", SPACES),
        ("a:\n  - b: 1\n   c: 2", 3, "a key that is indented wrongly", SPACES),
        ("a:\n  b: 1\n - c", 3, "an item that is indented wrongly", SPACES),
        ("a: 1\n  b: 2", 2, "a colon where no key can stand", f"{SPACES}; texts with a colon in quotes"),
        ("a: {b: ${C}}", 1, "a YAML error (expected ',' or '}', but got '{')", IN_QUOTES),
        ("a: *b", 1, "a YAML error (found undefined alias 'b')", IN_QUOTES),
        ("a: 1\n---\nb: 2", 2, "a YAML error (but found another document)", IN_QUOTES),
        (
            "a: !!python/object:os.x {}",
            1,
            "a YAML error (could not determine a constructor for the tag)",
            IN_QUOTES,
        ),
        ("[1]: 2", 1, "a YAML error (found unhashable key)", IN_QUOTES),
        *(
            (text, 1, "a YAML error (a value that doesn't fit its type)", IN_QUOTES)
            for text in (
                *("a: 2024-13-45", "a: !!int x", "a: !!bool x", "a: !!timestamp x"),
                "a: " + "9" * 5000,
            )
        ),
        ("a: \x00", None, "a YAML error (special characters are not allowed)", IN_QUOTES),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_yaml_is_one_error(
    tmp_path: Path, text: str, line: int | None, found: str, accepted: str
) -> None:
    """It has the line; tabs and bad indentation have words of their own; no tag makes an object."""
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        from_file(file, {})
    assert caught.value.errors == (InvalidValue(str(file), line, "", found, accepted),)


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "{a: " * 5000], ids=["lists", "mappings"])
def test_bottomless_yaml_is_one_error(tmp_path: Path, text: str) -> None:
    """Nesting beyond all measure is refused."""
    assert errors(write(tmp_path, text)) == ["found nesting that is too deep; accepted: YAML of a few levels"]


@pytest.mark.parametrize(
    ("text", "path", "accepted"),
    [
        ("accounts: &a [*a]", "accounts[0]", f"a mapping with the keys {ACCOUNT_KEYS}"),
        (document() + "metrics: {duration_buckets: &a [*a]}", "metrics.duration_buckets", BUCKETS),
        (document() + "  name: &a [[*a]]", f"{FIRST}.name", A_NAME),
    ],
)
def test_yaml_that_holds_itself_is_refused(tmp_path: Path, text: str, path: str, accepted: str) -> None:
    """An anchor inside itself is neither followed for ever nor shown."""
    assert errors(write(tmp_path, text)) == [f"{path}: found a list; accepted: {accepted}"]


def test_aliases_of_aliases_are_read_once(tmp_path: Path) -> None:
    """A few lines that stand for a billion values take neither memory nor time."""
    levels = "\n".join(f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30))
    text = f"x:\n  - &a0 ['${{SET}}']\n{levels}\n{document()}"
    assert errors(write(tmp_path, text), SET="a") == [f"found the unknown key x; accepted: {TOP_KEYS}"]


def test_a_file_that_is_not_utf8_is_one_error(tmp_path: Path) -> None:
    """The line of the first wrong byte is told."""
    file = tmp_path / "exporter.yaml"
    file.write_bytes("a: 1\nname: é".encode("latin-1"))
    with pytest.raises(ConfigError, match="yaml:2: found bytes that aren't UTF-8; accepted: "):
        from_file(file, {})


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    """A file that isn't there is named."""
    assert errors(tmp_path / "none.yaml") == [
        "found no such file or directory; accepted: the path of a readable YAML file"
    ]


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    """A folder in place of the file is one error."""
    assert errors(tmp_path) == ["found a directory; accepted: the path of a readable YAML file"]


def test_a_file_that_is_too_long_is_one_error(tmp_path: Path) -> None:
    """No more is read than a configuration could be long."""
    with (tmp_path / "large.yaml").open("wb") as large:
        large.truncate(100 * 2**20)
    assert errors(tmp_path / "large.yaml") == ["found more than 4 MiB; accepted: a configuration file"]


# Secrets


def test_paths_start_from_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the program is started, a relative path means the same file; an absolute one is itself."""
    monkeypatch.chdir("/")
    (tmp_path / "token").write_text("near", encoding="utf-8")
    (tmp_path / "key").write_text("absolute", encoding="utf-8")
    keys = {"api_key": None, "api_token": None, "api_token_file": "token", "api_key_file": f"{tmp_path}/key"}
    account = only_account(write(tmp_path, document(keys)))
    assert (account.api_token.reveal(), account.api_key.reveal()) == ("near", "absolute")


def test_white_space_around_a_secret_is_no_part_of_it(tmp_path: Path) -> None:
    """A line end that came with a variable or a YAML block is dropped."""
    account = only_account(write(tmp_path, document({"api_key": "${KEY}"})), KEY=" from-outside\n")
    assert account.api_key.reveal() == "from-outside"


def test_a_secret_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A rotated credential is in force at once, without the line end that editors leave."""
    (tmp_path / "token").write_text("before\n", encoding="utf-8")
    account = only_account(write(tmp_path, document({"api_token": None, "api_token_file": "token"})))
    assert account.api_token.reveal() == "before"
    (tmp_path / "token").write_bytes("\ufeff after\r\n".encode())
    assert account.api_token.reveal() == "after"


def test_a_secret_file_that_vanishes_says_so(tmp_path: Path) -> None:
    """Asked for what is gone, a secret names its file and the reason."""
    file = tmp_path / "token"
    with pytest.raises(SecretUnreadable) as caught:
        Secret(file=file).reveal()
    assert str(caught.value) == f"secret file {file}: no such file or directory"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file or directory"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"ELF\x00\x01", "not one line of printable text"),
        (b"one\ntwo\n", "not one line of printable text"),
    ],
)
def test_a_secret_file_without_a_secret_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    """A file that is missing, empty, binary or of many lines is named with the reason, never quoted."""
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    assert errors(write(tmp_path, document({"api_token": None, "api_token_file": "token"}))) == [
        f'{FIRST}.api_token_file: found "token" ({why}); accepted: {A_SECRET_FILE}'
    ]


def test_a_secret_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder holds no secret."""
    assert errors(write(tmp_path, document({"api_token": None, "api_token_file": "."}))) == [
        f'{FIRST}.api_token_file: found "." (a directory); accepted: {A_SECRET_FILE}'
    ]


def test_an_unreadable_secret_file_is_refused(tmp_path: Path) -> None:
    """A file that can't be opened is named with the reason; a link to itself is one for root as well."""
    (tmp_path / "token").symlink_to("token")
    assert errors(write(tmp_path, document({"api_token": None, "api_token_file": "token"}))) == [
        'accounts[0] (acme1).api_token_file: found "token" (too many levels of symbolic links); '
        f"accepted: {A_SECRET_FILE}"
    ]


@pytest.mark.parametrize("written", ["a\0b", "a\ud800b", "", 5, ["token"]])
def test_what_is_no_path_is_refused(tmp_path: Path, written: object) -> None:
    """Texts that no file can be called by, and what is no text at all, are refused too."""
    (line,) = errors(write(tmp_path, document({"api_token": None, "api_token_file": written})))
    assert line.startswith("accounts[0] (acme1).api_token_file: found ")
    assert line.endswith(f"; accepted: {A_SECRET_FILE}")


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (5551234, f"a number {QUOTES}"),
        ([TOKEN], "a list"),
        ({TOKEN: TOKEN}, "a mapping"),
        (" ", "a text (empty)"),
        (f"{TOKEN}\n{TOKEN}", "a text (not one line of printable text)"),
        (f"{TOKEN}${{", NO_VARIABLE),
        (f"${{{TOKEN}}}", NO_VARIABLE),
        (f"{TOKEN}${{NO}}", "${NO}, which is not set in the environment"),
    ],
)
def test_an_error_in_a_secret_does_not_show_it(tmp_path: Path, written: object, found: str) -> None:
    """Of a secret's own value the error tells the kind alone."""
    lines = errors(write(tmp_path, document({"api_token": written})))
    assert lines == [f"{FIRST}.api_token: found {found}; accepted: a non-empty text"]


@pytest.mark.parametrize(
    "account",
    [
        {"account_sid": "${SECRET} "},
        {"name": "${SECRET}\n"},
        {"base_url": "${SECRET}"},
        {"base_url": "https://${SECRET}@host"},
        {"call_limit": "${SECRET}"},
        {"timeout": "${SECRET}"},
        {"api_key": None, "api_key_file": "${SECRET}"},
        {"proxy_url": "${SECRET}"},
        {"tls_config": {"ca_file": "/etc/${SECRET}"}},
        {"tls_config": "${SECRET}"},
        {"streams": {"enabled": "${SECRET}"}},
        {"lines": "${SECRET}"},
        {"lines": {"sales": "${SECRET}"}},
        {"lines": {"sales": ["${SECRET}"]}},
        {"${SECRET}": 1},
    ],
)
def test_a_variable_in_the_wrong_key_is_not_shown_expanded(tmp_path: Path, account: dict[str, Any]) -> None:
    """The error shows what stands in the file, not the secret that the environment puts there."""
    lines = errors(write(tmp_path, document(account)), SECRET=TOKEN)
    assert len(lines) == 1
    assert TOKEN not in lines[0]


def test_a_secret_that_names_two_accounts_is_not_shown(tmp_path: Path) -> None:
    """Even the error about a name given twice shows the name as it stands in the file."""
    text = yaml.safe_dump({"accounts": [{**ACCOUNT, "name": "${SECRET}"}] * 2})
    (line,) = errors(write(tmp_path, text), SECRET=TOKEN)
    assert 'accounts[1] (${SECRET}).name: found "${SECRET}", also the name of accounts[0]' in line


@pytest.mark.parametrize(
    "text",
    [
        f"accounts: [{{api_key: a, api_token:{TOKEN}}}]",
        f"accounts: [{{api_key: a, api_token={TOKEN}}}]",
        f"accounts: [api_token={TOKEN}]",
        f"accounts: api_token={TOKEN}",
        f"api_token={TOKEN}",
        f"accounts: [{{api_token: *{TOKEN}}}]",
        f"accounts: [{{api_token: !{TOKEN}}}]",
        f"accounts: [{{api_token: !{TOKEN}!{TOKEN}}}]",
        f"accounts: [{{api_token: !<tag:{TOKEN}'s> x}}]",
        f"accounts: [{{api_token: !!int {TOKEN}}}]",
        f"accounts: [{{api_token: '{TOKEN}]",
        f"api_token:{TOKEN}: 1\napi_token:{TOKEN}: 2",
        f"%{TOKEN}\n---\n",
    ],
)
def test_a_secret_that_yaml_takes_for_something_else_is_not_shown(tmp_path: Path, text: str) -> None:
    """A forgotten space or quote makes a key, an alias or a tag of the secret; the error keeps quiet."""
    assert TOKEN not in "\n".join(errors(write(tmp_path, text)))


@pytest.mark.parametrize("written", [f"ftp://key:{TOKEN}@proxy", f"http://key:{TOKEN}@proxy:x", TOKEN])
def test_an_error_in_a_proxy_url_does_not_show_it(tmp_path: Path, written: str) -> None:
    """A proxy's URL may hold credentials, so the error doesn't show it."""
    assert errors(write(tmp_path, document(collection={"proxy_url": written}))) == [
        f"collection.proxy_url: found a text; accepted: {A_PROXY}"
    ]


def test_no_text_of_a_configuration_shows_a_secret(tmp_path: Path) -> None:
    """Neither repr nor str of the whole or of a part shows a key, a token or a proxy's password."""
    proxy = f"http://user:{TOKEN}@proxy.example.com:3128"
    text = document({"api_key": "${KEY}"}, collection={"proxy_url": proxy})
    config = from_file(write(tmp_path, text), {"KEY": TOKEN})
    account = config.accounts[0]
    assert account.api_key.reveal() == TOKEN
    assert account.collection.proxy_url == config.collection.proxy_url == Secret(proxy)
    for part in (config, account, account.collection, account.api_key, account.api_token):
        assert TOKEN not in all_texts(part)


# The environment alone

VARIABLES = {
    "EXOTEL_ACCOUNT_SID": "acme1",
    "EXOTEL_API_KEY": "key",
    "EXOTEL_API_TOKEN": TOKEN,
    "EXOTEL_BASE_URL": "https://api.example.com",
}


def test_the_environment_alone_makes_an_account() -> None:
    """Four variables are one account, with every default."""
    config = from_environment(VARIABLES)
    (account,) = config.accounts
    assert (account.name, account.account_sid, account.base_url) == (
        *("acme1", "acme1"),
        "https://api.example.com",
    )
    assert (account.api_key.reveal(), account.api_token.reveal()) == ("key", TOKEN)
    assert astuple(config.collection) == astuple(CollectionConfig())
    assert config.metrics == MetricsConfig()
    assert TOKEN not in all_texts(config)


def test_values_of_the_environment_are_taken_as_they_are() -> None:
    """`${` means nothing in a variable's value."""
    account = from_environment({**VARIABLES, "EXOTEL_API_TOKEN": "a${B}$${c"}).accounts[0]
    assert account.api_token.reveal() == "a${B}$${c"


def test_errors_in_the_environment_are_named_by_variable() -> None:
    """Each line names the variable to set; an empty one is as good as none."""
    with pytest.raises(ConfigError) as caught:
        from_environment(
            {"EXOTEL_API_TOKEN": f"{TOKEN}\0", "EXOTEL_BASE_URL": "", "EXOTEL_ACCOUNT_SID": "a b"}
        )
    assert str(caught.value).splitlines() == [
        f'environment: EXOTEL_ACCOUNT_SID: found "a b"; accepted: {A_SID}',
        "environment: EXOTEL_API_KEY: found nothing; accepted: a non-empty text",
        "environment: EXOTEL_API_TOKEN: found a text (not one line of printable text); "
        "accepted: a non-empty text",
        f"environment: EXOTEL_BASE_URL: found nothing; accepted: {A_URL}",
    ]


# Whatever the file holds

HIDDEN_KEYS = ["api_key", "api_token", "proxy_url"]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.binary()
)
PLAUSIBLE = st.sampled_from(  # whatever the key, `${SET}` and a line end are refused
    ["a", "https://a", "5s", "${SET}\n", "${UNSET}", "$${", 5, [5, 10], "exporter.yaml"]
)
HIDDEN = st.sampled_from(
    [
        *(TOKEN, [TOKEN], {TOKEN: TOKEN}, f" {TOKEN}\n", f"{TOKEN}\n{TOKEN}", f"{TOKEN}${{UNSET}}"),
        *(f"${{{TOKEN}", f"http://a:{TOKEN}@b:1", f"http://a:{TOKEN}@b:99999", f"ftp://{TOKEN}", "${SET}"),
    ]
)


def mapping(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mappings with the keys of the schema, among others; what is hidden holds the token."""
    known = ["accounts", "collection", "metrics", *(key for key in EVERY_KEY if key not in HIDDEN_KEYS)]
    return st.builds(
        lambda plain, hidden: {**plain, **hidden},
        st.dictionaries(st.sampled_from(known) | st.text(max_size=4), inner | PLAUSIBLE, max_size=6),
        st.dictionaries(st.sampled_from(HIDDEN_KEYS), HIDDEN, max_size=3),
    )


TREES = st.recursive(
    SCALARS | PLAUSIBLE, lambda inner: st.lists(inner, max_size=3) | mapping(inner), max_leaves=20
)
SECTION = mapping(TREES) | st.none()
CONFIGURATIONS = TREES | st.fixed_dictionaries(
    {
        "accounts": st.lists(
            st.builds(lambda given: {**ACCOUNT, **given}, mapping(TREES)) | TREES, min_size=1, max_size=3
        )
    },
    optional={"collection": SECTION, "metrics": SECTION},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of all examples."""
    return tmp_path_factory.mktemp("configurations")


def outcome(file: Path) -> Config | ConfigError:
    """What the file gives; anything else that it raises fails the test."""
    try:
        return from_file(file, {"SET": TOKEN})
    except ConfigError as error:
        found = error
    assert len(str(found).splitlines()) == len(found.errors) > 0
    return found


@given(tree=CONFIGURATIONS)
def test_any_tree_gives_a_configuration_or_its_errors(folder: Path, tree: object) -> None:
    """No tree raises anything but ConfigError, and nothing that is said shows a hidden value."""
    assert TOKEN not in all_texts(outcome(write(folder, yaml.safe_dump(tree))))


@given(text=st.text(alphabet="{}[]:,&*!|>%@`\"'-?#<= \n\tab01~$.", max_size=40))
def test_any_text_gives_a_configuration_or_its_errors(folder: Path, text: str) -> None:
    """No text raises anything but ConfigError."""
    assert isinstance(outcome(write(folder, text)), ConfigError)
