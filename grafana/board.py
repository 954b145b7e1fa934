"""What every dashboard has: variables, links, and panels numbered and placed on Grafana's grid."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from grafana.style import DATASOURCE

#: The dashboards of this project carry it, and link to one another by it.
TAG = "exotel"

#: Columns of Grafana's grid.
GRID = 24


@dataclass(frozen=True)
class Band:
    """Panels side by side, of one height and equal width."""

    height: int
    panels: Sequence[models.Panel]


def board(uid: str, title: str, description: str, bands: Sequence[Band]) -> models.Dashboard:
    """A dashboard of the given bands, from top to bottom."""
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
        .build()
    )
    dashboard.panels = list(_placed(bands))
    return dashboard


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


def _placed(bands: Sequence[Band]) -> list[models.Panel | models.RowPanel]:
    placed: list[models.Panel | models.RowPanel] = []
    top = 0
    for band in bands:
        width = GRID // len(band.panels)
        for column, panel in enumerate(band.panels):
            panel.id_val = len(placed) + 1
            panel.grid_pos = models.GridPos(x=column * width, y=top, w=width, h=band.height)
            placed.append(panel)
        top += band.height
    return placed
