"""What Grafana would have got for each panel of a dashboard: variables put in, queries asked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana.pictures.prometheus import Prometheus, QueryFailed

Panel = Mapping[str, Any]

#: Pixels: the page, and what of it the panels have.
WIDTH = 1366
_COLUMNS = 24

#: Grafana's own steps, in seconds: a graph has about as many points as pixels.
_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$([a-zA-Z_]\w*)|\[\[(\w+)\]\]")
_LABEL_VALUES = re.compile(r"label_values\((?:(?P<series>.+),\s*)?(?P<label>\w+)\)")
_DURATION = re.compile(r"now-(\d+)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class CannotReplay(Exception):
    """A dashboard has something that this tool doesn't know."""


@dataclass(frozen=True)
class Replay:
    """Replays dashboards whose time ends at `end`; samples are `interval` seconds apart."""

    prometheus: Prometheus
    end: float
    interval: int

    def page(self, dashboard: Mapping[str, Any]) -> dict[str, Any]:
        """The dashboard, what its variables have come to, and the answers to each panel's queries."""
        start = self.end - seconds(dashboard["time"]["from"])
        shown: list[dict[str, str]] = []
        values: dict[str, str] = {}
        texts: dict[str, str] = {}
        for variable in dashboard["templating"]["list"]:
            text, values[variable["name"]] = self._variable(variable, values, start)
            texts[variable["name"]] = text
            if variable.get("hide", 0) != 2:  # as a whole
                shown.append({"label": variable.get("label") or variable["name"], "text": text})
        answers = {
            panel["id"]: list(self._answers(panel, values, start)) for panel in panels(dashboard["panels"])
        }
        return {
            "dashboard": {
                **dashboard,
                "panels": [
                    {**panel, "title": put_in(panel["title"], texts)} for panel in dashboard["panels"]
                ],
            },
            "variables": shown,
            "from": start,
            "to": self.end,
            "answers": answers,
            "width": WIDTH,
        }

    def _variable(
        self, variable: Mapping[str, Any], values: Mapping[str, str], start: float
    ) -> tuple[str, str]:
        """What is shown of a variable, and what is put into queries."""
        current = variable.get("current", {})
        if variable["type"] == "datasource":
            return "Prometheus", "prometheus"
        if variable["type"] != "query":
            return str(current.get("text", "")), str(current.get("value", variable.get("query", "")))
        query = variable["query"]
        asked = _LABEL_VALUES.fullmatch(query if isinstance(query, str) else query["query"])
        if not asked:
            raise CannotReplay(f"variable {variable['name']}: {query!r} is not label_values(…)")
        series = put_in(asked["series"] or f'{{{asked["label"]}!=""}}', values)
        found = self.prometheus.label_values(asked["label"], series, start, self.end)
        if "$__all" in current.get("value", ()):
            return "All", variable.get("allValue") or "|".join(map(re.escape, found))
        if not found:
            raise CannotReplay(f"variable {variable['name']}: {series} has no series")
        return found[0], re.escape(found[0])

    def _answers(self, panel: Panel, values: Mapping[str, str], start: float) -> Iterator[dict[str, Any]]:
        if panel.get("timeFrom") or panel.get("timeShift"):
            raise CannotReplay(f"{panel['title']}: a time range of its own")
        step = self._step(panel, start)
        known = {
            **values,
            "__interval": f"{step}s",
            "__interval_ms": str(step * 1000),
            "__rate_interval": f"{max(step + self.interval, 4 * self.interval)}s",
            "__range": f"{self.end - start:.0f}s",
            "__range_s": f"{self.end - start:.0f}",
            "__range_ms": f"{(self.end - start) * 1000:.0f}",
        }
        for target in panel.get("targets", []):
            if target.get("hide"):
                continue
            promql = put_in(target["expr"], known)
            try:
                if target.get("instant"):
                    data = self.prometheus.query(promql, self.end)
                else:  # at full steps, as Grafana asks
                    first, last = start - start % step, self.end - self.end % step
                    data = self.prometheus.query_range(promql, first, last, step)
            except QueryFailed as error:
                raise CannotReplay(f"{panel['title']}: {error}") from None
            yield {"target": target, "step": step, "series": data["result"]}

    def _step(self, panel: Panel, start: float) -> int:
        points = panel.get("maxDataPoints") or panel["gridPos"]["w"] / _COLUMNS * WIDTH
        least = max(self.interval, seconds(f"now-{panel['interval']}") if panel.get("interval") else 0)
        wanted = max((self.end - start) / points, least)
        return next(step for step in _STEPS if step >= wanted)


def panels(listed: Sequence[Panel]) -> Iterator[Panel]:
    """Those that are seen and ask something: rows are only headings, and closed ones hide their panels."""
    return (panel for panel in listed if panel["type"] != "row")


def put_in(text: str, values: Mapping[str, str]) -> str:
    """The text with values in place of its variables."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[3]
        if name not in values:
            raise CannotReplay(f"{text}: no variable is called {name}")
        return values[name]

    return _VARIABLE.sub(value, text)


def seconds(ago: str) -> int:
    """How long before now a time like now-6h is."""
    found = _DURATION.fullmatch(ago)
    if not found:
        raise CannotReplay(f"{ago!r} is not a time like now-6h")
    return int(found[1]) * _SECONDS[found[2]]
