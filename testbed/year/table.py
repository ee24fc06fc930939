"""A week as a line of text, for the terminal and for the document."""

from collections.abc import Iterable, Sequence

from testbed.year import calendar_events
from testbed.year.results import EvaluatedWeek, Score, Week

HEAD = f"{'Monday':10}  {'R2':>6} {'RMSE':>6} {'drift':>6}  {'decision':9}  what happened"


def line(week: Week) -> str:
    return (
        f"{week.at:%Y-%m-%d}  {number(week.measured.r2, 2):>6} {number(week.measured.rmse, 1):>6} "
        f"{share(week.drift_share):>6}  {week.decision or 'failed':9}  {happened(week)}"
    ).rstrip()


def happened(week: Week) -> str:
    parts = [training(week)] if week.trained else []
    parts += [f"{week.failed_task} failed"] if week.failed_task else []
    parts += [f"+ {name}" for name in week.opened]
    parts += [f"- {name}" for name in week.resolved]
    parts += [f"({event.name})" for event in calendar_events.between(week.first_day, week.last_day)]
    return ", ".join(parts)


def training(week: Week) -> str:
    gain = f" {week.improvement:+.3f}" if week.improvement is not None else ""
    return f"trained in {number(week.training_s, 1)} s: {week.deployment}{gain}"


def markdown(weeks: Sequence[Week], evaluated: Sequence[EvaluatedWeek]) -> str:
    """A row for each Monday: the scores its run saw, and those of the whole week."""
    whole = {week.first_day: week for week in evaluated}
    head = (
        "| Monday | R² seen | RMSE | drift | decision | training | R² week | first model | alerts | events |",
        "|---|---:|---:|---:|---|---|---:|---:|---|---|",
    )
    return "\n".join([*head, *(_row(week, whole.get(week.first_day)) for week in weeks)])


def _row(week: Week, evaluated: EvaluatedWeek | None) -> str:
    adaptive, kept = (evaluated.adaptive, evaluated.kept) if evaluated else (Score(), Score())
    cells = (
        f"{week.at:%Y-%m-%d}",
        number(week.measured.r2, 2),
        number(week.measured.rmse, 1),
        share(week.drift_share),
        week.decision or "failed",
        f"{week.deployment}{f' {week.improvement:+.3f}' if week.improvement is not None else ''}"
        if week.trained
        else "",
        number(adaptive.r2, 2),
        number(kept.r2, 2),
        "; ".join(_signed("+", week.opened) + _signed("-", week.resolved)),
        ", ".join(event.name for event in calendar_events.between(week.first_day, week.last_day)),
    )
    return f"| {' | '.join(cells)} |"


def _signed(sign: str, names: Iterable[str]) -> list[str]:
    return [f"{sign}{name}" for name in names]


def number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
