"""Tables: what is true now, of each account, line, agent or call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.panels import REF_IDS, Query, panel_of
from grafana.style import PLAIN, Scale, Words

#: The words for a panel without data say nothing of one row.
_EMPTY_CELL = models.DynamicConfigValue("noValue", "–")

_SID_WIDTH = 290  # pixels: 32 characters


@dataclass(frozen=True)
class Label:
    """A column of a table that shows a label."""

    title: str
    name: str

    def properties(self) -> Iterator[models.DynamicConfigValue]:
        """A call's SID leads to the call, and is shown as a whole."""
        yield _EMPTY_CELL
        if self.name == "call_sid":
            link = {
                "title": "Look it up",
                "url": "${console}${__value.raw:percentencode}",
                "targetBlank": True,
            }
            yield models.DynamicConfigValue("links", [link])
            yield models.DynamicConfigValue("custom.width", _SID_WIDTH)
            yield models.DynamicConfigValue("custom.inspect", value=True)


@dataclass(frozen=True)
class Figure:
    """A column of a table that shows the value of an expression."""

    title: str
    expr: str
    unit: str = "short"
    scale: Scale = PLAIN

    def properties(self) -> Iterator[models.DynamicConfigValue]:
        """Its unit, and the colours of its scale."""
        yield _EMPTY_CELL
        yield models.DynamicConfigValue("unit", self.unit)
        if self.scale.steps:
            yield models.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})
            yield models.DynamicConfigValue("thresholds", self.scale.thresholds().build())


Column = Label | Figure


def columns(words: Words, shown: Sequence[Column], *, sort_by: str) -> models.Panel:
    """A table of what is true now, with the largest of one column on top."""
    figures = [column for column in shown if isinstance(column, Figure)]
    panel = (
        panel_of(table.Panel(), words, "string", PLAIN)
        .sort_by([common_builders.TableSortByFieldState().display_name(sort_by).desc(desc=True)])
        .cell_height(common.TableCellHeight.SM)
        .min_width(60)  # pixels: columns share the panel before any is cut off
    )
    names = {}
    for ref_id, figure in zip(REF_IDS, figures, strict=False):
        query = Query(figure.expr, figure.title).target(ref_id).instant()
        panel.with_target(query.format(PromQueryFormat.TABLE))
        names[f"Value #{ref_id}" if len(figures) > 1 else "Value"] = figure.title
    for column in shown:
        panel.override_by_name(column.title, [*column.properties()])
    if len(figures) > 1:
        panel.with_transformation(models.DataTransformerConfig("merge", options={}))
    names |= {column.name: column.title for column in shown if isinstance(column, Label)}
    titles = [column.title for column in shown]
    options = {
        "excludeByName": {"Time": True},
        "indexByName": {name: titles.index(title) for name, title in names.items()},
        "renameByName": names,
    }
    return panel.with_transformation(models.DataTransformerConfig("organize", options=options)).build()
