"""The rules are accepted, are seen to fire and to end, and tell the one on call what to do."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_parser import MatrixSelector

from grafana import style
from tests.expressions import (
    RULES,
    RUNBOOKS,
    Expression,
    dashboards,
    rule_expressions,
    rules,
    runbook_expressions,
)
from tests.offenders import for_each
from tests.tools import run

PROMETHEUS = RULES.parent
CASES = sorted((RULES / "tests").glob("*.yml"))
RUNBOOKS_URL = '{{ query "url:exotel_runbooks:info" | first | label "url" }}'
GRAFANA = '{{ query "url:exotel_dashboards:info" | first | label "url" }}'

RECORDED = [rule for rule in rules() if "record" in rule]
ALERTS = [rule for rule in rules() if "alert" in rule]
MISTYPED = "ExotelOwnRecordMistyped"
"""It tells of the rules of a user, not of an account or an exporter, and Grafana shows nothing of it."""
OPERATIONAL = [rule for rule in ALERTS if rule["alert"] != MISTYPED]
NAMES = {rule["alert"] for rule in ALERTS}
THRESHOLD = re.compile(
    r"\b(?:account|account_direction|all):(exotel_\w+:(?:threshold|minimum|warning|critical|low|high|rising))\b"
)
SERIES = re.compile(r"\b\w+:exotel_\w+:\w+")
SWITCHES = {"exotel_watched:threshold", "exotel_exporter_config_last_reload_successful:threshold"}
"""Thresholds that are there to switch an alert off: to name them would explain nothing."""

each_alert = for_each((f"{rule['alert']} {rule['labels']['severity']}", rule) for rule in ALERTS)
each_operational = for_each((f"{rule['alert']} {rule['labels']['severity']}", rule) for rule in OPERATIONAL)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("generation")
def test_prometheus_accepts_its_configuration() -> None:
    """promtool finds nothing wrong with the configuration, and sees every file of rules."""
    said = run("promtool", "check", "config", "--lint=all", "--lint-fatal", "prometheus.yml", cwd=PROMETHEUS)
    assert f"{len([*RULES.glob('*.yml')])} rule files found" in said


@pytest.mark.usefixtures("generation")
def test_rules_pass_every_lint() -> None:
    """promtool has no complaint about any rule, not even a small one."""
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES.glob("*.yml")))


@pytest.mark.usefixtures("generation")
@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_fire_and_resolve_as_their_cases_say(cases: Path) -> None:
    """promtool evaluates the rules on the series of each case."""
    run("promtool", "test", "rules", str(cases))


def test_every_alert_has_a_case_that_fires_one_that_does_not_and_one_that_resolves() -> None:
    """An alert that was never seen to fire, or to end, is a hope."""
    fires: set[tuple[str, str]] = set()
    silent_before: set[str] = set()
    silent_after: set[str] = set()
    for case in (case for file in CASES for case in _yaml(file)["tests"]):
        fired: set[str] = set()
        for check in case.get("alert_rule_test", []):
            name = check["alertname"]
            fires |= {(name, alert["exp_labels"]["severity"]) for alert in check.get("exp_alerts", [])}
            if check.get("exp_alerts"):
                fired.add(name)
            else:
                (silent_after if name in fired else silent_before).add(name)
    assert fires == {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS}
    assert (silent_before, silent_after) == (NAMES, NAMES)


@each_alert
def test_alert_tells_the_one_on_call_what_to_do(alert: dict[str, Any]) -> None:
    """Each says how bad it is, of whom it speaks, and links what to do and where to look."""
    assert alert["alert"].startswith("Exotel")
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"warning", "critical"}
    annotations = alert["annotations"]
    dashboard = {"dashboard_url"} if alert in OPERATIONAL else set()
    assert annotations.keys() == {"summary", "description", "runbook_url", *dashboard}
    subject = re.search(r"\$labels\.(account|instance|record)\b", annotations["summary"])
    assert subject
    assert subject[0] in annotations["description"]
    assert annotations["runbook_url"] == f"{RUNBOOKS_URL}#{alert['alert'].lower()}"


@each_alert
def test_alert_waits_before_it_wakes_anybody(alert: dict[str, Any]) -> None:
    """But for credentials that are refused: no waiting mends them."""
    assert (alert["for"] == "0s") == (alert["alert"] == "ExotelCredentialsRefused")


@each_operational
def test_alert_leads_to_a_dashboard_that_exists_and_selects_its_subject(alert: dict[str, Any]) -> None:
    """The address begins where Grafana is, set in one place; a uid and the value of a label follow."""
    address = alert["annotations"]["dashboard_url"]
    link = re.fullmatch(
        re.escape(GRAFANA) + r"/d/([a-z-]+)\?var-(account|instance)={{ \$labels\.(\w+) \| urlquery }}",
        address,
    )
    assert link, address
    assert link[2] == link[3]
    assert link[1] in {dashboard["uid"] for dashboard in dashboards().values()}


@each_alert
def test_alert_compares_with_thresholds_and_names_them(alert: dict[str, Any]) -> None:
    """No number hides in an alert, but 0 and 1: none, and all. What it was compared to stands in its text."""
    assert not set(re.findall(r"(?:[<>]=?|==)\s+([\d.]+)", alert["expr"])) - {"0", "1"}
    named = set(THRESHOLD.findall(alert["annotations"]["description"]))
    assert set(THRESHOLD.findall(alert["expr"])) - SWITCHES <= named


def test_every_threshold_is_recorded_in_one_place_and_compared_with() -> None:
    """What stands in thresholds.yml is what other rules use: nothing is missing, nothing left over."""
    used = {match[0] for rule in rules() for match in THRESHOLD.finditer(rule["expr"])}
    [group] = _yaml(RULES / "thresholds.yml")["groups"]
    recorded = {rule["record"] for rule in group["rules"] if "record" in rule}
    thresholds = {record for record in recorded if THRESHOLD.fullmatch(record)}
    assert thresholds == used
    assert recorded - thresholds == {
        "url:exotel_dashboards:info",
        "url:exotel_runbooks:info",
        "le:exotel_service_level:bucket",
        "account:exotel_up:group",
        "all:exotel_own_records:group",
        "record_wrong:exotel_own_records:group",
    }


def test_scrapes_are_compared_with_the_interval_that_is_configured() -> None:
    """The threshold of ExotelScrapedTooOften follows scrape_interval, which no series tells."""
    [job] = _yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    [expr] = [rule["expr"] for rule in RECORDED if "sustainable_interval_seconds:threshold" in rule["record"]]
    assert _last_resort(expr) == float(job["scrape_interval"].removesuffix("s"))


def test_inhibitions_are_between_alerts_that_exist() -> None:
    """An alert that is renamed would no longer silence, or be silenced, and nobody would notice."""
    alertmanager = _yaml(PROMETHEUS.parent / "alertmanager" / "alertmanager.yml")
    named = set(re.findall(r"\bExotel\w+", str(alertmanager["inhibit_rules"]))) - {"Exotel"}
    assert named
    assert named <= NAMES


def test_every_alert_has_a_complete_section_in_the_runbooks() -> None:
    """The runbooks cover each alert, and nothing else, with the same questions answered."""
    _, *sections = RUNBOOKS.read_text(encoding="utf-8").split("\n## ")
    titles = [section.partition("\n")[0] for section in sections]
    assert sorted(titles) == sorted(NAMES)
    for section in sections:
        asked = re.findall(r"^\*\*(.+?)\.\*\*", section, re.MULTILINE)
        assert asked[:4] == ["What it means", "What the customer feels", "How to confirm", "What to do"]
        assert asked[4:] == ([] if section.startswith(MISTYPED) else ["What to set"])


@each_operational
def test_runbook_tells_every_number_that_can_be_set(alert: dict[str, Any]) -> None:
    """Whoever is woken finds the own record of each threshold that the alert compares with or names."""
    _, _, section = RUNBOOKS.read_text(encoding="utf-8").partition(f"\n## {alert['alert']}\n")
    _, _, listed = section.partition("\n## ")[0].partition("\n**What to set.**")
    named = THRESHOLD.findall(f"{alert['expr']} {alert['annotations']['description']}")
    assert named
    assert {f"own:{name}" for name in named} <= {*re.findall(r"^\| `(own:.+?)` \|", listed, re.MULTILINE)}


@pytest.mark.usefixtures("generation")
def test_queries_of_the_runbooks_are_valid_promql(tmp_path: Path) -> None:
    """What is to be pasted into Prometheus while an alert is on is understood there."""
    queries = [expression.promql for expression in runbook_expressions()]
    assert len(queries) >= len(NAMES)
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}))
    assert f"{len(queries)} rules found" in run("promtool", "check", "rules", str(file))


LONGEST_INTERVAL = timedelta(seconds=30)
"""Between scrapes, as docs/alerts.md has it."""


@for_each((each.place, each) for each in (*rule_expressions(), *runbook_expressions()))
def test_every_range_holds_four_scrapes(expression: Expression) -> None:
    """However they fall: a range begins after its first moment. One scrape that is late or lost is no gap."""
    ranges = [node.range for node in expression.nodes if isinstance(node, MatrixSelector)]
    assert [each for each in ranges if each < 4 * LONGEST_INTERVAL] == []


#: Rings are counted up to 5 minutes back, however long their share is of.
COUNTED = {"account_direction:exotel_observed_rings_answered:ratio15m": {"5m"}}


def test_a_record_that_names_a_time_looks_back_on_it() -> None:
    """In all of its ranges."""
    timed = [(rule, name[1]) for rule in RECORDED if (name := re.search(r"[a-z](\d+[mh])$", rule["record"]))]
    assert len(timed) > 30
    for rule, time in timed:
        ranges = set(re.findall(r"\[(\w+)[]:]", rule["expr"]))
        assert not ranges or ranges == {time} | COUNTED.get(rule["record"], set()), rule["record"]


def test_recording_rules_are_named_by_level_metric_and_operations() -> None:
    """The name of a recorded series says which labels it keeps and what was done to it."""
    assert RECORDED
    for rule in RECORDED:
        assert re.fullmatch(r"[a-z_]+:exotel_[a-z_]+:[a-z0-9_]+", rule["record"])


def test_what_alerts_of_one_group_alone_read_is_recorded_in_it_before_them() -> None:
    """Rules of a group are evaluated in order, groups at once: only so do its alerts see one value."""
    groups = [group["rules"] for path in RULES.glob("*.yml") for group in _yaml(path)["groups"]]
    read = [
        {name for rule in group if "alert" in rule for name in SERIES.findall(rule["expr"])}
        for group in groups
    ]
    slow = [_yaml(RULES / name)["groups"][0]["rules"] for name in ("thresholds.yml", "usual.yml")]
    for number, group in enumerate(groups):
        shared = {rule["record"] for rules_of in slow for rule in rules_of if "record" in rule}
        shared |= {name for other, names in enumerate(read) if other != number for name in names}
        recorded: set[str] = set()
        for rule in group:
            if "alert" in rule:
                assert {*SERIES.findall(rule["expr"])} - shared <= recorded
            else:
                recorded.add(rule["record"])


SCALES = {
    "exotel_longest_call_duration_seconds": style.CALL_LENGTH,
    "exotel_observed_calls_returned": style.RETURNED,
    "exotel_sustainable_interval_seconds": style.INTERVAL,
}
"""Of figures whose thresholds are the same for all accounts, unless they have their own."""


def _last_resort(expr: str) -> float | None:
    """The number that holds for accounts without a threshold of their own and without a usual value."""
    number = re.search(r"or on \(account\) ([\d.]+) \* account:exotel_up:group$", expr)
    return float(number[1]) if number else None


def test_panels_change_colour_where_alerts_begin() -> None:
    """Whoever changes a threshold is told which scale of grafana/style.py to change with it."""
    for subject, scale in SCALES.items():
        thresholds = {
            _last_resort(rule["expr"])
            for rule in RECORDED
            if re.fullmatch(f"account:{subject}:(threshold|warning|critical)", rule["record"])
        }
        assert thresholds, subject
        assert thresholds <= set(scale.steps), subject
