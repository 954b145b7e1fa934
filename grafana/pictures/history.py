"""Hours of two simulated contact centres, as an exporter told of them scrape by scrape."""

import multiprocessing
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from unittest.mock import patch

import requests
import yaml

from exporter.cli import main
from exporter.simulator import EXOPHONES, Settings, Simulator
from grafana.pictures.prometheus import free_address
from tests.waiting import wait_until

SCRAPE_INTERVAL = 15
LENGTH = timedelta(hours=6)
#: A Wednesday: the pictures show the morning rise, the peak and the lunch break.
END = datetime(2025, 6, 18, 13, 50, tzinfo=UTC)

#: As the deployed Prometheus names them.
JOB, INSTANCE = "exotel", "exporter:9927"

#: Everything is on; agents have the names of nobody.
OPTIONS = {
    "collection": {
        "agent_streams": True,
        "duration_counts_from": "answer",
        "estimate": True,
        "streams": {"enabled": True, "max_per_scrape": 40, "max_age": "90s"},
    },
    "metrics": {"per_agent": True, "agent_names": True, "longest_calls": 10},
}
LINES = {"booking": EXOPHONES[:2], "billing": EXOPHONES[2:3]}

_OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
_SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*?)\})? (?P<value>\S+)(?: # .*)?")


@dataclass(frozen=True)
class Centre:
    """A contact centre, and how many of its calls Exotel allows."""

    calls: int
    """At the start of the history, in the morning."""
    agents: int
    limit: int
    faults: Mapping[str, tuple[str, str]]
    """What goes wrong, and from when until when."""


CENTRES = {
    "delhi": Centre(
        66,
        122,
        150,
        {
            "slow:150ms": ("09:50", "10:05"),
            "empty_page@middle": ("10:40", "10:52"),
            "status:503": ("11:41", "11:47"),
        },
    ),
    "hyderabad": Centre(22, 40, 44, {}),
}


@dataclass(frozen=True)
class Span:
    """A stretch of time, from one scrape to another."""

    start: datetime
    end: datetime
    is_shown: bool
    """Else only its load is laid over: it needs no option, and no trouble."""

    def scrapes(self) -> Iterator[datetime]:
        """When the exporter is scraped."""
        for number in range(int((self.end - self.start).total_seconds()) // SCRAPE_INTERVAL + 1):
            yield self.start + timedelta(seconds=SCRAPE_INTERVAL * number)


#: What the dashboards show, and the week before, which they lay over it.
TODAY = Span(END - LENGTH, END, is_shown=True)
LAST_WEEK = Span(TODAY.start - timedelta(weeks=1), END - timedelta(weeks=1), is_shown=False)


def write(span: Span, file: Path) -> None:
    """Write every sample of every scrape in the span, as text that Prometheus can be filled from."""
    with ExitStack() as stack:
        centres = {
            name: stack.enter_context(Simulator(_settings(centre, span))) for name, centre in CENTRES.items()
        }
        config = file.with_suffix(".yaml")
        options = OPTIONS if span.is_shown else {}
        config.write_text(yaml.safe_dump({"accounts": _accounts(centres), **options}), encoding="utf-8")
        clock: Synchronized[float] = multiprocessing.get_context("spawn").Value("d", 0.0)
        _set(clock, span.start)
        url = stack.enter_context(_exporter(config, clock))
        output = stack.enter_context(file.open("w", encoding="utf-8"))
        for at in span.scrapes():
            _set(clock, at)
            for name, simulator in centres.items():
                if span.is_shown:
                    simulator.set_faults(_faults(CENTRES[name], at))
                simulator.advance(SCRAPE_INTERVAL)
            output.writelines(f"{sample} {at.timestamp():.0f}\n" for sample in _scraped(url))
        output.write("# EOF\n")


def _settings(centre: Centre, span: Span) -> Settings:
    return Settings(
        calls=centre.calls,
        agents=centre.agents,
        seed=centre.limit * span.start.timetuple().tm_yday,
        second_calls=0.05,
        stream_limit=centre.limit // 5,
        start_hour=span.start.hour + span.start.minute / 60,
        epoch=span.start.timestamp() - SCRAPE_INTERVAL,
        speed=0,
        latency=0.02,
    )


def _faults(centre: Centre, at: datetime) -> list[str]:
    return [fault for fault, (start, end) in centre.faults.items() if start <= f"{at:%H:%M}" < end]


def _accounts(centres: Mapping[str, Simulator]) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "account_sid": simulator.settings.account_sid,
            "base_url": simulator.url,
            "api_key": simulator.settings.api_key,
            "api_token": simulator.settings.api_token,
            "call_limit": CENTRES[name].limit,
            "lines": {line: list(numbers) for line, numbers in LINES.items()},
        }
        for name, simulator in centres.items()
    ]


@contextmanager
def _exporter(config: Path, clock: "Synchronized[float]") -> Iterator[str]:
    """The URL of an exporter whose clock is `clock` ahead of the real one."""
    address = free_address()
    arguments = [f"--config.file={config}", f"--web.listen-address={address}", "--log.level=error"]
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(arguments, clock))
    process.start()
    try:
        wait_until(lambda: _answers(f"http://{address}/-/ready"), "an exporter that is ready")
        yield f"http://{address}/metrics"
    finally:
        process.terminate()
        process.join()


def _run(arguments: list[str], clock: "Synchronized[float]") -> None:
    real, monotonic = time.time, time.monotonic
    with (
        patch("time.time", lambda: real() + clock.value),
        patch("time.monotonic", lambda: monotonic() + clock.value + _LONG),
    ):
        main(arguments)


#: Seconds; the past that is simulated must not lie before the start of the monotonic clock.
_LONG = 1e10


def _set(clock: "Synchronized[float]", to: datetime) -> None:
    clock.value = to.timestamp() - time.time()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.ConnectionError:
        return False


def _scraped(url: str) -> Iterator[str]:
    """The samples of a scrape, with the labels of the target and the samples that Prometheus adds itself."""
    started = time.monotonic()
    answer = requests.get(url, headers=_OPENMETRICS, timeout=60)
    answer.raise_for_status()
    seconds = time.monotonic() - started
    samples = [found for line in answer.text.splitlines() if (found := _SAMPLE.fullmatch(line))]
    for sample in samples:
        yield _line(sample["name"], sample["labels"] or "", sample["value"])
    added = {"up": 1.0, "scrape_duration_seconds": seconds, "scrape_samples_scraped": len(samples)}
    for name, value in added.items():
        yield _line(name, "", str(value))


def _line(name: str, labels: str, value: str) -> str:
    target: Iterable[str] = (f'job="{JOB}"', f'instance="{INSTANCE}"')
    return f"{name}{{{','.join((*target, *filter(None, [labels])))}}} {value}"
