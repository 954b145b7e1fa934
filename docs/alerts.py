"""The table of every alert, made of the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.rules import FILE as THRESHOLDS_FILE

_PAGE = Path(__file__).parent / "alerts.md"
_HEAD = "| alert | severity | what its title says | after |\n|---|---|---|---|\n"
_EXAMPLES = {
    "account": "acme",
    "collector": "streams",
    "direction": "inbound",
    "field": "status",
    "instance": "exporter:9927",
    "record": "own:…",
}
_LABEL = re.compile(r"{{ \$labels\.(\w+) }}")
_UNLESS_ABSENT = re.compile(r"{{ with (\$labels\.\w+) }}{{ \. }}(.*?){{ end }}")


def alerts_page() -> str:
    """Return the page as it is, with its table anew: all else on it is written by hand."""
    before, rest = _PAGE.read_text(encoding="utf-8").split(_HEAD)
    return before + _HEAD + "".join(map(_row, _alerts())) + re.sub(r"\A(\|.*\n)*", "", rest)


def _alerts() -> Iterator[dict[str, Any]]:
    for path in sorted(THRESHOLDS_FILE.parent.glob("*.yml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


def _row(rule: dict[str, Any]) -> str:
    title = _UNLESS_ABSENT.sub(r"{{ \1 }}\2", rule["annotations"]["summary"])
    title = _LABEL.sub(lambda label: _EXAMPLES[label[1]], title)
    after = "at once" if rule["for"] == "0s" else rule["for"]
    link = f"[{rule['alert']}](runbooks.md#{rule['alert'].lower()})"
    return f"| {link} | {rule['labels']['severity']} | {title} | {after} |\n"
