"""What a real Alertmanager keeps to itself, because another alert has said it."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.e2e import servers
from tests.e2e.webhook import webhook
from tests.expressions import rules
from tests.waiting import GUARD, wait_until

Labels = dict[str, str]

MINUTE = timedelta(minutes=1)
SEVERITIES = {rule["alert"]: rule["labels"]["severity"] for rule in rules() if "alert" in rule}
CASES = itertools.count()
OUR_EXPORTER = {"job": "exotel", "instance": "ours:9927"}
TWIN = {"job": "exotel", "instance": "twin:9927"}


def alert(name: str, **labels: str) -> Labels:
    """Return the labels of an alert, with the severity of its rule unless that is said."""
    return {"alertname": f"Exotel{name}", "severity": SEVERITIES[f"Exotel{name}"], **labels}


def of_acme(name: str, **labels: str) -> Labels:
    """Return the labels of an alert on the account acme."""
    return alert(name, account="acme", **labels)


DOWN = alert("ExporterDown", severity="critical", **OUR_EXPORTER)
NO_EXPORTER = alert("ExporterDown", severity="critical", job="exotel")
UNWATCHED = of_acme("AccountUnwatched", **OUR_EXPORTER)
FAILING = of_acme("CollectionFailing", severity="critical")
REFUSED = of_acme("CredentialsRefused")
AT_LIMIT = of_acme("CallsAtLimit")
NEAR_LIMIT = of_acme("CallsNearLimit", severity="critical")
NOBODY_ANSWERS = of_acme("NobodyAnswers")

SILENCED = {
    "down: its own clock": ([DOWN], alert("ClockSkew", **OUR_EXPORTER)),
    "down: its accounts are unwatched": ([DOWN], UNWATCHED),
    "no exporter at all: every account is unwatched": ([NO_EXPORTER], UNWATCHED),
    "down: what was told of its account": ([DOWN, UNWATCHED], of_acme("RateLimited")),
    "down: what was critical of its account": ([DOWN, UNWATCHED], FAILING),
    "refused: failing": ([REFUSED], FAILING),
    "refused: a collector beside the list": ([REFUSED], of_acme("CollectionFailing", collector="streams")),
    "failing: a collector beside the list": ([FAILING], of_acme("CollectionFailing", collector="streams")),
    "failing: incomplete": ([FAILING], of_acme("CollectionIncomplete")),
    "refused: rate limited": ([REFUSED], of_acme("RateLimited")),
    "critical: its warning": ([NEAR_LIMIT], of_acme("CallsNearLimit", severity="warning")),
    "at the limit: near it": ([AT_LIMIT], NEAR_LIMIT),
    "at the limit: soon at it": ([AT_LIMIT], of_acme("CallLimitWithinTheHour")),
    "near the limit: soon at it": ([NEAR_LIMIT], of_acme("CallLimitWithinTheHour")),
    "a warning: soon at the limit": (
        [of_acme("CallsNearLimit", severity="warning")],
        of_acme("CallLimitWithinTheHour"),
    ),
    "nobody answers: callers wait": ([NOBODY_ANSWERS], of_acme("RingingTooLong", direction="inbound")),
    "nobody answers: few answers": ([NOBODY_ANSWERS], of_acme("AnsweredShareLow", direction="inbound")),
    "nobody answers: no agent": ([NOBODY_ANSWERS], of_acme("CallsWithoutAgent", direction="inbound")),
    "no agent: few answers": (
        [of_acme("CallsWithoutAgent", direction="inbound")],
        of_acme("AnsweredShareLow", direction="inbound"),
    ),
    "none come in: fewer than usual": (
        [of_acme("InboundStopped", direction="inbound")],
        of_acme("CallsFarBelowLastWeek"),
    ),
    "none go out: fewer than usual": (
        [of_acme("OutboundStopped", direction="outbound")],
        of_acme("CallsFarBelowLastWeek"),
    ),
    "one leg: no bridge": ([of_acme("CallsWithOneLeg")], of_acme("BridgesMissing")),
}
TOLD = {
    "down: an account that its twin watches": ([DOWN], FAILING),
    "down: another exporter's clock": ([DOWN], alert("ClockSkew", **TWIN)),
    "down: an account of another exporter": (
        [DOWN, UNWATCHED],
        alert("CallsAtLimit", account="globex"),
    ),
    "down: an account that another exporter left": (
        [DOWN],
        alert("AccountUnwatched", account="globex", **TWIN),
    ),
    "unwatched: an exporter that is down": ([UNWATCHED], DOWN),
    "one exporter down: another": ([DOWN], alert("ExporterDown", **TWIN)),
    "failing: the calls of another account": ([FAILING], alert("CallsAtLimit", account="globex")),
    "failing: another account's rate limit": ([FAILING], alert("RateLimited", account="globex")),
    "a collector beside the list: incomplete": (
        [of_acme("CollectionFailing", severity="warning", collector="streams")],
        of_acme("CollectionIncomplete"),
    ),
    "critical: another warning": ([AT_LIMIT], of_acme("RingingTooLong", direction="inbound")),
    "critical: another account's warning": (
        [NEAR_LIMIT],
        alert("CallsNearLimit", account="globex", severity="warning"),
    ),
    "none come in: none go out": (
        [of_acme("InboundStopped", direction="inbound")],
        of_acme("OutboundStopped", direction="outbound"),
    ),
    "nobody answers: another account's callers wait": (
        [NOBODY_ANSWERS],
        alert("RingingTooLong", account="globex", direction="inbound"),
    ),
}


@pytest.fixture(scope="module")
def alertmanager(generation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of an Alertmanager with the deployed configuration."""
    folder = tmp_path_factory.mktemp(f"inhibition-{generation}")
    with webhook() as receiver, servers.alertmanager(folder, receiver.url) as address:
        yield f"http://{address}/api/v2/alerts"


def test_an_alert_silences_what_follows_from_it(alertmanager: str) -> None:
    """Who knows the cause is not told of its effects."""
    told = [name for name, case in SILENCED.items() if not _is_silenced(alertmanager, *case)]
    assert told == []


def test_an_alert_silences_nothing_else(alertmanager: str) -> None:
    """What another exporter, account or call has to say is still told."""
    silenced = [name for name, case in TOLD.items() if _is_silenced(alertmanager, *case)]
    assert silenced == []


def _is_silenced(url: str, sources: Sequence[Labels], target: Labels) -> bool:
    """Whether the target is kept back while the sources fire.

    A pair posted last, of which the one is known to silence the other, tells when all have been seen.
    """
    seen = f"case-{next(CASES)}"
    few_calls = alert("CallsFarBelowLastWeek", account=seen)
    alerts = [*sources, target, alert("InboundStopped", account=seen), few_calls]
    _post(url, alerts, for_another=MINUTE)
    try:
        wait_until(lambda: _silencing(url, few_calls), "all alerts are seen")
        return bool(_silencing(url, target))
    finally:
        _post(url, alerts, for_another=-MINUTE)


def _post(url: str, alerts: Sequence[Labels], for_another: timedelta) -> None:
    now = datetime.now(UTC)
    span = {"startsAt": (now - 2 * MINUTE).isoformat(), "endsAt": (now + for_another).isoformat()}
    posted = [{"labels": labels, **span} for labels in alerts]
    requests.post(url, json=posted, timeout=GUARD).raise_for_status()


def _silencing(url: str, target: Labels) -> list[Any]:
    """What silences the target now."""
    alerts = requests.get(url, timeout=GUARD).json()
    [status] = [each["status"] for each in alerts if each["labels"] == target]
    return list(status["inhibitedBy"])
