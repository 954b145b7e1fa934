"""Who comes to the exporter in a soak: scrapers who check each answer, and clients who waste its time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle

import requests
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain_text
from prometheus_client.samples import Sample

QUIET, CHURNING, FAULTY = "quiet", "churning", "faulty"
ACCOUNTS = (QUIET, CHURNING, FAULTY)

_PATIENCE = 3.0  # seconds that a scraper waits for an answer, as it tells the exporter
_PAUSE = 1.0  # seconds from one scrape of a scraper to its next
_DRIP = 1.0  # seconds from byte to byte

Read = Callable[[str], Iterable[Family]]

_FORMATS: tuple[tuple[str, Read], ...] = (
    ("text/plain", read_plain_text),
    ("application/openmetrics-text", read_openmetrics),
)


class Answer:
    """The samples of one answer that belong to an account."""

    def __init__(self, read: Read, text: str) -> None:
        self._samples = [
            sample for family in read(text) for sample in family.samples if "account" in sample.labels
        ]

    def samples(self, name: str, account: str) -> list[Sample]:
        """Return the samples of an account that have this name."""
        return [
            sample for sample in self._samples if sample.name == name and sample.labels["account"] == account
        ]

    def total(self, name: str, account: str) -> float | None:
        """Add up the samples of an account that have this name; None when there are none."""
        samples = self.samples(name, account)
        return sum(sample.value for sample in samples) if samples else None

    def is_up(self, account: str) -> bool:
        """Return whether the account's calls were listed whole."""
        return self.total("exotel_up", account) == 1

    def fault(self) -> str | None:
        """Say what can't be true, if anything: only the faulty account may be down, then without calls."""
        calls = {account: self.total("exotel_active_calls", account) for account in ACCOUNTS}
        for account in ACCOUNTS:
            if not self.is_up(account) and account != FAULTY:
                return f"{account}: not up"
            if self.is_up(account) == (calls[account] is None):
                return f"{account}: call metrics where it isn't up, or none where it is"
        reported = self.total("exotel_calls_reported", QUIET)
        return None if calls[QUIET] == reported else f"{calls[QUIET]} calls of {reported} reported"


@dataclass(frozen=True, slots=True)
class Scrape:
    """What came of one: an answer, or why there was none, or why it could not be read."""

    seconds: float
    answer: Answer | None = None
    failure: str | None = None
    fault: str | None = None


@dataclass
class Record:
    """What all scrapers together have seen."""

    seconds: list[float] = field(default_factory=list)
    """How long each scrape took, answered or not."""
    unanswered: Counter[str] = field(default_factory=Counter)
    """Scrapes without a 200 in time, by what came in its place."""
    wrong: Counter[str] = field(default_factory=Counter)
    """Answers with a fault, by fault."""
    up: Counter[str] = field(default_factory=Counter)
    """Answers in which an account was up."""
    last: Answer | None = None
    dripped: Counter[str] = field(default_factory=Counter)
    """Requests that arrived byte by byte, by the first line of their answer."""

    @property
    def all_up(self) -> bool:
        """Return whether every account was up in the last answer."""
        return self.last is not None and all(map(self.last.is_up, ACCOUNTS))

    def take(self, scrape: Scrape) -> None:
        """Take in what came of a scrape."""
        self.seconds.append(scrape.seconds)
        if scrape.failure:
            self.unanswered[scrape.failure] += 1
        if scrape.answer:
            self.last = scrape.answer
            self.up.update(filter(scrape.answer.is_up, ACCOUNTS))
        if fault := scrape.fault or (scrape.answer and scrape.answer.fault()):
            self.wrong[fault] += 1


async def scrape_on(url: str, record: Record) -> None:
    """Scrape about every second, in either format by turns, until cancelled."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Prometheus-Scrape-Timeout-Seconds"] = str(_PATIENCE)
        session.headers["Accept-Encoding"] = "gzip"
        for accept, read in cycle(_FORMATS):
            session.headers["Accept"] = accept
            next_one = time.monotonic() + _PAUSE
            record.take(await asyncio.to_thread(_scrape, session, url, read))
            await asyncio.sleep(next_one - time.monotonic())


def _scrape(session: requests.Session, url: str, read: Read) -> Scrape:
    started = time.monotonic()
    try:
        response = session.get(url, timeout=_PATIENCE)
    except requests.RequestException as error:
        return Scrape(time.monotonic() - started, failure=type(error).__name__)
    seconds = time.monotonic() - started
    if response.status_code != 200 or seconds > _PATIENCE:
        return Scrape(seconds, failure=f"HTTP {response.status_code} after {seconds:.0f} s")
    told = response.headers.get("Content-Type", ""), response.headers.get("Content-Encoding")
    if not told[0].startswith(str(session.headers["Accept"])) or told[1] != "gzip":
        return Scrape(seconds, fault=f"not what was asked for: {told}")
    try:
        return Scrape(seconds, Answer(read, response.text))
    except Exception as error:  # noqa: BLE001  # whatever a parser makes of it
        return Scrape(seconds, fault=f"can't be read: {error!r}")


async def keep_silent(host: str, port: int) -> None:
    """Hold a connection and say nothing, until cancelled; open another when it is closed."""
    while True:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def drip(host: str, port: int, record: Record) -> None:
    """Send requests one byte a second until cancelled."""
    request = f"GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    while True:
        reader, writer = await asyncio.open_connection(host, port)
        answer = asyncio.ensure_future(reader.read())
        try:
            for byte in request:
                if answer.done():  # it was answered, and closed, before it was whole
                    break
                writer.write(bytes((byte,)))
                await asyncio.sleep(_DRIP)
            record.dripped[(await answer).partition(b"\r\n")[0].decode("latin-1")] += 1
        except ConnectionError as error:
            record.dripped[type(error).__name__] += 1
        finally:
            writer.close()
