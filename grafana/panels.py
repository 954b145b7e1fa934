"""The kinds of panels, each made in one way: figures, series, bars and heatmaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.style import (
    BOUNDS,
    CODE_COLOURS,
    DASHED,
    DASHED_ENDINGS,
    GOOD,
    NEUTRAL,
    PLAIN,
    Scale,
    Words,
    colours,
)

#: Where a call can be looked up: its SID is put at the end. Exotel documents no address of a single call, so
#: this opens the console and leaves the SID to be read; the data source has the same address for exemplars.
CONSOLE = "https://my.exotel.com/#"

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

REF_IDS = "ABCDEFGH"

#: Shares that are all 0 would be drawn on an axis up to 10000%; where a scale has steps, they are in view.
_LEAST_SHARE = 0.1

#: That there is no data is neither good nor bad.
_NO_DATA = models.SpecialValueMap(
    models.DashboardSpecialValueMapOptions(
        models.SpecialValueMatch.NULL_AND_NAN, models.ValueMappingResult(color="text")
    )
)

_Panel = TypeVar("_Panel", stat.Panel, timeseries.Panel, table.Panel, bargauge.Panel, heatmap.Panel)


@dataclass(frozen=True)
class Query:
    """One PromQL expression and the legend of its series."""

    expr: str
    legend: str
    exemplars: bool = False

    def target(self, ref_id: str) -> prometheus.Dataquery:
        """The query as a panel holds it."""
        target = prometheus.Dataquery().expr(self.expr).legend_format(self.legend).ref_id(ref_id)
        return target.datasource(DATASOURCE).exemplar(self.exemplars)


def tile(
    words: Words, query: str, *, unit: str, scale: Scale = PLAIN, coloured_by: Sequence[str] = ()
) -> models.Panel:
    """One figure, now: in the colour of the scale, or of that of these states which the query gives it."""
    panel = _stat(words, unit, scale).with_target(
        _instant(query, "{{state}}" if coloured_by else words.title)
    )
    for state in coloured_by:
        for name, colour in colours(state):
            panel.override_by_name(name, [_fixed(colour)])
    return panel.text_mode(common.BigValueTextMode.VALUE).build()


def counted_tile(words: Words, query: str, *, otherwise: str = NEUTRAL) -> models.Panel:
    """How many of how many there are, as `out_of` says it: green when it is all of them."""
    every = models.DashboardRegexMapOptions(r"^(\d+) of \1$", models.ValueMappingResult(color=GOOD))
    target = _instant(query, words.title).format(PromQueryFormat.TABLE)
    panel = _stat(words, "string", Scale(otherwise)).with_target(target)
    return (
        panel.mappings([models.RegexMap(every), _NO_DATA])
        .reduce_options(_last().fields("/^counted$/"))
        .build()
    )


def graph(
    words: Words,
    queries: Sequence[Query],
    *,
    unit: str,
    scale: Scale = PLAIN,
    stacked: bool = False,
) -> models.Panel:
    """Series over time, the steps of the scale as dashed lines.

    A gap is left as a gap: a failed collection knows nothing.
    """
    # A list: of a table the lower rows would be cut off in panels this high.
    legend = common_builders.VizLegendOptions().show_legend(show_legend=True).calcs(["lastNotNull"])
    legend.display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM)
    stacking = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    steps = common.GraphThresholdsStyleMode.DASHED if scale.steps else common.GraphThresholdsStyleMode.OFF
    panel = (
        panel_of(timeseries.Panel(), words, unit, scale)
        .min(0)
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .thresholds_style(common_builders.GraphThresholdsStyleConfig().mode(steps))
        .legend(legend)
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
        # The line of a series that is 0 would lie on top of the others.
        .line_width(0 if stacked else 2)
        .fill_opacity(60 if stacked else 10)
        .stacking(common_builders.StackingConfig().mode(stacking))
        .span_nulls(span_nulls=False)
    )
    if unit == "percentunit":
        panel.axis_soft_max(1.1 * max(scale.steps, default=_LEAST_SHARE))
    for ref_id, query in zip(REF_IDS, queries, strict=False):
        panel.with_target(query.target(ref_id).range())
        for name, colour in colours(query.legend):
            dashed = _dashed() if name in DASHED else ()
            panel.override_by_name(name, [_fixed(colour), *dashed])
        if query.legend == "{{code}}":
            for digit, colour in CODE_COLOURS.items():
                panel.override_by_regexp(f"/^{digit}..$/", [_fixed(colour)])
        for ending, colour in DASHED_ENDINGS.items():
            if query.legend.endswith(ending):
                panel.override_by_regexp(f"/{ending}$/", [_fixed(colour), *_dashed(), *_unnamed(ending)])
    return panel.build()


def over(interval: str, panel: models.Panel) -> models.Panel:
    """The panel with points, and so with windows of rates, this far apart at least."""
    panel.interval = interval
    return panel


def bars(words: Words, query: Query, *, unit: str, scale: Scale = PLAIN) -> models.Panel:
    """One bar for each series, now."""
    return (
        panel_of(bargauge.Panel(), words, unit, scale)
        .with_target(query.target("A").instant())
        .min(0)
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.COLOR)
        .name_placement(common.BarGaugeNamePlacement.LEFT)
        .reduce_options(_last())
        .build()
    )


def distribution(words: Words, buckets: str, *, unit: str) -> models.Panel:
    """How many are in each bucket, over time, as shades."""
    colour = (
        heatmap.HeatmapColorOptions()
        .mode(heatmap_models.HeatmapColorMode.SCHEME)
        .scheme("Blues")
        .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
    )
    tooltip = (
        heatmap.HeatmapTooltip()
        .mode(common.TooltipDisplayMode.SINGLE)
        .show_color_scale(show_color_scale=True)
    )
    return (
        panel_of(heatmap.Panel(), words, unit, PLAIN)
        .with_target(Query(buckets, "{{le}}").target("A").range().format(PromQueryFormat.HEATMAP))
        .calculate(calculate=False)
        .color(colour)
        .cell_gap(1)
        .cell_values(heatmap.CellValues().unit("short"))
        .filter_values(heatmap.FilterValueRange().le(1e-9))  # an empty bucket has no shade
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common.AxisPlacement.LEFT))
        .show_legend()
        .tooltip(tooltip)
        .build()
    )


def panel_of(panel: _Panel, words: Words, unit: str, scale: Scale) -> _Panel:
    """The panel with its words, its unit and the colours of its scale."""
    panel.title(words.title).description(words.description).no_value(words.no_data)
    return panel.datasource(DATASOURCE).unit(unit).thresholds(scale.thresholds())


def _stat(words: Words, unit: str, scale: Scale) -> stat.Panel:
    panel = panel_of(stat.Panel(), words, unit, scale).mappings([*scale.mappings(), _NO_DATA])
    panel.graph_mode(common.BigValueGraphMode.NONE).color_mode(common.BigValueColorMode.VALUE)
    return panel.reduce_options(_last())


def _instant(query: str, legend: str) -> prometheus.Dataquery:
    return Query(query, legend).target("A").instant()


def _last() -> common_builders.ReduceDataOptions:
    return common_builders.ReduceDataOptions().calcs(["lastNotNull"])


def _fixed(colour: str) -> models.DynamicConfigValue:
    return models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def _unnamed(ending: str) -> Iterator[models.DynamicConfigValue]:
    """The bounds of an interval are named by what lies between them: in a legend they would take its room."""
    if ending in BOUNDS:
        hidden = {"legend": True, "tooltip": False, "viz": False}
        yield models.DynamicConfigValue("custom.hideFrom", hidden)


def _dashed() -> Iterator[models.DynamicConfigValue]:
    yield models.DynamicConfigValue("custom.fillOpacity", 0)
    yield models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
