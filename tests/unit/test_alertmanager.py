"""Alertmanager accepts its configuration, tells whom it should, and speaks of alerts that exist."""

import re
from typing import Any

import yaml

from tests.expressions import rules
from tests.tools import ROOT, run

FILE = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
CONFIG: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_alertmanager_accepts_its_configuration() -> None:
    """amtool finds nothing wrong with routes, inhibitions and receivers."""
    run("amtool", "check-config", str(FILE))


def test_severity_decides_who_is_told() -> None:
    """Only what is critical wakes somebody; nothing is lost."""
    command = ("amtool", "config", "routes", "test", f"--config.file={FILE}")
    for labels, receiver in {
        "alertname=ExotelCallsAtLimit severity=critical account=acme": "pager",
        "alertname=ExotelExporterDown severity=critical job=exotel instance=exporter:9927": "pager",
        "alertname=ExotelCallsNearLimit severity=warning account=acme": "chat",
        "alertname=ExotelClockSkew severity=warning job=exotel instance=exporter:9927": "chat",
        "alertname=NotOurs": "chat",
    }.items():
        run(*command, f"--verify.receivers={receiver}", *labels.split())


def test_one_message_tells_all_that_is_wrong_with_an_account() -> None:
    """Whatever a route changes, alerts are grouped by account."""
    assert CONFIG["route"]["group_by"] == ["account"]
    assert not any("group_by" in route for route in CONFIG["route"]["routes"])


def test_inhibitions_are_between_alerts_that_exist() -> None:
    """An alert that is renamed would no longer silence, or be silenced, and nobody would notice."""
    known = {rule["alert"] for rule in rules() if "alert" in rule}
    named = set(re.findall(r"\bExotel\w+", str(CONFIG["inhibit_rules"]))) - {"Exotel"}
    assert named
    assert named <= known


def test_receivers_hold_no_secrets() -> None:
    """What is committed is an example: addresses that belong to nobody, and no keys."""
    for receiver in CONFIG["receivers"]:
        assert receiver.keys() == {"name", "webhook_configs"}
        for target in receiver["webhook_configs"]:
            assert re.fullmatch(r"http://\w+\.example\.com/\w+", target["url"])
