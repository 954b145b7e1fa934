"""A configuration that is shown: all that was set, but for what is secret or a telephone number."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import CollectionConfig, MetricsConfig, from_file, redacted
from exporter.config.call_slots import DIRECTIONS
from exporter.web.sections import keys
from tests.configurations import TOKEN, document, write

NUMBER = "+91 80 1234 5678"
FULL = {
    "name": "acme नमस्ते",
    "call_limit": 120,
    "lines": {"sales": [NUMBER, "+912212345678"]},
    "call_slots": {"Incoming": 1, "outbound_api": 2},
    "proxy_url": f"http://user:{TOKEN}@proxy.example.com:3128",
    "timeout": "1m30s",
    "min_interval": "1500ms",
    "streams": {"enabled": True, "max_age": "30s"},
}


def test_nothing_secret_and_no_number_is_shown(tmp_path: Path) -> None:
    """Keys, tokens, a proxy's password and telephone numbers leave a mark where they stood, and no more."""
    [account] = from_file(write(tmp_path, document(FULL)), {}).accounts
    shown = redacted(account)
    assert (shown["api_key"], shown["api_token"]) == ("<secret>", "<secret>")
    assert shown["collection"]["proxy_url"] == "<secret>"
    assert shown["collection"]["call_slots"] == {"inbound": 1, "outbound-api": 2}
    assert shown["lines"] == {"sales": ["<telephone number>"] * 2}
    text = yaml.safe_dump(shown, allow_unicode=True)
    assert not any(part in text for part in (TOKEN, "12345678", "user", "proxy.example"))


def test_the_file_of_a_secret_is_shown(tmp_path: Path) -> None:
    """Where a token is read from helps whoever looks for a mistake, and tells nothing of it."""
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    [account] = from_file(
        write(tmp_path, document({"api_token": None, "api_token_file": "token"})), {}
    ).accounts
    assert redacted(account)["api_token_file"] == str(tmp_path / "token")
    assert "api_token" not in redacted(account)


def test_every_setting_is_shown_by_its_key() -> None:
    """What is shown has a key for each setting, and no other."""
    assert redacted(CollectionConfig()).keys() == set(keys(CollectionConfig))
    assert redacted(MetricsConfig()).keys() == set(keys(MetricsConfig))


@given(
    timeout=st.integers(100, 600_000),
    slots=st.dictionaries(st.sampled_from(DIRECTIONS), st.integers(1, 10)),
    interval=st.integers(0, 600_000),
    buckets=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50, unique=True).map(sorted),
    grade=st.floats(0.0001, 0.5),
)
def test_what_is_shown_reads_back(
    tmp_path_factory: pytest.TempPathFactory,
    timeout: int,
    slots: dict[str, int],
    interval: int,
    buckets: list[float],
    grade: float,
) -> None:
    """Put into a file, with credentials in their places, it is the configuration that it shows."""
    given = {
        "timeout": f"{timeout}ms",
        "call_slots": slots,
        "min_interval": f"{interval}ms",
        "streams": {"max_age": "1m30s"},
    }
    folder = tmp_path_factory.mktemp("configuration")
    metrics = {"duration_buckets": buckets, "grade_of_service": grade}
    before = from_file(write(folder, document({}, collection=given, metrics=metrics)), {})
    shown = {"collection": redacted(before.collection), "metrics": redacted(before.metrics)}
    after = from_file(write(folder, document({}, **shown)), {})
    assert (after.collection, after.metrics) == (before.collection, before.metrics)
