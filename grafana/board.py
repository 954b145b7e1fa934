"""What every dashboard has: variables, links, and panels numbered and placed on Grafana's grid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from grafana.panels import CONSOLE, DATASOURCE
from grafana.promql import select, select_own
from grafana.style import BAD, NEUTRAL, WARNING

#: The dashboards of this project carry it, and link to one another by it.
TAG = "exotel"

#: Columns of Grafana's grid.
GRID = 24


@dataclass(frozen=True)
class Band:
    """Panels side by side, of equal width unless `widths` says otherwise; a tuple shares a column."""

    height: int
    columns: Sequence[models.Panel | tuple[models.Panel, ...]]
    widths: Sequence[int] = ()
    title: str = ""
    """Stands above the band, as a row that can be folded."""

    def placed(self, top: int) -> Iterator[models.Panel]:
        """The panels from left to right, at this height of the grid."""
        left = 0
        equal = [GRID // len(self.columns)] * len(self.columns)
        for column, width in zip(self.columns, self.widths or equal, strict=True):
            panels = column if isinstance(column, tuple) else (column,)
            height = self.height // len(panels)
            for number, panel in enumerate(panels):
                panel.grid_pos = models.GridPos(x=left, y=top + number * height, w=width, h=height)
                yield panel
            left += width


def board(uid: str, title: str, description: str, bands: Sequence[Band]) -> models.Dashboard:
    """A dashboard of the given bands, from top to bottom, with the variables that their panels use."""
    panels = list(_placed(bands))
    written = JSONEncoder().encode(panels)
    dashboard = (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .readonly()
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("Exotel dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(keep_time=True)
            .include_vars(include_vars=True)
            .placement("")  # above the panels, not inside a menu
        )
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("job", "exotel_up"))
        .with_variable(_variable("instance", 'exotel_up{job=~"$job"}'))
        .with_variable(_variable("account", 'exotel_up{job=~"$job", instance=~"$instance"}'))
    )
    if "$line" in written:
        dashboard.with_variable(_variable("line", select("exotel_line_calls")))
    if "${console}" in written:
        dashboard.with_variable(builders.ConstantVariable("console").label("Console").value(CONSOLE))
    for annotation in _annotations():
        dashboard.annotation(annotation)
    built = dashboard.build()
    for variable in built.templating.list_val or []:
        if variable.type_val == models.VariableType.CONSTANT:
            variable.skip_url_sync = True  # the dashboard's address mustn't say where its links lead
    built.panels = panels
    return built


def _variable(name: str, series: str) -> builders.QueryVariable:
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    return (
        builders.QueryVariable(name)
        .label(name.capitalize())
        .datasource(DATASOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".+")
        .current(everything)
    )


def _annotations() -> Iterator[builders.AnnotationQuery]:
    """What happened meanwhile: each can be switched on and off above the panels."""
    # An alert on an account has no job, and one on an exporter no account.
    alerts = 'ALERTS{alertname=~"Exotel.+", alertstate="firing", account=~"$account|"}'
    yield _annotation("Alerts", alerts, BAD, "{{alertname}}", "{{severity}} {{account}}")
    unlisted = f"max by (account) ({select('exotel_up')}) == 0"
    yield _annotation("Not listed", unlisted, WARNING, "Not listed: {{account}}", "Totals lack its calls")
    build = select_own("exotel_exporter_build_info")
    started = f"{build} unless on (job, instance, version, revision) {build} offset 5m"
    yield _annotation("Versions", started, NEUTRAL, "Exporter {{version}}", "{{instance}}")
    read = select_own("exotel_exporter_config_last_reload_success_timestamp_seconds")
    reloads = _annotation("Reloads", f"{read} * 1000", NEUTRAL, "Configuration read", "{{instance}}")
    yield reloads.use_value_for_time(use_value_for_time=True)


def _annotation(name: str, expr: str, colour: str, title: str, text: str) -> builders.AnnotationQuery:
    return (
        builders.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(enable=True)
        .icon_color(colour)
        .expr(expr)
        .step("60s")
        .title_format(title)
        .text_format(text)
        .placement("")  # above the panels, not inside a menu
    )


def _placed(bands: Sequence[Band]) -> Iterator[models.Panel | models.RowPanel]:
    number = top = 0
    for band in bands:
        if band.title:
            number += 1
            yield models.RowPanel(
                title=band.title, id_val=number, grid_pos=models.GridPos(x=0, y=top, w=GRID, h=1)
            )
            top += 1
        for panel in band.placed(top):
            number += 1
            panel.id_val = number
            yield panel
        top += band.height
