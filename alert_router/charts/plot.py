"""Draws one chart as a PNG. Imports matplotlib, so only the process that draws may import this module.

The picture has its own dark ground: half of Discord's readers have a light theme, half a dark one, and no ink
is legible on both. It is 400 pixels wide on a desktop and less on a phone, so the letters are large.
"""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from alert_router.charts.spec import ChartSpec, Line, Mark
from alert_router.domain import quantities

WIDTH_IN, HEIGHT_IN, DPI = 8.0, 4.0, 100
"""Twice as large as it is shown, for displays of double density."""
GROUND, INK, QUIET, GRID = "#1e1f22", "#e3e5e8", "#9aa0a8", "#36393f"
ALARM, FIRING, MARK, OTHER = "#ff6b6b", "#f2545b", "#5fb0ff", "#8b93a0"
STRESSED = ("#ffb454", "#7ee787", "#d2a8ff", "#79c0ff", "#ffa7c4")
LETTERS, SMALL = 17, 14
MARK_CHARS = 24
LABEL_CHARS = 28
GAP_STEPS = 2.5
"""Prometheus fills gaps of up to five minutes itself; a longer one is shown as one."""
DAY_S = 86_400
TICK_SECONDS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(DAY_S * days for days in (1, 2, 7, 14, 28, 91, 364)),
)
MAX_TICKS = 5
FARTHEST = 4.0
"""Faint lines stretch the picture to at most this many times the height of what matters."""


def draw(spec: ChartSpec) -> bytes:
    """A PNG of some 30 kB."""
    # Labels are not formulas, though they may have dollar signs.
    with mpl.rc_context({"font.size": LETTERS, "text.parse_math": False, "axes.unicode_minus": False}):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor=GROUND)
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(facecolor=GROUND)
        stressed = [line for line in spec.lines if line.stressed]
        _scale(axes, spec, stressed)
        _ground(axes, spec)
        _lines(axes, spec, stressed)
        _limit(axes, spec)
        _marks(axes, spec)
        _last_value(axes, spec, stressed)
        image = io.BytesIO()
        figure.savefig(image, format="png", metadata={"Description": _in_words(spec, stressed)})
        return image.getvalue()


def _in_words(spec: ChartSpec, stressed: Sequence[Line]) -> str:
    """For those who cannot see the picture, and for programs."""
    parts = [f"limit {quantities.shown(spec.limit, spec.unit)}"] if spec.limit is not None else []
    parts += [f"last value {quantities.shown(stressed[0].points[-1][1], spec.unit)}"] if stressed else []
    parts += [f"at {_clock(mark.at, 60)} UTC {mark.text}" for mark in _inside(spec)]
    return "; ".join(parts)


def _scale(axes: Axes, spec: ChartSpec, stressed: Sequence[Line]) -> None:
    """The whole of what matters is visible, and of the faint lines what is not far away."""
    important = [value for line in stressed for _, value in line.points]
    important += [spec.limit] if spec.limit is not None else []
    others = [value for line in spec.lines for _, value in line.points]
    important = important or others
    low, high = min(important), max(important)
    reach = (high - low or abs(high) or 1.0) * FARTHEST
    low, high = min(low, max(min(others), low - reach)), max(high, min(max(others), high + reach))
    margin = (high - low or abs(high) or 1.0) * 0.12
    floor = 0.0 if low >= 0 > low - margin else low - margin
    axes.set_ylim(floor - (margin * 0.25 if floor == 0 else 0), high + margin)
    axes.set_xlim(spec.start, spec.end)


def _ground(axes: Axes, spec: ChartSpec) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.tick_params(colors=INK, length=0, pad=6)
    axes.grid(axis="y", color=GRID, linewidth=1)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: quantities.shown(value, spec.unit)))
    tick_s = _tick_s(spec.end - spec.start)
    axes.xaxis.set_major_locator(MultipleLocator(tick_s))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _clock(at, tick_s)))
    axes.set_xlabel("UTC", loc="right", color=QUIET, fontsize=SMALL, labelpad=0)
    if spec.caption:
        axes.set_title(spec.caption[:LABEL_CHARS], loc="left", color=QUIET, fontsize=SMALL)
    for start, end in spec.spans:
        # A span that has just begun is a line at the edge.
        axes.axvspan(start, max(end, start), color=FIRING, alpha=0.22, linewidth=0)
        axes.axvline(start, color=FIRING, linewidth=1.5, alpha=0.8)


def _tick_s(span_s: float) -> float:
    return next((step for step in TICK_SECONDS if span_s / step <= MAX_TICKS), span_s / MAX_TICKS)


def _clock(at: float, tick_s: float) -> str:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=at)
    if tick_s < 60:  # noqa: PLR2004 - a minute
        return f"{moment:%H:%M:%S}"
    return f"{moment:%H:%M}" if tick_s < DAY_S else f"{moment.day} {moment:%b}"


def _lines(axes: Axes, spec: ChartSpec, stressed: Sequence[Line]) -> None:
    for line in spec.lines:
        if not line.stressed:
            axes.plot(*_with_gaps(line, spec.step_s), color=OTHER, linewidth=1.2, alpha=0.45, zorder=2)
    for line, color in zip(stressed, STRESSED, strict=False):
        times, values = _with_gaps(line, spec.step_s)
        label = _legend_text(line.label)
        axes.plot(times, values, color=color, linewidth=3.2, zorder=4, label=label, solid_capstyle="round")
        if spec.dots or len(line.points) == 1:
            axes.plot(times, values, "o", color=color, markersize=7, zorder=4)
    if len(stressed) > 1:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=3,
            frameon=False,
            fontsize=SMALL,
            labelcolor=INK,
            handlelength=1.2,
            columnspacing=1.2,
            borderpad=0,
        )


def _legend_text(text: str) -> str:
    """A label that begins with an underscore would be left out of the legend."""
    cut = text if len(text) <= LABEL_CHARS else f"{text[: LABEL_CHARS - 1]}…"
    return f" {cut}" if cut.startswith("_") else cut


def _with_gaps(line: Line, step_s: float) -> tuple[list[float], list[float]]:
    times, values = [], []
    for (at, value), (next_at, _) in pairwise([*line.points, line.points[-1]]):
        times.append(at)
        values.append(value)
        if next_at - at > GAP_STEPS * step_s:
            times.append(at + step_s)
            values.append(float("nan"))
    return times, values


def _limit(axes: Axes, spec: ChartSpec) -> None:
    if spec.limit is None:
        return
    axes.axhline(spec.limit, color=ALARM, linewidth=2, linestyle=(0, (5, 3)), zorder=3)
    axes.annotate(
        f"limit {quantities.shown(spec.limit, spec.unit)}",
        (0.0, spec.limit),
        xycoords=("axes fraction", "data"),
        xytext=(6, 5),
        textcoords="offset points",
        color=ALARM,
        fontsize=SMALL,
        zorder=6,
        bbox={"facecolor": GROUND, "edgecolor": "none", "alpha": 0.75, "pad": 1},
    )


def _marks(axes: Axes, spec: ChartSpec) -> None:
    for row, mark in enumerate(_inside(spec)):
        axes.axvline(mark.at, color=MARK, linewidth=2, linestyle=(0, (2, 2)), zorder=3)
        share = (mark.at - spec.start) / (spec.end - spec.start)
        text = mark.text if len(mark.text) <= MARK_CHARS else f"{mark.text[: MARK_CHARS - 1]}…"
        axes.annotate(
            text,
            (mark.at, 1.0 - 0.11 * row),
            xycoords=("data", "axes fraction"),
            xytext=(5 if share < 0.6 else -5, -3),  # noqa: PLR2004 - beyond it there is more room to the left
            textcoords="offset points",
            ha="left" if share < 0.6 else "right",  # noqa: PLR2004
            va="top",
            color=MARK,
            fontsize=SMALL,
            zorder=6,
            bbox={"facecolor": GROUND, "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )


def _inside(spec: ChartSpec) -> Iterator[Mark]:
    return (mark for mark in spec.marks if spec.start <= mark.at <= spec.end)


def _last_value(axes: Axes, spec: ChartSpec, stressed: Sequence[Line]) -> None:
    """At the right edge, beyond the axes, so that it covers nothing."""
    if not stressed:
        return
    line, color = stressed[0], STRESSED[0]
    at, value = line.points[-1]
    axes.plot([at], [value], "o", color=color, markersize=9, zorder=5, clip_on=False)
    axes.annotate(
        quantities.shown(value, spec.unit),
        (1.0, value),
        xycoords=("axes fraction", "data"),
        xytext=(10, 0),
        textcoords="offset points",
        va="center",
        color=color,
        fontsize=LETTERS + 3,
        fontweight="bold",
        annotation_clip=False,
    )
