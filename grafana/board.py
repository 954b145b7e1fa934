"""What every dashboard has: variables, links, and panels numbered and placed on Grafana's grid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from grafana.panels import DATASOURCE
from grafana.promql import select

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


def board(
    uid: str, title: str, description: str, bands: Sequence[Band], *, by_line: bool = False
) -> models.Dashboard:
    """A dashboard of the given bands, from top to bottom; `by_line` if lines can be chosen on it."""
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
    if by_line:
        dashboard.with_variable(_variable("line", select("exotel_line_calls")))
    built = dashboard.build()
    built.panels = list(_placed(bands))
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
