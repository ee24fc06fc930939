"""Draws the year: R², RMSE and drift share by week, and below them trainings, deployments and alerts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter, MonthLocator
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from testbed.year.calendar_events import CalendarEvent, Kind, between
from testbed.year.episodes import Episode, episodes
from testbed.year.evaluation import midnight
from testbed.year.results import EvaluatedWeek, Score, Year

SIZE_INCHES, DPI = (15, 10.3), 150
INK, FAINT, GRID = "#1f2933", "#66727f", "#e4e7eb"
CRITICAL, WARNING, CALM = "#c62828", "#c98a00", "#9aa5b1"
ADAPTIVE = "#0b62a8"
SHADES = {Kind.LOCKDOWN: "#dfe3ee", Kind.HOLIDAYS: "#f8ecc9", Kind.SNOW: "#cfe9f5", Kind.SENSORS: "#e9e2ef"}
LOWEST_R2 = -1.0
"""A lower score is written at the edge: otherwise one Christmas flattens the rest of the year."""
NAME_ROWS = 3
"""Rows for the names of the calendar events, which overlap."""
DAYS_PER_LETTER = 1.9
HALF_A_WEEK, DAY = timedelta(days=3.5), timedelta(days=1)
SHORTEST_BAR = timedelta(days=2.5)
LEGEND = "alerts: a bar from the first report to the end, a diamond where the same run's deployment ended it"
Measure = Callable[[Score], float | None]


@dataclass(frozen=True, slots=True)
class Model:
    """One of the models that are compared."""

    label: str
    colour: str
    width: float
    dashes: str
    score: Callable[[EvaluatedWeek], Score | None]


# The models that were kept lie over the adaptive one, which equals the first until it is retrained.
MODELS = (
    Model("adaptive pipeline (the champion of that week)", ADAPTIVE, 2.6, "-", lambda week: week.adaptive),
    Model("first model, never retrained", "#d9711c", 1.3, "-", lambda week: week.kept),
    Model("model of Sep to Nov 2020, never retrained", "#5c8f3a", 1.3, "--", lambda week: week.autumn),
)


def save(year: Year, path: Path) -> None:
    draw(year).savefig(path, dpi=DPI)


def draw(year: Year) -> Figure:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    lanes = ["retrained", "deployed", *sorted({episode.alertname for episode in episodes(year.alerts)})]
    r2, rmse, drift, runs = figure.subplots(
        4, sharex=True, height_ratios=(3.2, 1.5, 1.1, 0.25 + 0.22 * len(lanes))
    )
    _frame((r2, rmse, drift, runs), year)
    _scores(r2, year, lambda score: score.r2, label="R²\n1 is perfect", lowest=LOWEST_R2)
    _threshold(r2, year.r2_warning, WARNING, f"warning below {year.r2_warning:g}", above=True)
    _threshold(r2, year.r2_critical, CRITICAL, f"critical below {year.r2_critical:g}", above=False)
    _scores(rmse, year, lambda score: score.rmse, label="RMSE\nbicycles an hour")
    _threshold(rmse, year.rmse_limit, CRITICAL, f"retrained above {year.rmse_limit:g}", above=False)
    rmse.set_ylim(0, max(100.0, rmse.get_ylim()[1]))
    _drift(drift, year)
    _threshold(drift, year.drift_limit, WARNING, f"drift above {year.drift_limit:g}", above=True)
    _runs(runs, year, lanes)
    source = "the city's counts" if year.source == "city" else "the generated year"
    figure.suptitle(f"A year in Paris: {source}, model {year.model_type}", x=0.01, ha="left", color=INK)
    figure.legend(*r2.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
    return figure


def _frame(panels: Sequence[Axes], year: Year) -> None:
    """Months, calendar events and deployments, through all panels."""
    first = year.weeks[0].at.date()
    last = max(year.weeks[-1].at.date(), first + timedelta(weeks=1))
    events = between(first, last)
    for panel in panels:
        panel.set_xlim(_x(midnight(first)), _x(midnight(last)))
        panel.grid(color=GRID)
        panel.set_axisbelow(True)
        panel.tick_params(colors=FAINT)
        panel.spines[:].set_visible(False)
        for event in sorted(events, key=lambda event: event.start - event.end):
            panel.axvspan(*_span(event), color=SHADES[event.kind], alpha=0.75, linewidth=0, zorder=0)
        for week in year.weeks:
            if week.deployed:
                panel.axvline(_x(week.at), color=ADAPTIVE, linewidth=0.8, linestyle=":")
    months = MonthLocator()  # type: ignore[no-untyped-call] # matplotlib.dates has no annotations
    panels[-1].xaxis.set_major_locator(months)
    panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(months))  # type: ignore[no-untyped-call] # as above
    _event_names(panels[0], events)


def _event_names(panel: Axes, events: Sequence[CalendarEvent]) -> None:
    taken = [float("-inf")] * NAME_ROWS
    left = panel.get_xlim()[0]
    for event in events:
        start = max(_span(event)[0], left)
        row = next((number for number, end in enumerate(taken) if end <= start), NAME_ROWS - 1)
        taken[row] = start + DAYS_PER_LETTER * len(event.name)
        place = (start, 1.02 + 0.045 * (NAME_ROWS - 1 - row))
        panel.annotate(event.name, place, xycoords=panel.get_xaxis_transform(), color=FAINT, fontsize=9)


def _scores(panel: Axes, year: Year, measure: Measure, *, label: str, lowest: float = 0.0) -> None:
    panel.set_ylabel(label, color=INK)
    for model in MODELS:
        points = [
            (_x_of_week(week.first_day), value)
            for week in year.evaluated
            if (score := model.score(week)) and (value := measure(score)) is not None
        ]
        panel.plot(
            [x for x, _ in points],
            [max(value, lowest) for _, value in points],
            model.dashes,
            color=model.colour,
            linewidth=model.width,
            label=model.label,
        )
        for x, value in points:
            if value < lowest:
                panel.annotate(f"{value:.1f} ↓", (x, lowest), color=model.colour, ha="center", va="bottom")
    seen = [
        (_x_of_week(week.first_day), max(value, lowest))
        for week in year.weeks
        if (value := measure(week.measured)) is not None
    ]
    panel.plot(
        [x for x, _ in seen],
        [value for _, value in seen],
        "o",
        color=ADAPTIVE,
        markerfacecolor="white",
        markersize=4.5,
        label="the score a Monday's run decided on",
    )


def _threshold(panel: Axes, value: float, colour: str, text: str, *, above: bool) -> None:
    panel.axhline(value, color=colour, linewidth=1, linestyle=(0, (4, 4)))
    panel.annotate(
        text,
        (0.003, value),
        xycoords=panel.get_yaxis_transform(),
        xytext=(0, 3 if above else -3),
        textcoords="offset points",
        va="bottom" if above else "top",
        color=colour,
        fontsize=9,
    )


def _drift(panel: Axes, year: Year) -> None:
    panel.set_ylabel("drift share\nof the counters", color=INK)
    panel.set_ylim(0, 1)
    known = [(week.first_day, week.drift_share) for week in year.weeks if week.drift_share is not None]
    panel.bar(
        [_x_of_week(day) for day, _ in known],
        [share for _, share in known],
        width=4.5,
        color=[WARNING if share > year.drift_limit else CALM for _, share in known],
    )


def _runs(panel: Axes, year: Year, lanes: Sequence[str]) -> None:
    """A row each for trainings, deployments and every alertname."""
    panel.set_yticks(range(len(lanes)), [name.replace("ModelPerformance", "Performance ") for name in lanes])
    panel.set_ylim(len(lanes) - 0.5, -0.5)
    panel.set_xlabel(LEGEND, color=FAINT, fontsize=9, loc="left")
    for row, weeks, filled in (
        (0, [week for week in year.weeks if week.trained], "white"),
        (1, [week for week in year.weeks if week.deployed], ADAPTIVE),
    ):
        xs = [_x(week.at) for week in weeks]
        panel.plot(xs, [row] * len(xs), "o", color=ADAPTIVE, markerfacecolor=filled, clip_on=False)
    for episode in episodes(year.alerts):
        _episode(panel, episode, lanes.index(episode.alertname), until=year.weeks[-1].at)


def _episode(panel: Axes, episode: Episode, row: int, *, until: datetime) -> None:
    colour = CRITICAL if episode.severity == "critical" else WARNING
    start = _x(episode.starts_at)
    if episode.ends_at is not None and episode.ends_at - episode.starts_at < DAY:
        panel.plot(start, row, "D", color=colour, markersize=6, clip_on=False)
        return
    length = max(_x(episode.ends_at or until) - start, SHORTEST_BAR / DAY)
    panel.add_patch(Rectangle((start, row - 0.25), length, 0.5, color=colour, clip_on=False))


def _x(moment: datetime) -> float:
    """Matplotlib's dates are days since 1970."""
    return moment.timestamp() / DAY.total_seconds()


def _x_of_week(first_day: date) -> float:
    return _x(midnight(first_day) + HALF_A_WEEK)


def _span(event: CalendarEvent) -> tuple[float, float]:
    return _x(midnight(event.start)), _x(midnight(event.end + DAY))
