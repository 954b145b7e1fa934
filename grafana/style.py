"""How panels look: one place for colours, legends, thresholds and the text of a panel without data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

GOOD, WARNING, BAD, NEUTRAL = "green", "orange", "red", "blue"

#: A label's value has the same colour on every dashboard; its name stands beside it.
LABEL_COLOURS = {
    "direction": {"inbound": "blue", "outbound-api": "orange", "outbound-dial": "purple"},
    "status": {"queued": "yellow", "ringing": "light-blue", "in-progress": "green"},
}

#: So has a series with a name of its own.
SERIES_COLOURS = {
    "calls": "green",
    "agents on call": "purple",
    "median": "light-blue",
    "95th percentile": "blue",
    "longest": "orange",
}


@dataclass(frozen=True)
class Words:
    """What a panel says: its title, what to do when it looks wrong, and what no data means."""

    title: str
    description: str
    no_data: str


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


@dataclass(frozen=True)
class Scale:
    """The colour of a value: `first`, and from each step on another. `names` shows a value as a text."""

    first: str = NEUTRAL
    steps: Mapping[float, str] = field(default_factory=dict)
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def thresholds(self) -> dashboard_builders.ThresholdsConfig:
        """The scale's colours as a panel holds them."""
        steps = [models.Threshold(value=None, color=self.first)]
        steps += [models.Threshold(value=value, color=colour) for value, colour in sorted(self.steps.items())]
        return dashboard_builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)

    def mappings(self) -> list[models.ValueMapping]:
        """The scale's names as a panel holds them."""
        texts = {
            value: models.ValueMappingResult(text=text, color=colour)
            for value, (text, colour) in self.names.items()
        }
        return [models.ValueMap(options=texts)] if texts else []


def tile(words: Words, query: str, *, unit: str, scale: Scale | None = None) -> models.Panel:
    """One figure, now."""
    scale = scale or Scale()
    return (
        stat.Panel()
        .title(words.title)
        .description(words.description)
        .no_value(words.no_data)
        .datasource(DATASOURCE)
        .with_target(Query(query, words.title).target("A").instant())
        .unit(unit)
        .thresholds(scale.thresholds())
        .mappings(scale.mappings())
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .build()
    )


def graph(words: Words, queries: Sequence[Query], *, unit: str, stacked: bool = False) -> models.Panel:
    """Series over time. A gap is left as a gap: a failed collection knows nothing."""
    legend = common_builders.VizLegendOptions().show_legend(show_legend=True).calcs(["lastNotNull", "max"])
    legend.display_mode(common.LegendDisplayMode.TABLE).placement(common.LegendPlacement.BOTTOM)
    stacking = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    panel = (
        timeseries.Panel()
        .title(words.title)
        .description(words.description)
        .no_value(words.no_data)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .thresholds(Scale().thresholds())
        .color_scheme(dashboard_builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
        .legend(legend)
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
        .line_width(2)
        .fill_opacity(30 if stacked else 10)
        .stacking(common_builders.StackingConfig().mode(stacking))
        .span_nulls(span_nulls=False)
    )
    for ref_id, query in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(query.target(ref_id).range())
        for name, colour in _colours(query.legend):
            panel.override_by_name(name, [_fixed(colour)])
        if query.legend.endswith(" limit"):
            panel.override_by_regexp("/ limit$/", [_fixed(BAD), *_dashed()])
    return panel.build()


def _colours(legend: str) -> Iterator[tuple[str, str]]:
    if legend in SERIES_COLOURS:
        yield legend, SERIES_COLOURS[legend]
    yield from LABEL_COLOURS.get(legend.strip("{}"), {}).items()


def _fixed(colour: str) -> models.DynamicConfigValue:
    return models.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def _dashed() -> Iterator[models.DynamicConfigValue]:
    yield models.DynamicConfigValue("custom.fillOpacity", 0)
    yield models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 10]})
