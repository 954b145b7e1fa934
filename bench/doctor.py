"""Doctor against random servers, and an hour with what it printed: `python -m bench.doctor --seeds=40`.

Each server is a process of its own that `exotel-simulator --profile=random --seed=N` starts, each doctor
the real command. What is right for a server is read off its profile, without a look at doctor's code.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from exporter.collect.account import Account
from exporter.config import from_file
from exporter.exotel.deadline import Deadline
from exporter.simulator import Settings, Simulator
from exporter.simulator.profile import Pages, Profile
from exporter.simulator.random_server import random_server
from exporter.simulator.servers import SLIM
from exporter.simulator.settings import FLAT_DAY

CALLS = 120
_MOST_REQUESTS = 60
_NEARLY = 25  # calls by which their number may have changed
_SECRETS = {"EXOTEL_API_KEY": "demo", "EXOTEL_API_TOKEN": "demo"}
_HOUR = 3600.0  # seconds
_FIELDS = {
    *("call_sid", "direction", "status", "from", "to", "start_time", "duration"),
    *("agent_details", "recording_enabled"),
}

Accepts = Callable[[Any], bool]


def one_of(*values: Any) -> Accepts:
    """Return what accepts these values; 1 isn't true."""
    return lambda found: any(found == value and type(found) is type(value) for value in values)


def expected(profile: Profile) -> Mapping[str, Accepts]:
    """Return what each finding may be for a server with about CALLS calls."""
    sees_all = profile.pages.window is None and profile.pages.offsets != "ignored"
    return {
        "access.clock": lambda found: found is not None and abs(found - profile.clock) <= 1,
        **_paging(profile),
        **_list(profile, sees_all=sees_all),
        **_rows(profile),
        **_filters(profile),
        **_beside(profile),
    } | ({} if _can_be_listed(profile) else {"listing": lambda found: found != "complete"})


def _can_be_listed(profile: Profile) -> bool:
    pages = profile.pages
    if pages.window or (pages.offsets == "ignored" and pages.max_limit < CALLS):
        return False
    return profile.reordering != "shuffled" or pages.whole or pages.max_limit > CALLS


def _paging(profile: Profile) -> dict[str, Accepts]:
    pages = profile.pages
    is_one_page = pages.whole or pages.max_limit > CALLS
    larger: Any = {"cut": "honoured" if is_one_page else "cut", "ignored": "ignored"}.get(
        pages.limits, pages.rejection
    )
    past_end = pages.past_window if pages.window else pages.past_end
    offset = {"rows": "honoured"}.get(pages.offsets, pages.offsets)
    is_hidden = profile.reordering == "shuffled"  # pages of no order begin nowhere
    return {
        "list.page_size": (
            (lambda found: abs(found - CALLS) <= _NEARLY) if is_one_page else one_of(pages.max_limit)
        ),
        "list.larger_limit": one_of("whole list" if pages.whole else larger),
        "list.offset": one_of("ignored" if pages.whole else offset, *((None,) if is_hidden else ())),
        # where offsets are ignored, nothing behind the first page is served
        "list.window": one_of(None, pages.max_limit)
        if offset == "ignored"
        else one_of(pages.window or False, *_last_pages(pages)),
        "list.past_end": one_of(200 if pages.whole else past_end),
    }


def _last_pages(pages: Pages) -> list[int]:
    """Return where the last whole page ends that a window shows, if no smaller one can be asked for."""
    if pages.window and pages.limits == "ignored":
        return [pages.window // pages.max_limit * pages.max_limit]
    return []


def _list(profile: Profile, *, sees_all: bool) -> dict[str, Accepts]:
    order = {
        **{"start": "oldest first", "newest": "newest first", "sid": "stable", "status": "by status"},
        **{"updated": "moving", "updated newest": "moving"},
        **{"insertion": "stable", "direction": "stable", "progress": "by status"},
    }[profile.order]
    if profile.reordering == "shuffled":
        order = "none"
    elif profile.order == "progress" and profile.linger:
        order = "moving"  # into the group of all that have ended
    elif "start_time" in profile.fields.missing and profile.order in {"start", "newest"}:
        order = "stable"  # as far as rows show it
    total: str | None = {"none": "absent", "active": "not ended", "queued left out": "other"}.get(
        profile.total, profile.total
    )
    if profile.total_lag or profile.total_cache:
        total = "lags"
    is_unclear = not sees_all or profile.reordering == "shuffled"
    unclear = (None,) if is_unclear else ()
    return {
        "list.order": one_of(order),
        "list.total": one_of(total, *unclear),
        "list.doubled": (
            (lambda found: found is not None and 0.01 <= found <= 0.12)
            if profile.doubled
            else one_of(0, 0.0, *unclear)
        ),
        "list.lingering": _stays(profile.linger) if profile.linger else one_of(*[False, *unclear]),
    }


def _stays(seconds: float) -> Accepts:
    """Return what accepts bounds around so many seconds that a factor of two, or ten seconds, are apart."""

    def accepts(found: Any) -> bool:
        if not found or found[1] is None:
            return False
        least, most = found
        return bool(least <= seconds + 1 and seconds - 1 <= most <= max(2 * least, least + 10))

    return accepts


def _rows(profile: Profile) -> dict[str, Accepts]:
    fields = profile.fields
    types = {"duration": "text" if "duration" in fields.texts else "number"}
    if "agent_details" not in fields.missing:
        types["agent_details.user_id"] = "number" if fields.numeric_agents else "text"
    there = _FIELDS - {*fields.missing}
    new = {"status": len(fields.statuses), "direction": len(fields.directions)}

    def has_types(found: Any) -> bool:
        names = {name for name in found or {} if "." not in name}
        return names == there and all(found.get(name) == kind for name, kind in types.items())

    return {
        "list.fields": has_types,
        "list.missing": lambda found: (
            sorted(name for name in found if "." not in name) == sorted(fields.missing)
        ),
        "list.values": lambda found: found == {name: count for name, count in new.items() if count},
        "list.duration": one_of("start" if profile.from_start else "answer")
        if "start_time" not in fields.missing
        else one_of(None, "answer"),
    }


def _filters(profile: Profile) -> dict[str, Accepts]:
    filters, missing = profile.filters, profile.fields.missing
    outbound: dict[str, tuple[Any, ...]] = {
        "both": (["outbound-api", "outbound-dial"],),
        "api": (["outbound-api"],),
        "literal": ([],),
    }
    selected = outbound[filters.outbound]
    if profile.fields.directions and filters.outbound == "both":  # what callback is to the filter isn't said
        selected = (["outbound-api"], ["other", "outbound-api"])
    works = filters.direction == "works"
    words = {"works": "works", "ignored": "ignored", "refused": 400}
    has_agents = "agent_details" not in missing
    tells_total = works and profile.total == "rows" and not (profile.total_lag or profile.total_cache)
    found: dict[str, Accepts] = {
        "list.direction_filter": one_of(words[filters.direction]),
        "list.outbound": one_of(*selected) if works else one_of(None),
        "list.agent_filter": one_of(words[filters.agent_id], *(() if has_agents else (None,))),
    }
    return found | ({"list.filtered_total": one_of(filters.total)} if tells_total else {})


def _beside(profile: Profile) -> dict[str, Accepts]:
    beside = profile.beside
    form = beside.agent_streams or "json"
    outbound = 2 if beside.outbound_legs is None else beside.outbound_legs

    def has_legs(found: Any) -> bool:
        is_slim = profile.fields.missing == SLIM
        return bool(found) and (
            is_slim
            or all(
                legs == (2 if name == "inbound" else outbound)
                for name, legs in found.items()
                if name != "other"
            )
        )

    return {
        "beside.streams": one_of(True if beside.streams == 200 else beside.streams),
        "beside.agent_streams": one_of(form)
        if isinstance(form, int)
        else lambda found: (
            isinstance(found, dict) and (found.get("format"), found.get("limit")) == (form, 100)
        ),
        "beside.rate_limit": one_of(beside.rate_limit or False),
        "beside.details_bucket": one_of(beside.streams_apart if beside.rate_limit else None),
        "beside.legs": has_legs if beside.streams == 200 else one_of(None),
    }


# Runs


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one server."""

    seed: int
    drawn: str
    findings: int
    wrong: tuple[str, ...]
    requests: int
    seconds: float
    listing: Any
    is_warned: bool
    """Whether listings were told not to be as they should."""
    scrapes: int
    up: int


@contextmanager
def _simulated(seed: int) -> Iterator[str]:
    command = [
        *(sys.executable, "-m", "exporter.simulator", "--listen-address=127.0.0.1:0", "--flat"),
        *("--profile=random", f"--seed={seed}", f"--calls={CALLS}", "--latency=20ms"),
    ]
    with subprocess.Popen(  # noqa: S603  # our own
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def _file(folder: str, text: str) -> Path:
    path = Path(folder) / "exporter.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def run(seed: int) -> Run:
    """Examine a random server by the real command, then live an hour with what it printed."""
    profile = random_server(Random(seed))  # noqa: S311  # as the simulator draws it
    with _simulated(seed) as url, tempfile.TemporaryDirectory() as folder:
        account = {"account_sid": "demo", "base_url": url, "api_key": "demo", "api_token": "demo"}
        file = _file(folder, json.dumps({"accounts": [account]}))
        began = time.monotonic()
        command = [sys.executable, "-m", "exporter", "doctor", f"--config.file={file}", "--format=json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
        seconds = time.monotonic() - began
        assert done.returncode in {0, 1}, done.stderr
        with urllib.request.urlopen(f"{url}/_simulator/requests") as answer:  # noqa: S310  # our own
            requests = sum(json.load(answer).values())
    [report] = json.loads(done.stdout)["accounts"]
    found, right = report["findings"], expected(profile)
    wrong = tuple(
        f"{check}={found.get(check, {}).get('value', '-')}"
        for check, accepts in right.items()
        if check not in found or not accepts(found[check]["value"])
    )
    scrapes, up = hour(report["configuration"], profile, seed)
    listing = found.get("listing", {}).get("value")
    is_warned = found.get("listing", {}).get("verdict") in {"works, but", "must change"}
    return Run(
        seed, profile.description, len(right), wrong, requests, seconds, listing, is_warned, scrapes, up
    )


def hour(configuration: str, profile: Profile, seed: int) -> tuple[int, int]:
    """Return how many scrapes an hour has with a configuration, and how many of them list every call."""
    if not configuration:
        return 0, 0
    ahead, monotonic, wall = 0.0, time.monotonic, time.time
    [interval] = re.findall(r"scrape_interval: (\d+)s", configuration)
    settings = Settings(calls=CALLS, seed=seed, day=FLAT_DAY, profile=profile, epoch=wall())
    with (
        patch("time.monotonic", lambda: monotonic() + ahead),
        patch("time.time", lambda: wall() + ahead),
        Simulator(settings) as simulator,
        tempfile.TemporaryDirectory() as folder,
    ):
        lines = [
            f"    base_url: {simulator.url}" if line.startswith("    base_url:") else line
            for line in configuration.splitlines()
            if not line.startswith("    agent_streams_url:")
        ]
        config = from_file(_file(folder, "\n".join(lines)), _SECRETS)
        account = Account(config.accounts[0], config.metrics)
        scrapes = up = 0
        try:
            while ahead < _HOUR:
                deadline = Deadline.after(config.accounts[0].collection.timeout)
                snapshot = account.collect(deadline).result()
                scrapes += 1
                up += snapshot.failure is None
                ahead += float(interval)
        finally:
            account.close()
    return scrapes, up


def main() -> None:
    """Examine the servers, print a table and totals; exit 1 where an aim is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4)
    arguments = parser.parse_args()
    print(f"{'seed':>4} {'exact':>7} {'requests':>8} {'seconds':>7} {'listing':<12} {'up':>9}  drawn; wrong")
    with ProcessPoolExecutor(arguments.jobs, max_tasks_per_child=1) as pool:
        runs = []
        for each in pool.map(run, range(arguments.first, arguments.first + arguments.seeds)):
            runs.append(each)
            exact = f"{each.findings - len(each.wrong)}/{each.findings}"
            wrong = f"; WRONG {', '.join(each.wrong)}" if each.wrong else ""
            print(
                f"{each.seed:>4} {exact:>7} {each.requests:>8} {each.seconds:>7.0f} {each.listing!s:<12} "
                f"{f'{each.up}/{each.scrapes}':>9}  {each.drawn}{wrong}",
                flush=True,
            )
    whole = sum(not each.wrong for each in runs)
    most = max(each.requests for each in runs)
    unforeseen = [each.seed for each in runs if not each.is_warned and each.up < each.scrapes]
    print(
        f"{whole} of {len(runs)} servers exact in every finding; {most} requests at most; servers of "
        f"which scrapes failed unannounced: {unforeseen or 'none'}"
    )
    sys.exit(int(whole < len(runs) * 39 / 40 or most > _MOST_REQUESTS or bool(unforeseen)))


if __name__ == "__main__":
    main()
