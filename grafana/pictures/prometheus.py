"""A real Prometheus that is filled with a history, what the deployed rules record of it included."""

import json
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.e2e.processes import program
from tests.waiting import wait_until

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"

_NAME = re.compile(r"[a-zA-Z_:][\w:]*")

Rule = Mapping[str, Any]


class QueryFailed(Exception):
    """Prometheus would not answer a query."""


@dataclass(frozen=True)
class Prometheus:
    """One that runs, and is asked."""

    url: str

    def query(self, promql: str, at: float) -> Any:
        """What an expression was at a moment."""
        return self._get("query", {"query": promql, "time": at})

    def query_range(self, promql: str, start: float, end: float, step: float) -> Any:
        """What an expression was at each step."""
        return self._get("query_range", {"query": promql, "start": start, "end": end, "step": step})

    def label_values(self, label: str, series: str, start: float, end: float) -> Any:
        """The values of a label in a range of time."""
        return self._get(f"label/{label}/values", {"match[]": series, "start": start, "end": end})

    def _get(self, path: str, parameters: Mapping[str, str | float]) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=60).json()
        if answer["status"] != "success":
            raise QueryFailed(f"{parameters}: {answer['error']}")
        return answer["data"]


@contextmanager
def running(data: Path, interval: int) -> Iterator[Prometheus]:
    """Run one on `data`, whose samples are `interval` seconds apart: a series without one has ended."""
    config = data.with_suffix(".yml")
    config.write_text("{}\n", encoding="utf-8")
    address = free_address()
    command = [
        *("prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}"),
        *(f"--web.listen-address={address}", f"--query.lookback-delta={interval - 1}s"),
    ]
    with program(command, data.with_suffix(".log")) as server:

        def answers() -> bool:
            server.said()
            try:
                return requests.get(f"http://{address}/-/ready", timeout=1).ok
            except requests.ConnectionError:
                return False

        wait_until(answers, "a Prometheus that is ready")
        yield Prometheus(f"http://{address}")


def fill(data: Path, samples: Path) -> None:
    """Add the samples of a file to the data of a Prometheus that doesn't run."""
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(samples), str(data)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own files


def record(data: Path, interval: int, spans: Sequence[tuple[float, float]]) -> None:
    """Add what the deployed rules would have recorded in these spans.

    promtool could do it, but at moments of its own between the scrapes, and without the rules' order.
    """
    samples = data.with_name("recorded.om")
    for rules in _levels(_recording_rules()):
        with running(data, interval) as prometheus, samples.open("w", encoding="utf-8") as output:
            for rule, (start, end) in product(rules, spans):
                answer = prometheus.query_range(rule["expr"], start, end, interval)
                for series in answer["result"]:
                    name = _series(rule["record"], {**series["metric"], **rule.get("labels", {})})
                    output.writelines(f"{name} {value} {at}\n" for at, value in series["values"])
            output.write("# EOF\n")
        fill(data, samples)


def _series(name: str, labels: Mapping[str, str]) -> str:
    written = (f"{label}={json.dumps(value)}" for label, value in labels.items() if label != "__name__")
    return f"{name}{{{','.join(written)}}}"


def free_address() -> str:
    """An address on which nobody listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def _recording_rules() -> list[Rule]:
    return [
        rule
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "record" in rule
    ]


def _levels(rules: Iterable[Rule]) -> Iterator[list[Rule]]:
    """First those that use no other, then those that use these, and so on; one may read itself."""
    pending = list(rules)
    while pending:
        names = {rule["record"] for rule in pending}
        ready = [
            rule for rule in pending if names.isdisjoint({*_NAME.findall(rule["expr"])} - {rule["record"]})
        ]
        if not ready:
            raise ValueError(f"these rules use one another: {', '.join(sorted(names))}")
        yield ready
        pending = [rule for rule in pending if rule not in ready]
