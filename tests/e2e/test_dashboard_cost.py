"""What the dashboards' queries read of a Prometheus."""

from __future__ import annotations

from bench.centres.dashboards import costs


def test_no_query_reads_more_than_2_million_samples_of_20_accounts_in_24_hours() -> None:
    """Where all are shown at once, each scraped every 15 s."""
    assert [(each.place, each.samples) for each in costs() if each.is_too_dear] == []
