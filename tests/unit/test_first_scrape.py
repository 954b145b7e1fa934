"""The scrape configuration that the page shows, as Prometheus reads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import CollectionConfig
from exporter.http.endpoints import Endpoints
from exporter.http.first_scrape import Asked, ScrapeConfig
from exporter.http.landing import Seen, page
from exporter.web.sections import Seconds
from tests.html import Read
from tests.tools import run

PLAIN = Asked("http", "exporter.example:9927", "10.0.0.7:9927", is_authenticated=False)
PROXIED = Endpoints(
    external_origin="https://example.com", external_prefix="/exotel", prefix="", telemetry_path="/m"
)


def shown(asked: Asked = PLAIN, endpoints: Endpoints | None = None, *collections: CollectionConfig) -> str:
    """Return what the page says to put into Prometheus's configuration."""
    endpoints = endpoints or Endpoints()
    scrape = ScrapeConfig.of(asked, endpoints, collections or (CollectionConfig(),))
    return Read(page([Seen("acme", None)], endpoints, 0.0, scrape)).texts("code")[-1]


def jobs(*arguments: Any) -> dict[str, dict[str, Any]]:
    """Return the jobs of that by their names."""
    return {job["job_name"]: job for job in yaml.safe_load(shown(*arguments))["scrape_configs"]}


def test_the_exporter_is_scraped_where_it_was_asked() -> None:
    """By the name that rules and dashboards look for; what Prometheus takes for granted is left out."""
    assert jobs() == {
        "exotel": {
            "job_name": "exotel",
            "scrape_interval": "15s",
            "scrape_timeout": "11s",
            "static_configs": [{"targets": ["exporter.example:9927"]}],
        }
    }


def test_behind_a_proxy_it_is_scraped_where_people_find_it() -> None:
    """By the external URL, under its path, over its scheme."""
    job = jobs(PLAIN, PROXIED)["exotel"]
    assert (job["scheme"], job["metrics_path"]) == ("https", "/exotel/m")
    assert job["static_configs"] == [{"targets": ["example.com"]}]


@pytest.mark.parametrize(
    ("collection", "interval", "timeout"),
    [
        (CollectionConfig(timeout=Seconds(2.5)), "15s", "4s"),
        (CollectionConfig(timeout=Seconds(30)), "31s", "31s"),
        (CollectionConfig(min_interval=Seconds(60)), "60s", "11s"),
    ],
)
def test_it_is_scraped_at_a_pace_that_suits_the_collections(
    collection: CollectionConfig, interval: str, timeout: str
) -> None:
    """Every collection may take its time, and the answer some more; the slowest account counts."""
    job = jobs(PLAIN, None, CollectionConfig(timeout=Seconds(1)), collection)["exotel"]
    assert (job["scrape_interval"], job["scrape_timeout"]) == (interval, timeout)


def test_accounts_that_are_probed_are_found_at_sd() -> None:
    """Each by itself, with its own label; the exporter's own metrics beside them."""
    found = jobs(PLAIN, Endpoints(probe_only=True, prefix="/exotel"))
    job = found["exotel-accounts"]
    assert found["exotel"]["metrics_path"] == "/exotel/metrics"
    assert job["http_sd_configs"] == [{"url": "http://exporter.example:9927/exotel/sd"}]
    assert (job["metrics_path"], job["honor_labels"]) == ("/exotel/probe", True)
    assert job["relabel_configs"][-1] == {
        "target_label": "__address__",
        "replacement": "exporter.example:9927",
    }


def test_who_had_to_say_a_user_is_told_to_configure_one() -> None:
    """For the scrapes, and for the list of accounts."""
    asked = replace(PLAIN, is_authenticated=True)
    found = jobs(asked, Endpoints(probe_only=True))
    for job in (*found.values(), found["exotel-accounts"]["http_sd_configs"][0]):
        assert job["basic_auth"].keys() == {"username", "password_file"}


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"[a-z.:\[\]0-9@\"'#/ \n]+"))
def test_a_host_that_is_none_is_not_shown(host: str) -> None:
    """Whatever the request says: then the address that was connected to is."""
    [target] = jobs(replace(PLAIN, host=host))["exotel"]["static_configs"][0]["targets"]
    assert target in {host, PLAIN.server}
    assert not set(target) & set("\"'#/@ \n{}<>")


@pytest.mark.parametrize("asked", [PLAIN, replace(PLAIN, host="[::1]:9927", is_authenticated=True)], ids=str)
@pytest.mark.parametrize(
    "endpoints",
    [Endpoints(), PROXIED, replace(PROXIED, probe_only=True), Endpoints(probe_only=True)],
    ids=str,
)
def test_prometheus_accepts_what_is_shown(asked: Asked, endpoints: Endpoints, tmp_path: Path) -> None:
    """As it stands there."""
    config = tmp_path / "prometheus.yml"
    config.write_text(shown(asked, endpoints), encoding="utf-8")
    run("promtool", "check", "config", "--syntax-only", str(config))
