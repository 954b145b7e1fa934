"""Writes docs/metrics.md from the catalogue: `python -m docs.generate`."""

from __future__ import annotations

from pathlib import Path

from exporter.api.errors import Reason
from exporter.expose.collector import BUILD_INFO, CATALOGUE
from exporter.expose.metric import Metric

PAGE = Path(__file__).parent / "metrics.md"

_INTRODUCTION = """\
# Metrics

Generated from the code by `make generate`.

Every metric of an account has the label `account`: its `name` in the configuration, or else its
`account_sid`. When a listing fails or is incomplete, the account's call and agent metrics are absent, not 0
and not stale; `exotel_up` is 0 and `exotel_collector_failures_total` tells the reason.
"""

_OWN = """\

## The exporter itself

| metric | type | labels | meaning |
|---|---|---|---|
{build_info}

Beside it stand the usual `process_*` and `python_*` of the Prometheus client library.

## Label values

| label | values |
|---|---|
| `direction` | `inbound`, `outbound-api`, `outbound-dial`, `outbound`, `other`, `unknown` |
| `status` of a call | `queued`, `ringing`, `in-progress`, `other`, `unknown`; while an ended call is still \
listed also `completed`, `failed`, `busy`, `no-answer`, `canceled` |
| `status` of an agent | `available`, `on-call`, `busy`, `after-call-work`, `offline`, `other`, `unknown` |
| `reason` | {reasons} |

`other` is a value that the exporter doesn't know, `unknown` one that the API left out. Telephone
numbers and names of agents are never read. A `call_sid` appears only as the exemplar of a duration bucket, in
OpenMetrics.
"""


def metrics_page() -> str:
    """Write the page."""
    rows = "\n".join(map(_row, CATALOGUE))
    head = "\n## Accounts\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n"
    reasons = ", ".join(f"`{reason}`" for reason in Reason)
    return _INTRODUCTION + head + rows + "\n" + _OWN.format(build_info=_row(BUILD_INFO), reasons=reasons)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


if __name__ == "__main__":
    PAGE.write_text(metrics_page(), encoding="utf-8")
