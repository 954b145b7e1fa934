"""What the bench makes of the rules and of Alertmanager's configuration before it judges what is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.centres import report
from bench.centres.evaluate import Firing, firings, held
from bench.centres.judge import judge
from bench.centres.model import Scrape, Trouble
from bench.centres.notify import Alertmanager, Told
from bench.centres.rules import Rule, ages, layers, load, needed, seconds

HOUR = 3600.0
CONFIG = """
route:
  receiver: chat
  group_by: [account]
  group_wait: 30s
  group_interval: 5m
  routes:
    - receiver: pager
      matchers: [severity="critical"]
inhibit_rules:
  - source_matchers: [alertname="Cause"]
    target_matchers: [alertname=~"Effect|Cause.+", severity="warning"]
    equal: [account]
  - source_matchers: [severity=~"critical|warning", account="self"]
    target_matchers: [severity=~"critical|warning", account="self"]
    equal: [account]
receivers: [{name: chat}, {name: pager}]
"""


def firing(name: str, start: float, end: float, severity: str = "warning", account: str = "acme") -> Firing:
    """Return an alert that fires for a while."""
    return Firing({"alertname": name, "severity": severity, "account": account}, start, end)


def record(name: str, expr: str) -> Rule:
    """Return a recording rule."""
    return Rule(name, is_alert=False, expr=expr, hold=0.0, labels={}, interval=None)


def alert(name: str, expr: str) -> Rule:
    """Return an alert."""
    return Rule(name, is_alert=True, expr=expr, hold=0.0, labels={}, interval=None)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Alertmanager:
    """The configuration above."""
    file = tmp_path / "alertmanager.yml"
    file.write_text(CONFIG, encoding="utf-8")
    return Alertmanager.load(file)


def told(alertmanager: Alertmanager, *firings: Firing) -> list[tuple[str, float, str]]:
    """Return who is told of what, and when."""
    return [(each.alert.name, each.at, each.receiver) for each in alertmanager.told(firings)]


@pytest.mark.parametrize(
    ("moments", "hold", "fires"),
    [
        ([0, 15, 30, 45], 0, [(0, 60)]),
        ([0, 15, 30, 45], 30, [(30, 60)]),
        ([0, 15, 30], 45, []),
        ([0, 15, 45, 60, 75], 30, [(75, 90)]),
        ([0, 15, 30, 60, 75], 15, [(15, 45), (75, 90)]),
        ([], 0, []),
    ],
    ids=[
        "at once",
        "held",
        "too short",
        "interrupted while pending",
        "interrupted while firing",
        "never true",
    ],
)
def test_an_alert_fires_once_its_condition_has_held(
    moments: Sequence[float], hold: float, fires: Sequence[tuple[float, float]]
) -> None:
    """As in Prometheus: each evaluation that isn't true begins the wait anew."""
    assert list(held(moments, hold, step=15)) == fires


def test_a_rule_is_evaluated_after_those_that_it_reads() -> None:
    """However they are nested in its expression, and with itself left out of account."""
    rules = [
        alert("A", "max_over_time(c:c[5m]) > 1"),
        record("c:c", "sum(b:b) or last_over_time(c:c[1h])"),
        record("b:b", "rate(x_total[5m]) * a:a"),
        record("a:a", "x"),
        record("unread:x", "y"),
    ]
    rules = list(needed(rules))
    assert [[rule.name for rule in layer] for layer in layers(rules)] == [["a:a"], ["b:b"], ["c:c"]]


def test_rules_in_a_circle_are_refused() -> None:
    """Their values would depend on which is evaluated first."""
    rules = [alert("A", "a:a"), record("a:a", "b:b"), record("b:b", "a:a")]
    with pytest.raises(ValueError, match="a:a, b:b"):
        list(layers(rules))


def test_a_metric_is_needed_from_as_long_ago_as_any_alert_reads_it() -> None:
    """Ranges, offsets and subqueries add up, through recording rules too."""
    rules = [
        alert("A", "avg_over_time(r:r[30m] offset 1w) > x"),
        record("r:r", "max_over_time(rate(x[5m])[1h:1m])"),
    ]
    assert ages(rules) == {"r:r": seconds("7d30m"), "x": seconds("7d30m") + seconds("1h5m")}


def test_the_bundled_rules_can_be_put_in_order() -> None:
    """Each alert's metrics are recorded by then, or scraped, or a user's own, which isn't there."""
    rules = needed(load(Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"))
    recorded = {rule.name for layer in layers(rules) for rule in layer}
    assert {name for name in ages(rules) if ":" in name and not name.startswith("own:")} == recorded


@pytest.mark.parametrize("duration", ["", "5", "m", "5 m", "1h30"])
def test_a_duration_has_units(duration: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="no duration"):
        seconds(duration)


def test_alerts_of_a_group_are_told_together_and_later_ones_at_its_interval(
    alertmanager: Alertmanager,
) -> None:
    """The first after group_wait; others of its route and account wait for the interval."""
    assert told(
        alertmanager,
        firing("A", 0, HOUR),
        firing("B", 20, HOUR),
        firing("C", 40, HOUR),
        firing("Page", 40, HOUR, severity="critical"),
        firing("Other", 40, HOUR, account="globex"),
    ) == [
        ("A", 30, "chat"),
        ("B", 30, "chat"),
        ("Page", 70, "pager"),
        ("Other", 70, "chat"),
        ("C", 330, "chat"),
    ]


def test_what_ends_before_its_group_is_due_is_never_told(alertmanager: Alertmanager) -> None:
    """And a group that is over waits anew."""
    assert told(alertmanager, firing("A", 0, 15), firing("A", 60, 600)) == [("A", 90, "chat")]


def test_an_alert_that_fires_again_is_told_again_unless_nobody_noticed(alertmanager: Alertmanager) -> None:
    """A break between two notifications of its group isn't seen."""
    again = firing("A", 0, 100), firing("A", 200, 400), firing("A", 1000, 1100), firing("B", 0, 600)
    assert told(alertmanager, *again) == [("A", 30, "chat"), ("B", 30, "chat"), ("A", 1030, "chat")]


def test_an_effect_is_told_once_its_cause_is_over(alertmanager: Alertmanager) -> None:
    """Only where the labels are equal that must be."""
    assert told(
        alertmanager,
        firing("Cause", 0, 700, severity="critical"),
        firing("Effect", 0, HOUR),
        firing("Causes", 0, 600),
        firing("Effect", 0, HOUR, account="globex"),
    ) == [("Cause", 30, "pager"), ("Effect", 30, "chat"), ("Effect", 930, "chat")]


def test_alerts_that_are_cause_and_effect_to_each_other_are_both_told(alertmanager: Alertmanager) -> None:
    """Otherwise each would hide itself."""
    both = firing("A", 0, HOUR, account="self"), firing("B", 0, HOUR, account="self")
    assert {name for name, _, _ in told(alertmanager, *both)} == {"A", "B"}


class Troubled:
    """A centre that is told of in tests: never scraped."""

    name, is_healthy, measured_from, until = "troubled", False, 0.0, 7 * 24 * HOUR
    troubles: tuple[Trouble, ...] = (
        Trouble(
            "limit", HOUR, 2 * HOUR, frozenset({"AtLimit"}), frozenset({"Near"}), pages=True, within=600.0
        ),
    )

    def scrapes(self) -> Iterator[Scrape]:
        """Yield nothing: nobody asks."""
        yield from ()


class Healthy(Troubled):
    """A centre in which nothing goes wrong."""

    name, is_healthy = "healthy", True
    troubles = ()


@pytest.mark.parametrize(
    ("alerts", "told_after", "warned_after", "precision"),
    [
        ([("AtLimit", "critical", 300)], 300, 300, 1.0),
        ([("AtLimit", "warning", 300)], None, 300, 1.0),
        ([("AtLimit", "warning", 300), ("AtLimit", "critical", 400)], 400, 300, 1.0),
        ([("AtLimit", "critical", -300)], None, None, 0.0),
        ([("AtLimit", "critical", HOUR + 60)], None, None, 1.0),
        ([("AtLimit", "critical", 300), ("Near", "warning", 400), ("Odd", "warning", 400)], 300, 300, 2 / 3),
        ([], None, None, None),
    ],
    ids=[
        "a page",
        "only a warning",
        "a warning, then a page",
        "before",
        "after its end",
        "others",
        "nothing",
    ],
)
def test_a_trouble_is_told_by_its_alerts_while_it_lasts(
    alerts: Sequence[tuple[str, str, float]],
    told_after: float | None,
    warned_after: float | None,
    precision: float | None,
) -> None:
    """By a page where it must page; what follows from it is no false alarm for a while after."""
    notices = [
        Told(firing(name, HOUR + after, 9 * HOUR, severity), HOUR + after, "chat")
        for name, severity, after in alerts
    ]
    verdict = judge(Troubled(), notices)
    [outcome] = verdict.outcomes
    assert (outcome.told_after, outcome.warned_after, verdict.precision) == (
        told_after,
        warned_after,
        precision,
    )


def test_a_trouble_that_was_there_before_counts_from_when_judging_begins() -> None:
    """A centre of which one account always fails says so at once."""
    centre = Troubled()
    centre.measured_from = HOUR + 600
    alert_of_it = firing("AtLimit", HOUR + 600, 9 * HOUR, "critical")
    [outcome] = judge(centre, [Told(alert_of_it, HOUR + 630, "pager")]).outcomes
    assert outcome.told_after == 30


def test_what_nobody_is_told_in_time_is_missed() -> None:
    """And what wakes nobody although it should, and what is told for nothing."""
    told_late = [Told(firing("AtLimit", 0, 9 * HOUR, "critical"), HOUR + 900, "pager")]
    for_nothing = [Told(firing("Odd", 0, 3 * 24 * HOUR, "critical"), 30, "pager")]
    verdicts = [
        judge(Troubled(), told_late),
        judge(Healthy(), for_nothing),
        judge(Healthy(), []),
    ]
    missed = [f"{aim.name}: {aim.found}" for aim in report.aims(verdicts) if not aim.is_reached]
    assert missed == [
        "troubled: a page of limit: 15.0 min",
        "healthy: pages a week: 1.0",
        "healthy: told permanently: 1",
    ]


def test_rules_must_not_read_whether_alerts_fire(tmp_path: Path) -> None:
    """That is only known once all are evaluated."""
    with pytest.raises(ValueError, match="Again"):
        firings([alert("Again", 'ALERTS{alertname="A"}')], Troubled(), [], tmp_path)
