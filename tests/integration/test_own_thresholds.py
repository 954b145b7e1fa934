"""Numbers of a user's own come first, for one account or all; NaN switches off; no upgrade touches them."""

import copy
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.expressions import RULES, rules
from tests.tools import run

PROMETHEUS = RULES.parent
EXAMPLE = PROMETHEUS / "own.example.yml"
CONFIGURATIONS = [path for path in PROMETHEUS.glob("*.yml") if path != EXAMPLE]
CASES = sorted((RULES / "tests").glob("*.yml"))

THRESHOLD = re.compile(
    r"\b(account|account_direction|all):(exotel_\w+:(?:threshold|minimum|warning|critical|low|high|rising))\b"
)
OWN = re.compile(r"\bown:(exotel_\w+:\w+)\b")
ALERTS = [rule for rule in rules() if "alert" in rule and rule["alert"] != "ExotelOwnRecordMistyped"]
"""Those that compare with thresholds."""


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


THRESHOLDS = {
    rule["record"]: rule["expr"]
    for group in _yaml(RULES / "thresholds.yml")["groups"]
    for rule in group["rules"]
    if THRESHOLD.fullmatch(rule.get("record", ""))
}


def _promtool(folder: Path, cases: dict[str, Any]) -> None:
    (folder / "case.yml").write_text(yaml.safe_dump(cases), encoding="utf-8")
    run("promtool", "test", "rules", "case.yml", cwd=folder)


def test_every_threshold_has_a_name_for_a_number_of_ones_own() -> None:
    """It is the name of its record, but for what it is recorded of."""
    for record, expr in THRESHOLDS.items():
        assert {*OWN.findall(expr)} == {record.partition(":")[2]}


def _uncommented_example() -> str:
    """The example with all of its records."""
    return re.sub(r"^( +)# (- \{record: )", r"\1\2", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.usefixtures("generation")
def test_the_example_has_no_record_until_one_is_uncommented() -> None:
    """Whoever copies it gets no target, nor the Grafana of example.com."""
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(EXAMPLE))
    assert [group["rules"] for group in _yaml(EXAMPLE)["groups"]] == [None]


@pytest.mark.usefixtures("generation")
def test_each_record_of_the_example_is_accepted_and_read(tmp_path: Path) -> None:
    """Uncommented, line by line: one that no threshold reads would change nothing."""
    file = tmp_path / "own.yml"
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    commented = [number for number, line in enumerate(lines) if line.lstrip().startswith("# - {")]
    known = {f"own:{name}" for rule in rules() for name in OWN.findall(rule["expr"])}
    for number in commented:
        uncommented = [*lines[:number], lines[number].replace("# ", "", 1), *lines[number + 1 :]]
        file.write_text("\n".join(uncommented), encoding="utf-8")
        [[rule]] = [group["rules"] for group in _yaml(file)["groups"]]
        assert rule["record"] in known
    file.write_text(_uncommented_example(), encoding="utf-8")
    assert f"{len(commented)} rules found" in run(
        "promtool", "check", "rules", "--lint=all", "--lint-fatal", str(file)
    )


@pytest.mark.usefixtures("generation")
def test_no_record_of_the_example_is_told_to_be_mistyped(tmp_path: Path) -> None:
    """All of them at once, even where all that is recorded gets a label, as in some Kubernetes."""
    for labels in ({}, {"namespace": "monitoring"}):
        own, thresholds = yaml.safe_load(_uncommented_example()), _yaml(RULES / "thresholds.yml")
        for rule in (
            rule for file in (own, thresholds) for group in file["groups"] for rule in group["rules"]
        ):
            rule["labels"] = {**rule.get("labels", {}), **labels}
        for name, file in (("own", own), ("thresholds", thresholds)):
            (tmp_path / f"{name}.yml").write_text(yaml.safe_dump(file), encoding="utf-8")
        added = "".join(f', {name}="{value}"' for name, value in labels.items())
        record = "account:exotel_recording_enabled_calls:threshold"
        values = {"acme": 0.5, "globex": 0.95}
        case = {
            "interval": "1m",
            "input_series": [
                {"series": f'account:exotel_up:max2m{{account="{account}"{added}}}', "values": "1x10"}
                for account in values
            ],
            "alert_rule_test": [
                {"alertname": "ExotelOwnRecordMistyped", "eval_time": "9m", "exp_alerts": []}
            ],
            "promql_expr_test": [
                {
                    "expr": record,
                    "eval_time": "9m",
                    "exp_samples": [
                        {"labels": f'{record}{{account="{account}"{added}}}', "value": value}
                        for account, value in values.items()
                    ],
                }
            ],
        }
        order = ["exotel-own", "exotel-thresholds"]
        files = ["own.yml", "thresholds.yml"]
        _promtool(tmp_path, {"rule_files": files, "group_eval_order": order, "tests": [case]})


@pytest.mark.usefixtures("generation")
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda path: path.stem)
def test_prometheus_reads_files_of_ones_own_beside_the_rules(configuration: Path, tmp_path: Path) -> None:
    """Whether there are any, as the example copied to own/, or none."""
    shutil.copy(configuration, tmp_path)
    shutil.copytree(RULES, tmp_path / "rules", ignore=shutil.ignore_patterns("tests"))
    (tmp_path / "own").mkdir()
    bundled = len([*RULES.glob("*.yml")])
    check = ("promtool", "check", "config", "--lint=none")
    assert f"{bundled} rule files found" in run(*check, configuration.name, cwd=tmp_path)
    shutil.copy(EXAMPLE, tmp_path / "own" / "mine.yml")
    assert f"{bundled + 1} rule files found" in run(*check, configuration.name, cwd=tmp_path)


def test_no_bundled_rule_is_a_number_of_ones_own() -> None:
    """An upgrade replaces rules/ whole: what a user set would be gone, or doubled."""
    assert not [rule for rule in rules() if rule.get("record", "").startswith("own:")]


@pytest.mark.usefixtures("generation")
def test_a_number_of_ones_own_holds_for_all_accounts_but_those_that_have_their_own(tmp_path: Path) -> None:
    """Both come before what is usual, and before the number that holds for everybody else."""
    series = {}
    for account in ("acme", "globex"):
        series[f'account:exotel_up:max2m{{account="{account}"}}'] = 1
        for expr in THRESHOLDS.values():
            for name in re.findall(r"without \(\) \((\w+:exotel_\w+:\w+)\)", expr):
                series[f'{name}{{account="{account}", direction="inbound"}}'] = 1
            for figure in re.findall(r'figure="(\w+)"', expr):
                labels = f'account="{account}", direction="inbound", figure="{figure}"'
                series[f"account_figure:exotel_figure:usual{{{labels}}}"] = 1
    checks = []
    for record in THRESHOLDS:
        level, _, name = record.partition(":")
        series[f"own:{name}"] = 5
        expected = {"": 5}
        if level != "all":
            series[f'own:{name}{{account="acme"}}'] = 7
            direction = ', direction="inbound"' if level == "account_direction" else ""
            expected = {f'account="acme"{direction}': 7, f'account="globex"{direction}': 5}
        samples = [{"labels": f"{record}{{{labels}}}", "value": value} for labels, value in expected.items()]
        checks.append({"expr": record, "eval_time": "3m", "exp_samples": samples})
    inputs = [{"series": name, "values": f"{value}x5"} for name, value in series.items()]
    case = {"interval": "1m", "input_series": inputs, "promql_expr_test": checks}
    _promtool(tmp_path, {"rule_files": [str(RULES / "thresholds.yml")], "tests": [case]})


def _compared_with(alert: dict[str, Any]) -> set[str]:
    """The thresholds in its expression, and those in its text: of none it may say that it is NaN."""
    found = THRESHOLD.findall(f"{alert['expr']} {alert['annotations']['description']}")
    return {f"{level}:{name}" for level, name in found}


def _firing() -> Iterator[tuple[Path, dict[str, Any], dict[str, Any], str]]:
    """Yield of each alert the first case that fires it: its file, the case, the alert and when."""
    left = {(alert["alert"], alert["labels"]["severity"]): alert for alert in ALERTS}
    for path in CASES:
        for case in _yaml(path)["tests"]:
            for check in case.get("alert_rule_test", []):
                for expected in check.get("exp_alerts", []):
                    alert = left.pop((check["alertname"], expected["exp_labels"]["severity"]), None)
                    if alert:
                        yield path, case, alert, check["eval_time"]


FIRING = [*_firing()]


@pytest.mark.parametrize("path", sorted({path for path, *_ in FIRING}), ids=lambda path: path.stem)
def test_nan_switches_an_alert_off_in_whatever_it_compares_with(path: Path, tmp_path: Path) -> None:
    """Each case that fires an alert, again with one of the alert's thresholds NaN: it is silent."""
    tests = _yaml(path)
    files = [path.parent / file for file in tests["rule_files"]]
    groups = [group["name"] for file in files for group in _yaml(file)["groups"]]
    given = "exotel-thresholds" not in groups
    firing = [(case, alert, moment) for file, case, alert, moment in FIRING if file == path]
    switched = {record for _, alert, _ in firing for record in _compared_with(alert)}
    (tmp_path / "off.yml").write_text(yaml.safe_dump({"groups": [_switches(switched, given)]}))
    tests["rule_files"] = [*(str(file.resolve()) for file in files), "off.yml"]
    tests["group_eval_order"] = ["off", *tests.get("group_eval_order", groups)]
    switched_off: dict[tuple[str, str], Any] = {}
    for case, alert, moment in firing:
        for record in sorted(_compared_with(alert)):
            changed = switched_off.setdefault((case["name"], record), _switched_off(case, record))
            changed["promql_expr_test"] += _silent(record, alert, moment)
    tests["tests"] = [*switched_off.values()]
    _promtool(tmp_path, tests)


def _switches(records: set[str], given: bool) -> dict[str, Any]:
    """Rules that make a threshold NaN where a series `off` names it: promtool takes no NaN as input."""
    account = "* on () group_right () group by (account) (last_over_time(exotel_up[1h]))"
    switched = []
    for record in sorted(records):
        name = record if given else f"own:{record.partition(':')[2]}"
        nan = f'NaN * max(off{{threshold="{record}"}})'
        switched.append({"record": name, "expr": f"{nan} {account}" if given else nan})
    return {"name": "off", "rules": switched}


def _switched_off(case: dict[str, Any], record: str) -> dict[str, Any]:
    """The case without its own number for this threshold, which is NaN, and without what it checks."""
    name = record.partition(":")[2]
    changed = copy.deepcopy(case)
    changed["name"] = f"{case['name']}, without {record}"
    changed["input_series"] = [
        series
        for series in changed["input_series"]
        if not series["series"].startswith((f"own:{name}", f"{record}{{"))
    ]
    changed["input_series"].append({"series": f'off{{threshold="{record}"}}', "values": "1x30000"})
    changed.pop("alert_rule_test")
    changed["promql_expr_test"] = []
    return changed


def _silent(record: str, alert: dict[str, Any], moment: str) -> Iterator[dict[str, Any]]:
    """Yield checks that the alert doesn't fire, and that its threshold is switched off."""
    labels = f'alertname="{alert["alert"]}", severity="{alert["labels"]["severity"]}", alertstate="firing"'
    yield {"expr": f"ALERTS{{{labels}}}", "eval_time": moment, "exp_samples": []}
    one = [{"labels": "{}", "value": 1}]
    yield {"expr": f'count(off{{threshold="{record}"}})', "eval_time": moment, "exp_samples": one}


def test_every_alert_can_be_switched_off() -> None:
    """Each compares with a threshold, and each has a case that fires it."""
    assert all(_compared_with(alert) for alert in ALERTS)
    assert len(FIRING) == len(ALERTS)
