"""Trouble at Exotel, and what reaches the one on call: the alerts it calls for, no others, and their end."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from exporter.simulator.call import Leg
from tests.e2e import exotel, servers
from tests.e2e.webhook import Webhook, webhook
from tests.ports import free_address
from tests.waiting import GUARD, wait_until

CALLS, LIMIT = 40, 80

#: It stands still, so that what is told depends on the trouble alone; the seed is of calls that are all well.
CENTRE = (f"--calls={CALLS}", "--speed=0", "--seed=6")

#: What is told, by the name of the account that is in trouble; that of the exporter's death names no account.
TOLD = {
    "no-trouble": set[str](),
    "limit-reached": {"ExotelCallsAtLimit"},
    "recordings-off": {"ExotelRecordingCoverageLow"},
    "recorder-down": {"ExotelRecordingMismatch"},
    "one-way": {"ExotelCallsWithOneLeg"},
    "credentials-revoked": {"ExotelCredentialsRefused"},
    "api-down": {"ExotelCollectionFailing"},
    "exporter-down": set[str](),
    "": {"ExotelExporterDown"},
}

#: Targets of all accounts, since what is usual for them is not known yet. What a limit refuses is known
#: after five true minutes of listings, which a busy machine takes and others don't: it isn't told.
OWN = {
    "exotel_blocking_probability_ratio:warning": math.nan,
    "exotel_recording_enabled_calls:threshold": 0.8,
    "exotel_stream_recording_mismatch_calls:threshold": 0.05,
    "exotel_stream_calls_with_one_leg:threshold": 0.05,
}

LEG = Leg("customer", "+911100000000", "inbound", "connected").document("any")

#: What the details of every call say.
NO_RECORDING = f"stream:{json.dumps({'recording': {'enabled': False, 'channels': None, 'duration': 0}})}"
ONE_LEG = f"stream:{json.dumps({'legs': [LEG], 'bridge': None})}"

Alerts = Mapping[str, set[str]]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Story:
    """What the webhook was told, by account."""

    in_trouble: Alerts
    """Until the trouble ended."""
    in_the_end: Alerts
    """Until all was well again."""
    still_firing: Alerts


@pytest.fixture(scope="module")
def story(generation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Every account gets into its own trouble at the same time, and out of it."""
    folder = tmp_path_factory.mktemp(f"alerts-{generation}")
    token = folder / "token"
    token.write_text("demo")
    with ExitStack() as stack:
        receiver = stack.enter_context(webhook())
        alertmanager = stack.enter_context(servers.alertmanager(folder, receiver.url))
        urls = {
            name: stack.enter_context(exotel.simulator(folder, *CENTRE, name=name)) for name in TOLD if name
        }
        accounts = {name: exotel.account(url, name) | {"call_limit": LIMIT} for name, url in urls.items()}
        del accounts["credentials-revoked"]["api_token"]
        accounts["credentials-revoked"]["api_token_file"] = str(token)
        doomed_account = accounts.pop("exporter-down")
        exporter, _ = stack.enter_context(exotel.exporter_of("exporter", folder, [*accounts.values()]))
        doomed, program = stack.enter_context(
            exotel.exporter_of("doomed", folder, [doomed_account], free_address())
        )
        prometheus = stack.enter_context(servers.prometheus(folder, [exporter, doomed], alertmanager, OWN))
        _wait_until_all_is_well(prometheus)

        _set_faults(urls["limit-reached"], _list_of(urls["limit-reached"], _twice))
        _set_faults(urls["recordings-off"], _list_of(urls["recordings-off"], _unrecorded), NO_RECORDING)
        _set_faults(urls["recorder-down"], NO_RECORDING)
        _set_faults(urls["one-way"], ONE_LEG)
        _set_faults(urls["api-down"], "status:503")
        token.write_text("revoked")
        program.kill()
        wait_until(lambda: _covers(_told(receiver), TOLD), "every alert is told")
        servers.let_rules_run(prometheus, times=10)  # five minutes more for those that should not come
        in_trouble = _told(receiver)

        for url in urls.values():
            _set_faults(url)
        token.write_text("demo")
        stack.enter_context(exotel.exporter_of("risen", folder, [doomed_account], listen=doomed))
        _wait_until_all_is_well(prometheus)
        wait_until(lambda: not receiver.still_firing(), "every alert is over")
        servers.let_rules_run(prometheus, times=5)
        yield Story(in_trouble, _told(receiver), _by_account(receiver.still_firing()))


@pytest.mark.parametrize("account", TOLD)
def test_the_right_alerts_and_no_others_are_told(story: Story, account: str) -> None:
    """Each trouble is told by the alert that names it; what follows from it is not told as well."""
    assert story.in_trouble.get(account, set()) == TOLD[account]


def test_alerts_end_with_the_trouble_and_bring_no_others_up(story: Story) -> None:
    """Whoever was told of trouble is told of its end, and of nothing else."""
    assert story.in_the_end == story.in_trouble
    assert not story.still_firing


def _wait_until_all_is_well(prometheus: str) -> None:
    accounts = len(TOLD) - 1
    well = f"count(exotel_up == 1) == {accounts}"
    wait_until(lambda: servers.query(prometheus, well), "every account is listed")


def _told(receiver: Webhook) -> Alerts:
    return _by_account(receiver.firing())


def _by_account(alerts: list[dict[str, Any]]) -> Alerts:
    names: dict[str, set[str]] = {}
    for alert in alerts:
        names.setdefault(alert["labels"].get("account", ""), set()).add(alert["labels"]["alertname"])
    return names


def _covers(told: Alerts, expected: Alerts) -> bool:
    return all(names <= told.get(account, set()) for account, names in expected.items())


def _set_faults(url: str, *faults: str) -> None:
    requests.post(f"{url}/_simulator/faults", json=faults, timeout=GUARD).raise_for_status()


def _list_of(url: str, change: Callable[[Rows], Rows]) -> str:
    """The fault of a simulator whose list is what `change` makes of its true one."""
    listed = f"{url}/v3/accounts/demo/calls/active?limit={CALLS}"
    document = requests.get(listed, auth=("demo", "demo"), timeout=GUARD).json()
    rows = change(document["response"]["active_calls"])
    document["response"] = {"active_calls": rows, "total_active": len(rows)}
    return f"calls/other_json:{json.dumps(document)}"


def _twice(rows: Rows) -> Rows:
    """As many calls again, with agents of their own."""
    return rows + [_another(row) for row in rows]


def _another(row: dict[str, Any]) -> dict[str, Any]:
    agent = row["agent_details"]
    other = agent and agent | {"user_id": f"other-{agent['user_id']}"}
    return row | {"call_sid": f"other-{row['call_sid']}", "agent_details": other}


def _unrecorded(rows: Rows) -> Rows:
    return [row | {"recording_enabled": False} for row in rows]
