"""The page for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from exporter import __version__
from exporter.observe.account import Account

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Exotel exporter</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 56rem; padding: 0 1rem; color: #1c2733; background: #fff }}
  h1 {{ margin-bottom: 0 }}
  table {{ border-collapse: collapse; width: 100%; margin: 1.5rem 0 }}
  th, td {{ text-align: left; padding: .5rem .75rem; border-bottom: 1px solid #d5dde5; vertical-align: top; overflow-wrap: anywhere }}
  .number {{ text-align: right; font-variant-numeric: tabular-nums }}
  .good {{ color: #0b6b3a }} .bad {{ color: #a3121f; font-weight: 600 }} .none {{ color: #5b6875 }}
</style>
</head>
<body>
<h1>Exotel exporter</h1>
<p>Version {version}. Prometheus scrapes <a href="{metrics}">{metrics}</a>; each scrape asks the Exotel API anew.</p>
<table>
<thead><tr><th>Account</th><th class="number">Active calls</th><th>Last collection</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p><a href="/-/healthy">healthy</a> · <a href="/-/ready">ready</a></p>
</body>
</html>
"""  # noqa: E501  # a rule of style sheets reads best on its line


def page(accounts: Iterable[Account], telemetry_path: str) -> str:
    """Write the page: the version, each account and how its last collection went, links."""
    rows = "\n".join(map(_row, accounts))
    return _PAGE.format(version=escape(__version__), metrics=escape(telemetry_path), rows=rows)


def _row(account: Account) -> str:
    last = account.last
    if last is None:
        calls, how = "", '<span class="none">not scraped yet</span>'
    elif (snapshot := last.snapshot) is not None:
        calls = str(sum(group.calls for group in snapshot.calls.groups))
        at = datetime.fromtimestamp(snapshot.ended_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        how = f'<span class="good">complete</span>, {at}, in {last.calls.seconds:.2f} s'
    else:
        error = last.error
        calls = "" if last.reported is None else f"{last.reported} reported"
        how = (
            f'<span class="bad">failed: {escape(error.reason)}</span><br>{escape(error.detail)}'
            if error
            else ""
        )
    return f'<tr><td>{escape(account.name)}</td><td class="number">{calls}</td><td>{how}</td></tr>'
