"""What a limit refuses and what would do, as an account tells it of the load that it has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.collect.erlang import Capacity, blocking, offered, slots_needed
from exporter.config import AccountConfig, MetricsConfig
from exporter.exotel.deadline import Deadline
from exporter.simulator import Settings, Simulator
from exporter.simulator.settings import FLAT_DAY
from exporter.web.sections import Seconds
from tests.clock import moved_clock
from tests.serving import EAGER, account, configuration

CALLS, LIMIT = 20, 30
STILL = Settings(calls=CALLS, speed=0)
NEEDED = 30
"""For 20 calls at a time, of which no more than one in a hundred may be refused."""


def limited(simulator: Simulator, **collection: Any) -> AccountConfig:
    """Return the configuration of an account with a limit."""
    config = account("acme", simulator.url, collection=replace(EAGER, **collection)).config
    return replace(config, call_limit=LIMIT)


def told(by: Account) -> Capacity | None:
    """Collect; return what is told of the limit, or None."""
    found = by.collect(Deadline.after(20)).result().active_calls
    return found.capacity if found else None


def test_it_is_told_after_five_minutes_and_only_of_complete_listings() -> None:
    """Nothing while exotel_up is 0, and as before when it is 1 again."""
    with Simulator(STILL) as simulator, moved_clock() as clock:
        acme = Account(limited(simulator), MetricsConfig())
        found = []
        for _ in range(6):
            found.append(told(acme))
            clock.forward(60.5)
        assert found[:5] == [None] * 5
        assert found[5] == told(acme)
        assert found[5] is not None
        assert found[5].blocking == pytest.approx(blocking(offered({1: CALLS}, LIMIT), LIMIT))
        assert found[5].slots_needed == NEEDED
        simulator.set_faults(["bad_json"])
        clock.forward(60)
        assert told(acme) is None
        simulator.clear_faults()
        clock.forward(60)
        assert told(acme) == found[5]
        acme.close()


def test_without_a_limit_nothing_is_told() -> None:
    """However long there are listings."""
    with Simulator(STILL) as simulator, moved_clock() as clock:
        acme = Account(replace(limited(simulator), call_limit=None), MetricsConfig())
        for _ in range(8):
            assert told(acme) is None
            clock.forward(60)
        acme.close()


def test_the_grade_of_service_and_the_slots_of_calls_are_those_of_the_configuration() -> None:
    """Of calls that all take two slots, twice as many are needed; of more refused, fewer."""
    with Simulator(STILL) as simulator, moved_clock() as clock:
        twice = limited(simulator, call_slots=dict.fromkeys(("inbound", "outbound-api", "outbound-dial"), 2))
        accounts = [
            Account(replace(twice, call_limit=1000), MetricsConfig()),
            Account(replace(twice, call_limit=1000), MetricsConfig(grade_of_service=0.1)),
        ]
        for _ in range(6):
            found = [told(each) for each in accounts]
            clock.forward(60.5)
        assert [each and each.slots_needed for each in found] == [2 * NEEDED, 2 * slots_needed({1: 20}, 0.1)]
        for each in accounts:
            each.close()


def test_a_snapshot_that_is_told_again_counts_once() -> None:
    """Whoever scrapes more often than the account is collected changes nothing."""
    settings = Settings(calls=CALLS, speed=0, day=FLAT_DAY)
    with Simulator(settings) as simulator, moved_clock() as clock:
        config = limited(simulator, min_interval=Seconds(60))
        often, seldom = Account(config, MetricsConfig()), Account(config, MetricsConfig())
        for number in range(60):
            found = told(often)
            if number % 4 == 0:
                same = told(seldom)
                assert (same and same.blocking) == (found and pytest.approx(found.blocking, rel=0.01))
            simulator.advance(15)
            clock.forward(15)
        assert found is not None
        often.close()
        seldom.close()


def test_a_reload_that_leaves_an_account_as_it_was_keeps_its_load() -> None:
    """One that changes it starts anew."""
    with Simulator(STILL) as simulator, moved_clock() as clock:
        config = configuration(limited(simulator))
        accounts = Accounts(lambda: config)
        for _ in range(6):
            [acme] = accounts
            found = told(acme)
            clock.forward(60.5)
            accounts.reload()
        assert found is not None
        config = configuration(replace(limited(simulator), call_limit=LIMIT + 1))
        accounts.reload()
        [changed] = accounts
        assert told(changed) is None
        for each in (acme, changed):
            each.close()


def test_as_much_is_refused_as_is_told() -> None:
    """To within a fifth, over some hours of a centre with a tight limit."""
    settings = Settings(calls=59, call_limit=50, agents=100, speed=0, day=FLAT_DAY)
    with Simulator(settings) as simulator, moved_clock() as clock:
        acme = Account(replace(limited(simulator), call_limit=50), MetricsConfig())
        shares = []
        for minute in range(5 * 60):
            found = told(acme)
            if minute > 60:
                assert found is not None
                shares.append(found.blocking)
            simulator.advance(60)
            clock.forward(60)
        truth = simulator.truth()
        refused = truth.refused / (truth.refused + truth.started)
        assert 0.1 < refused < 0.3
        assert sum(shares) / len(shares) == pytest.approx(refused, rel=0.2)
        acme.close()
