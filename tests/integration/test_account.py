"""An account, from the API to its snapshot: compared with what the simulator knows to be true."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import create_server

import pytest

from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.collect.shared import Shared
from exporter.collect.snapshot import ActiveCalls, Snapshot
from exporter.config import AccountConfig, CollectionConfig, Config, MetricsConfig, Secret
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Reason
from exporter.simulator import Settings, Simulator
from tests.logs import fields
from tests.waiting import GUARD

#: Every collection asks anew.
EAGER = CollectionConfig(min_interval=0, requests_per_minute=100_000)


@contextmanager
def account(
    url: str, *, sid: str = "demo", token: str = "demo", collection: CollectionConfig | None = None
) -> Iterator[Account]:
    """Return an account whose API is at `url`, for as long as this lasts."""
    config = AccountConfig(
        name="acme",
        account_sid=sid,
        base_url=url,
        api_key=Secret("demo"),
        api_token=Secret(token),
        collection=collection or EAGER,
    )
    made = Account(config, MetricsConfig())
    try:
        yield made
    finally:
        made.close()


def observe(made: Account, seconds: float = 20) -> Snapshot:
    """Collect once, in at most so many seconds."""
    return made.collect(Deadline.after(seconds)).result(timeout=GUARD)


def snapshot_of(simulator: Simulator, collection: CollectionConfig | None = None) -> ActiveCalls:
    """Collect once from a simulator, and expect success."""
    with account(simulator.url, collection=collection) as made:
        snapshot = observe(made)
        assert snapshot.active_calls is not None, snapshot.failure
        return snapshot.active_calls


@pytest.mark.parametrize("calls", [0, 1, 100, 101, 735])
def test_the_observation_is_the_truth(calls: int) -> None:
    """Every figure is what the simulator knows, for an empty account, one call, a full page, many pages."""
    with Simulator(Settings(calls=calls, speed=0, second_calls=0.2)) as simulator:
        active_calls, truth = snapshot_of(simulator), simulator.truth()
    groups = active_calls.calls.groups
    assert {(g.direction, g.status): g.calls for g in groups if g.calls} == truth.calls
    assert {(g.direction, g.status): g.recorded for g in groups if g.recorded} == truth.recorded
    assert {
        (g.direction, g.status): g.without_agent for g in groups if g.without_agent
    } == truth.without_agent
    assert max(g.longest or 0 for g in groups) == truth.longest_duration
    assert sum(g.durations.buckets[-1].cumulative for g in groups) == truth.total == calls
    assert active_calls.agents is not None
    assert active_calls.agents.on_call == truth.agents_on_call
    assert active_calls.agents.on_several_calls == truth.agents_with_several_calls
    assert {status: n for status, n in active_calls.agents.by_status.items() if n} == truth.agents
    assert not any(active_calls.calls.unknown.values())


@pytest.mark.parametrize("over_limit", ["cut", "reject"])
@pytest.mark.parametrize("page_size", [1, 7, 20, 50, 1000])
def test_the_list_is_whole_at_any_page_size(page_size: int, over_limit: str) -> None:
    """Also when the server serves no more than 20 rows, whether it cuts a larger limit or refuses it."""
    settings = Settings(calls=64, speed=0, max_limit=20, over_limit=over_limit)  # type: ignore[arg-type]
    with Simulator(settings) as simulator:
        active_calls = snapshot_of(simulator, replace(EAGER, page_size=page_size))
    assert sum(g.calls for g in active_calls.calls.groups) == 64


@pytest.mark.parametrize("faults", [[], ["endings"]])
def test_ended_calls_that_linger_are_counted_by_their_last_status(faults: list[str]) -> None:
    """The list may still hold them; v3 has other words for them, and a state."""
    with Simulator(Settings(calls=200, speed=0, linger=600)) as simulator:
        simulator.set_faults(faults)
        simulator.advance(120)
        groups, truth = snapshot_of(simulator).calls.groups, simulator.truth()
    assert {(g.direction, g.status): g.calls for g in groups if g.calls} == truth.calls
    assert any(g.status == "completed" and g.calls for g in groups)


FAULTS = [
    ("status:400", Reason.BAD_RESPONSE),
    ("status:404", Reason.NOT_FOUND),
    ("status:429", Reason.RATE_LIMITED),
    ("status:500", Reason.SERVER_ERROR),
    ("status:503", Reason.SERVER_ERROR),
    ("inside:500", Reason.SERVER_ERROR),
    ("reset", Reason.CONNECTION),
    ("truncate", Reason.CONNECTION),
    ("bad_json", Reason.BAD_RESPONSE),
    ("html", Reason.BAD_RESPONSE),
    ("other_json", Reason.BAD_RESPONSE),
    ("redirect:http://127.0.0.1:9/", Reason.REDIRECT),
    ("empty_page", Reason.INCOMPLETE),
    ("hang", Reason.TIMEOUT),
]


@pytest.mark.parametrize("where", ["first", "middle"])
@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_fault_is_counted_by_its_reason_and_gone_with_the_next_scrape(
    fault: str, reason: Reason, where: str
) -> None:
    """On the first page or in the middle: no active_calls, the reason; then all is well again."""
    with Simulator(Settings(calls=150, speed=0)) as simulator, account(simulator.url) as made:
        simulator.set_faults([f"{fault}@{where}"])
        failed = observe(made, seconds=1 if fault == "hang" else 20)
        failures = made.live_values().counts.failures
        simulator.clear_faults()
        recovered = observe(made)
    assert failed.failure is not None
    assert failed.failure.reason == reason
    assert failures == {("calls", reason): 1}
    has_a_page = where == "middle" or fault == "empty_page"
    assert failed.reported == (150 if has_a_page else None)
    assert (failed.seen is not None) == has_a_page
    assert failed.seen is None or 0 < failed.seen < 150
    assert recovered.active_calls is not None
    assert made.live_values().counts.failures == failures


@pytest.mark.parametrize("where", ["first", "middle"])
@pytest.mark.parametrize("fault", ["status:401", "status:402", "status:403", "inside:401"])
def test_refused_credentials_are_not_tried_again_and_again(fault: str, where: str) -> None:
    """Within a minute the refusal is given again, and the API isn't asked: it may lock the account."""
    with Simulator(Settings(calls=150, speed=0)) as simulator, account(simulator.url) as made:
        simulator.set_faults([f"{fault}@{where}"])
        refused = observe(made)
        simulator.clear_faults()
        asked = simulator.requests_served()
        again = observe(made)
        assert simulator.requests_served() == asked
    assert refused.failure is not None
    assert refused.failure.reason in {Reason.AUTH, Reason.FORBIDDEN}
    assert again.failure is refused.failure


def test_a_new_token_is_tried_at_once(tmp_path: Path) -> None:
    """The file of a refused token was mended: the next scrape succeeds, with no restart and no waiting."""
    file = tmp_path / "token"
    file.write_text("revoked")
    with Simulator(Settings(calls=3, speed=0)) as simulator:
        config = AccountConfig(
            name="acme",
            account_sid="demo",
            base_url=simulator.url,
            api_key=Secret("demo"),
            api_token=Secret(file=file),
            collection=EAGER,
        )
        made = Account(config, MetricsConfig())
        assert observe(made).failure is not None
        file.write_text("demo")
        assert observe(made).active_calls is not None
        made.close()


@pytest.mark.parametrize("between", [None, "", " \n"])
def test_a_secret_file_that_is_written_in_two_steps_costs_the_collections_between(
    tmp_path: Path, between: str | None
) -> None:
    """Nothing was refused: no rest follows, be it of a minute or of `min_interval`, and nobody was asked."""
    file = tmp_path / "token"
    file.write_text("demo")
    with Simulator(Settings(calls=3, speed=0)) as simulator:
        config = AccountConfig(
            name="acme",
            account_sid="demo",
            base_url=simulator.url,
            api_key=Secret("demo"),
            api_token=Secret(file=file),
            collection=replace(EAGER, min_interval=600),
        )
        made = Account(config, MetricsConfig())
        file.unlink()
        if between is not None:
            file.write_text(between)
        failed = [observe(made) for _ in range(2)]
        asked = simulator.requests_served()
        file.write_text("demo")
        mended = observe(made)
        made.close()
    assert [each.failure and each.failure.reason for each in failed] == [Reason.SECRET] * 2
    assert "calls" not in asked
    assert mended.active_calls is not None
    assert made.live_values().counts.failures == {("calls", "secret"): 2}


def test_hostile_rows_cost_only_themselves() -> None:
    """Nulls, wrong types, missing fields, quotes and emoji: they are counted, the rest is collected."""
    with Simulator(Settings(calls=20, speed=0)) as simulator:
        simulator.set_faults(["rows"])
        with account(simulator.url) as made:
            snapshot = observe(made)
    assert snapshot.active_calls is not None, snapshot.failure
    assert made.live_values().counts.unknown["call"] > 0
    assert made.live_values().counts.unknown["direction"] > 0


def test_wrong_credentials_and_unknown_accounts_are_told_apart() -> None:
    """The operator must know which of the two to mend."""
    with Simulator(Settings(calls=1, speed=0)) as simulator:
        with account(simulator.url, token="wrong") as made:
            unauthorised = observe(made).failure
        with account(simulator.url, sid="nobody") as made:
            unknown = observe(made).failure
    assert unauthorised is not None
    assert unknown is not None
    assert (unauthorised.reason, unknown.reason) == (Reason.AUTH, Reason.NOT_FOUND)


def test_whoever_asks_during_a_collection_shares_it() -> None:
    """Twenty scrapers at once cost the API what one costs: the page, and a look behind it, the first time."""
    with Simulator(Settings(calls=50, speed=0, latency=0.2)) as simulator, account(simulator.url) as made:
        futures = [made.collect(Deadline.after(20)) for _ in range(20)]
        wait(futures)
        assert len({id(future.result()) for future in futures}) == 1
        assert simulator.requests_served()["calls"] == 2


def test_a_snapshot_tells_when_it_was_taken_and_over_how_long() -> None:
    """Its time stamp lies within the collection, and its window is no longer than that."""
    with Simulator(Settings(calls=150, speed=0, latency=0.1)) as simulator, account(simulator.url) as made:
        before = time.time()
        snapshot = observe(made)
        after = time.time()
    assert snapshot.active_calls is not None
    assert before + 0.2 <= snapshot.ended_at <= after
    assert 0.2 <= snapshot.active_calls.window <= snapshot.calls.seconds <= after - before


def test_a_list_of_which_no_row_can_be_read_is_a_failure_and_not_an_empty_account() -> None:
    """A field of the beta API was renamed: a busy centre must not look idle."""
    with Simulator(Settings(calls=30, speed=0)) as simulator, account(simulator.url) as made:
        rows = [{"sid": str(number), "status": "ringing"} for number in range(50)]
        body = {"http_code": 200, "response": {"active_calls": rows, "total_active": 50}}
        simulator.set_faults([f"other_json:{json.dumps(body)}"])
        error = observe(made).failure
    assert error is not None
    assert error.reason == Reason.BAD_RESPONSE
    assert "none of the 50 rows" in error.detail


def test_an_empty_list_says_as_much_of_agents_as_the_one_before() -> None:
    """On the slim version of the API agents are not 0 whenever there happens to be no call."""
    slim = {"active_calls": [{"call_sid": "a", "status": "ringing"}], "total_active": 1}
    with Simulator(Settings(calls=0, speed=0)) as simulator, account(simulator.url) as made:
        first = observe(made).active_calls
        simulator.set_faults([f"other_json:{json.dumps({'response': slim})}"])
        second = observe(made).active_calls
        simulator.clear_faults()
        third = observe(made).active_calls
    assert first is not None
    assert second is not None
    assert third is not None
    assert [active_calls.agents is None for active_calls in (first, second, third)] == [False, True, True]


def test_the_next_collection_is_a_new_one() -> None:
    """Each scrape tells of the calls as they are now."""
    with Simulator(Settings(calls=50, speed=0)) as simulator, account(simulator.url) as made:
        first = observe(made)
        simulator.advance(300)
        assert observe(made).active_calls != first.active_calls


def test_an_unexpected_exception_is_a_failed_collection_and_not_a_lost_scrape(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of the exporter itself is counted as internal and told with its place, not with its text."""

    def broken(*_: object) -> None:
        raise RuntimeError("+919876543210")

    monkeypatch.setattr("exporter.collect.calls.tally_calls", broken)
    with Simulator(Settings(calls=1, speed=0)) as simulator, account(simulator.url) as made:
        error = observe(made).failure
    assert error is not None
    assert error.reason == Reason.INTERNAL
    assert "RuntimeError at test_account.py:" in error.detail
    assert "+91" not in caplog.text + error.detail


def test_a_failed_collection_is_one_line_in_the_log_and_a_good_one_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The line names the account, the reason and what to do; never a credential."""
    caplog.handler.setLevel(logging.INFO)
    with Simulator(Settings(calls=1, speed=0)) as simulator:
        with account(simulator.url) as made:
            observe(made)
        assert not caplog.records
        with account(simulator.url, token="s3cret") as made:
            observe(made)
    [record] = caplog.records
    told = fields(record)
    assert (told["account"], told["reason"]) == ("acme", "auth")
    assert "Compare api_key" in str(told["remediation"])
    assert "s3cret" not in repr(vars(record))


def test_an_account_that_a_reload_mends_has_recovered(caplog: pytest.LogCaptureFixture) -> None:
    """A new key is another account object, and the same account to whoever reads the log."""
    caplog.set_level(logging.INFO, logger="exporter")
    with Simulator(Settings(calls=1, speed=0)) as simulator, account(simulator.url, token="revoked") as made:
        observe(made)
        mended = replace(made.config, api_token=Secret("demo"))
        successor = Account(mended, MetricsConfig(), Shared(outages=made.outages))
        observe(successor)
        successor.close()
    told = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert told == ["collection failed", "collection recovered"]


def hour_of(made: Account) -> tuple[int, int, set[int]]:
    """Return the collections and the failures of the last hour, and the calls that were listed."""
    known = [minute for minute in made.history.minutes(time.monotonic()) if minute]
    calls = {minute.calls for minute in known if minute.calls is not None}
    return sum(minute.collections for minute in known), sum(minute.failures for minute in known), calls


def test_the_last_hour_survives_a_reload_that_reconfigures_the_account() -> None:
    """What was listed and what failed before stays, and what comes is added to it."""
    with Simulator(Settings(calls=7, speed=0)) as simulator, account(simulator.url) as made:
        limits = iter((100, 150))
        accounts = Accounts(
            lambda: Config(
                accounts=(replace(made.config, call_limit=next(limits)),),
                collection=EAGER,
                metrics=MetricsConfig(),
            )
        )
        [before] = accounts
        observe(before)
        simulator.set_faults(["status:503"])
        observe(before)
        simulator.clear_faults()
        accounts.reload()
        [after] = accounts
        observe(after)
        before.close()
        after.close()
    assert after is not before
    assert hour_of(after) == (3, 1, {7})


def test_a_snapshot_that_cannot_be_exported_is_a_failure_of_the_hour() -> None:
    """Once, however often it was to be exported."""
    with Simulator(Settings(calls=7, speed=0)) as simulator, account(simulator.url) as made:
        snapshot = observe(made)
        for _ in range(2):
            made.withdraw(snapshot, RuntimeError("no"))
    assert hour_of(made) == (1, 1, {7})


def test_a_closed_port_is_a_connection_failure() -> None:
    """Nobody listens there."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with account(f"http://127.0.0.1:{port}") as made:
        error = observe(made).failure
    assert error is not None
    assert (error.reason, error.detail) == (Reason.CONNECTION, f"127.0.0.1:{port}: connection refused")


def test_a_host_without_address_is_a_connection_failure() -> None:
    """The name does not resolve: .invalid never does (RFC 2606)."""
    with account("http://exotel.invalid") as made:
        error = observe(made).failure
    assert error is not None
    assert error.reason == Reason.CONNECTION
    assert "can't be resolved" in error.detail


def test_a_collection_never_raises() -> None:
    """The future of a collection gives an snapshot, whatever happened."""
    with account("http://127.0.0.1:1") as made:
        future: Future[Snapshot] = made.collect(Deadline.after(0))
        assert future.result().failure is not None


def test_a_scraper_in_a_hurry_does_not_take_the_account_from_the_next_one() -> None:
    """Its timeout is its own: whoever comes next, with more time, gets a collection of his own."""
    patient = CollectionConfig(timeout=20, min_interval=10)
    with (
        Simulator(Settings(calls=30, speed=0, latency=0.3)) as simulator,
        account(simulator.url, collection=patient) as made,
    ):
        assert observe(made, seconds=0.1).active_calls is None
        assert observe(made, seconds=20).active_calls is not None


def test_a_page_size_that_was_refused_once_is_asked_for_again_at_once() -> None:
    """One odd 400 doesn't cost five times the requests."""
    with Simulator(Settings(calls=90, speed=0)) as simulator, account(simulator.url) as made:
        simulator.set_faults(["status:400*1"])
        observe(made)
        refused = simulator.requests_served()["calls"]
        observe(made)
        assert simulator.requests_served()["calls"] - refused == 1
