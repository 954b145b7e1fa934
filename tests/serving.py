"""An exporter in this process: its accounts, the server in front of them, and what its threads are at."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import exporter
from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.collect.shared import Shared
from exporter.collect.snapshot import Snapshot
from exporter.config import AccountConfig, CollectionConfig, Config, Line, MetricsConfig, Secret
from exporter.exotel.deadline import Deadline
from exporter.http.app import create_app
from exporter.http.endpoints import Endpoints
from exporter.http.exchange import Answers, Exchange
from exporter.http.server import Reloader
from exporter.web.config import ActiveWebConfig
from exporter.web.listen import Address, bound_address, listen
from exporter.web.sections import Seconds
from exporter.web.server import Limits, Server
from tests.waiting import GUARD, scaled, wait_until

#: Every collection asks anew, and no budget is in its way.
EAGER = CollectionConfig(timeout=Seconds(20), min_interval=Seconds(0), requests_per_minute=100_000)

_GRACE = 1.0  # seconds
_PROGRAM = str(Path(exporter.__file__).parent)


def configuration(*accounts: AccountConfig, metrics: MetricsConfig | None = None) -> Config:
    """Return a configuration of these accounts."""
    return Config(accounts=accounts, collection=EAGER, metrics=metrics or MetricsConfig())


def account(
    name: str,
    url: str,
    timeout: float = 20,
    *,
    collection: CollectionConfig = EAGER,
    token: Secret | None = None,
    lines: tuple[Line, ...] = (),
    metrics: MetricsConfig | None = None,
    live_calls: bool = False,
) -> Account:
    """Return an account of the simulator at `url`."""
    config = AccountConfig(
        name=name,
        account_sid="demo",
        base_url=url,
        api_key=Secret("demo"),
        api_token=token or Secret("demo"),
        lines=lines,
        collection=replace(collection, timeout=Seconds(timeout)),
    )
    return Account(config, metrics or MetricsConfig(), Shared(keeps_live_calls=live_calls))


@contextmanager
def collecting(made: Account) -> Iterator[Callable[[], Snapshot]]:
    """Return what collects once, with the account's own timeout, for as long as this lasts."""
    try:
        yield lambda: made.collect(Deadline.after(made.config.collection.timeout)).result(timeout=GUARD)
    finally:
        made.close()


@contextmanager
def served(
    made: Sequence[Account], endpoints: Endpoints | None = None, limits: Limits | None = None
) -> Iterator[str]:
    """Serve these accounts on a free port; give the URL."""
    accounts = Accounts(lambda: configuration(*(account.config for account in made)))
    accounts._by_name = {account.name: account for account in made}  # those that the test knows
    try:
        with serving(accounts, endpoints, limits=limits) as url:
            yield url
    finally:
        for account in made:
            account.close()


@contextmanager
def serving(
    accounts: Accounts,
    endpoints: Endpoints | None = None,
    web: ActiveWebConfig | None = None,
    reloader: Reloader | None = None,
    limits: Limits | None = None,
) -> Iterator[str]:
    """Serve whatever accounts there are, on a free port; give the URL."""
    answers = Answers()
    app = create_app(accounts, endpoints or Endpoints(), (reloader or Reloader(accounts)).ask, answers)
    server = Server(app, web, limits, answers.count, lambda inner: Exchange(inner, answers))
    with running(server) as address:
        yield f"{'https' if server.has_tls else 'http'}://{address}"


@contextmanager
def running(server: Server) -> Iterator[Address]:
    """Run a server in a thread of its own, on a free port; give the address."""
    [socket] = listen([Address("127.0.0.1", 0)])
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield bound_address(socket)
    finally:
        server.should_exit = True
        thread.join()


def wait_until_idle(made: Account) -> None:
    """Return when no thread of an account is at work: on a busy machine one may still wind up its answer."""
    wait_until(lambda: not busy_threads(made), "idle threads", within=scaled(_GRACE))


def busy_threads(made: Account) -> list[str]:
    """Return which threads of an account are at work; those that wait for some aren't."""
    frames = sys._current_frames()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return [
        name
        for ident, name in names.items()
        if ident in frames
        and name.startswith((f"{made.name}-request", f"{made.name}-collect"))
        and any(
            frame.f_code.co_filename.startswith(_PROGRAM) for frame, _ in traceback.walk_stack(frames[ident])
        )
    ]
