"""The texts of alerts can be written at any time: `servers` finds those that couldn't in Prometheus's log."""

from pathlib import Path

from tests.e2e import exotel, servers
from tests.ports import free_address
from tests.waiting import wait_until

NOWHERE = "127.0.0.1:1"  # who is told isn't what is tested here


def test_texts_are_written_before_much_is_recorded(tmp_path: Path) -> None:
    """The first evaluations find no exporter, and few of the series that the texts look up."""
    with servers.prometheus(tmp_path, [free_address()], NOWHERE) as prometheus:
        wait_until(lambda: "ExotelExporterDown" in _active(prometheus), "an alert")


def test_texts_are_written_until_alerts_end_with_their_exporter(tmp_path: Path) -> None:
    """What an alert compares lasts for minutes, and so must the limit that its text names."""
    limits = {"ExotelCallsAtLimit", "ExotelAgentStreamsNearLimit"}
    own = {"exotel_active_calls_per_call_limit:threshold": 0, "exotel_agent_streams_per_limit:threshold": 0}
    with (
        exotel.simulator(tmp_path, "--speed=0") as url,
        exotel.exporter("exporter", tmp_path, url, limit=1000) as (exporter, program),
        servers.prometheus(tmp_path, [exporter], NOWHERE, own) as prometheus,
    ):
        wait_until(lambda: _active(prometheus) >= limits, "both alerts")
        program.kill()
        wait_until(lambda: not _active(prometheus) & limits, "the end of both")


def _active(prometheus: str) -> set[str]:
    """Return which alerts are pending or firing: in both states their texts are written."""
    return {series["metric"]["alertname"] for series in servers.query(prometheus, "ALERTS")}
