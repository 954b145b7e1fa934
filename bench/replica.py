"""Replicas of Prometheus that probe accounts, and what they have seen."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter

_AT_ONCE = 64  # scrapes that one may have under way; a Prometheus may have any number
TIMEOUT = 10  # seconds

HEADERS = {  # of Prometheus 3.5
    "Accept": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "Accept-Encoding": "gzip",
    "User-Agent": "Prometheus/3.5.0",
    "X-Prometheus-Scrape-Timeout-Seconds": str(TIMEOUT),
}


@dataclass(frozen=True, slots=True)
class Scrape:
    """What came of one."""

    seconds: float
    is_complete: bool = False
    """The answer showed every call of every account."""
    lost: str | None = None
    """What came in place of a 200 in time."""


@dataclass
class Record:
    """What came of all of them."""

    seconds: list[float] = field(default_factory=list)
    """How long each one took, answered or not."""
    complete: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def take(self, scrape: Scrape) -> None:
        """Take in what came of one."""
        self.seconds.append(scrape.seconds)
        self.complete += scrape.is_complete
        if scrape.lost:
            self.lost[scrape.lost] += 1

    def quantile(self, percent: int) -> float:
        """Return the seconds that so many percent of all took at most."""
        return statistics.quantiles(self.seconds, n=100)[percent - 1]


def open_session() -> requests.Session:
    """Open a session that asks as a Prometheus does, and keeps its connections; threads may share it."""
    session = requests.Session()
    session.trust_env = False
    session.headers.update(HEADERS)
    session.mount("http://", HTTPAdapter(pool_maxsize=_AT_ONCE))
    return session


def scrape(session: requests.Session, url: str, accounts: Iterable[str]) -> Scrape:
    """Scrape a URL that shows these accounts."""
    started = time.monotonic()
    try:
        answer = session.get(url, timeout=TIMEOUT)
    except requests.RequestException as error:
        return Scrape(time.monotonic() - started, lost=type(error).__name__)
    seconds = time.monotonic() - started
    if answer.status_code != 200 or seconds > TIMEOUT:
        return Scrape(seconds, lost=f"HTTP {answer.status_code} after {seconds:.0f} s")
    text = answer.text
    return Scrape(seconds, all(f'exotel_up{{account="{name}"}} 1.0\n' in text for name in accounts))


async def probe_on(
    url: str, accounts: Sequence[str], interval: float, draw: random.Random, record: Record
) -> None:
    """Probe each account every `interval` seconds, each on a beat of its own, until cancelled."""
    loop = asyncio.get_running_loop()
    with open_session() as session, ThreadPoolExecutor(_AT_ONCE) as threads:

        async def probe(account: str, due: float) -> None:
            while True:
                await asyncio.sleep(due - loop.time())
                target = f"{url}?target={account}"
                record.take(await loop.run_in_executor(threads, scrape, session, target, [account]))
                due += interval

        begin = loop.time()
        await asyncio.gather(*(probe(name, begin + draw.uniform(0, interval)) for name in accounts))
