"""Grafana's JSON of a described dashboard, by the Grafana Foundation SDK."""

import json
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.dashboards.description import Dashboard, Kind, Limits, Panel, Query, Unit

TAG = "bike-traffic"
"""Dashboards with it link to each other."""
ROUTER_URL = "http://127.0.0.1:8010"
"""As the reader's browser reaches it; docker-compose.yaml publishes the port there."""
DATASOURCE = common.DataSourceRef(type_val="prometheus", uid="prometheus")
"""The uid is that of provisioning/datasources/prometheus.yml."""
# An alert without a model_type is shown whichever model is selected.
FIRING = 'ALERTS{alertstate="firing", alertname!="Watchdog", model_type=~"|$model_type"}'

_Panel = TypeVar("_Panel", timeseries.Panel, stat.Panel, statetimeline.Panel, heatmap.Panel)


def to_json(dashboard: Dashboard) -> str:
    """The file's text. The same description gives the same text."""
    document: dict[str, Any] = json.loads(JSONEncoder().encode(_dashboard(dashboard).build()))
    # Defaults of this SDK: an interval's keys for every variable, and links hidden in a menu.
    for part in (*document["templating"]["list"], *document["links"], *document["annotations"]["list"]):
        for name in ("auto", "auto_min", "auto_count", "placement"):
            part.pop(name, None)
    return json.dumps(document, indent=2) + "\n"


def _dashboard(dashboard: Dashboard) -> build.Dashboard:
    builder = (
        build.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags([TAG])
        .readonly()
        .time(dashboard.time_from, "now")
        .timezone("browser")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(_model_type())
        .annotation(_alerts())
        .link(_other_dashboards())
        .link(_history())
    )
    for panel in dashboard.panels:
        builder.with_panel(_panel(panel))
    return builder


def _model_type() -> build.QueryVariable:
    return (
        build.QueryVariable("model_type")
        .label("Model type")
        .description("Panels and alert annotations that have a model type are filtered by it.")
        .datasource(DATASOURCE)
        .query({"query": "label_values(training_runs_total, model_type)", "refId": "model_type"})
        .refresh(model.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _alerts() -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name("Alerts firing")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("red")
        .expr(FIRING)
        .step("30s")
        .title_format("{{alertname}}")
        .text_format("{{severity}} {{model_type}}")
    )


def _other_dashboards() -> build.DashboardLink:
    return (
        build.DashboardLink("Dashboards")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
        .icon("dashboard")
        .tooltip("The other dashboards, at the same time range")
    )


def _history() -> build.DashboardLink:
    return (
        build.DashboardLink("History of alerts")
        .type(model.DashboardLinkType.LINK)
        .url(f"{ROUTER_URL}/alerts")
        .target_blank(True)
        .icon("external link")
        .tooltip("Every alert and incident, in the alert router")
    )


def _panel(panel: Panel) -> Builder[model.Panel]:
    match panel.kind:
        case Kind.LINES | Kind.BARS:
            return _timeseries(panel)
        case Kind.STAT:
            return _stat(panel)
        case Kind.STATES:
            return _states(panel)
        case Kind.HEATMAP:
            return _heatmap(panel)


def _timeseries(panel: Panel) -> timeseries.Panel:
    bars = panel.kind is Kind.BARS
    builder = (
        _described(timeseries.Panel(), panel)
        .draw_style(common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE)
        .fill_opacity(60 if bars else 8)
        .line_width(1)
        # A failed scrape is no gap; ten minutes without data are one.
        .span_nulls(600_000.0)
        .show_points(common.VisibilityMode.AUTO)
        .legend(_legend())
        .tooltip(
            build_common.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
    )
    if bars:
        builder.stacking(build_common.StackingConfig().mode(common.StackingMode.NORMAL).group("A")).min(0)
    if panel.axis:
        builder.axis_label(panel.axis)
    if panel.limits:
        builder.thresholds_style(
            build_common.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
    return builder


def _stat(panel: Panel) -> stat.Panel:
    return (
        _described(stat.Panel(), panel)
        .reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.NONE)
        .justify_mode(common.BigValueJustifyMode.AUTO)
        .text_mode(common.BigValueTextMode.AUTO)
        .percent_change_color_mode(common.PercentChangeColorMode.STANDARD)
        .show_percent_change(False)
        .wide_layout(True)
        .orientation(common.VizOrientation.AUTO)
    )


def _states(panel: Panel) -> statetimeline.Panel:
    return (
        _described(statetimeline.Panel(), panel)
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.8)
        .merge_values(True)
        .legend(_legend())
        .tooltip(
            build_common.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.SINGLE)
            .sort(common.SortOrder.NONE)
        )
    )


def _heatmap(panel: Panel) -> heatmap.Panel:
    color = (
        heatmap.HeatmapColorOptions()
        .scheme("Oranges")
        .steps(64)
        .exponent(0.5)
        .fill("dark-orange")
        .reverse(False)
    )
    return (
        _described(heatmap.Panel(), panel)
        .calculate(False)
        .color(color)
        .exemplars_color("rgba(255,0,255,0.7)")
        .show_legend()
        .show_value(common.VisibilityMode.NEVER)
        .y_axis(heatmap.YAxisConfig().unit(panel.unit).axis_label(panel.axis))
        .tooltip(heatmap.HeatmapTooltip().mode(common.TooltipDisplayMode.SINGLE).y_histogram(True))
    )


def _described(builder: _Panel, panel: Panel) -> _Panel:
    """What every kind has."""
    formatted = PromQueryFormat.HEATMAP if panel.kind is Kind.HEATMAP else PromQueryFormat.TIME_SERIES
    builder = (
        builder.id(panel.id)
        .title(panel.title)
        .description(panel.help)
        .datasource(DATASOURCE)
        .span(panel.width)
        .height(panel.height)
        .unit(panel.unit)
        .thresholds(_thresholds(panel))
        .targets([_target(query, number, formatted) for number, query in enumerate(panel.queries)])
    )
    if panel.unit is Unit.RATIO:
        builder.min(0)
    if panel.texts:
        builder.mappings([_texts(panel)])
    if panel.empty:
        builder.no_value("no data yet: see the description")
    if panel.time_from:
        builder.time_from(panel.time_from)
    return builder


def _target(query: Query, number: int, formatted: PromQueryFormat) -> Builder[variants.Dataquery]:
    return (
        prometheus.Dataquery()
        .ref_id(chr(ord("A") + number))
        .datasource(DATASOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .range()
        .format(formatted)
    )


def _thresholds(panel: Panel) -> build.ThresholdsConfig:
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(_steps(panel))


def _steps(panel: Panel) -> list[model.Threshold]:
    if panel.texts:
        return [model.Threshold(color=color, value=_value(value)) for value, _, color in panel.texts]
    limits = panel.limits or Limits(())
    colors = _colors(limits)
    return [
        model.Threshold(color=color, value=value)
        for color, value in zip(colors, (None, *limits.values), strict=True)
    ]


def _value(text: str) -> float | None:
    """Grafana's first step has no value: it begins below every number."""
    return None if text == "0" else float(text)


def _colors(limits: Limits) -> list[str]:
    worst_last = ["green", *["orange"] * (len(limits.values) - 1), *(["red"] if limits.values else [])]
    return worst_last[::-1] if limits.bad_below else worst_last


def _texts(panel: Panel) -> model.ValueMapping:
    return model.ValueMap(
        options={
            value: model.ValueMappingResult(text=text, color=color, index=number)
            for number, (value, text, color) in enumerate(panel.texts)
        }
    )


def _legend() -> build_common.VizLegendOptions:
    return (
        build_common.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
