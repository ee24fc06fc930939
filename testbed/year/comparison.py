"""The gain of retraining: the adaptive pipeline against a model that is kept, week by week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, median

from testbed.year.results import EvaluatedWeek, Score, Year

SAME_R2 = 0.005
"""R2 scores that differ by less count as equal: such a gain would not be deployed either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The weekly scores of a model, over the weeks that could be computed."""

    weeks: int
    mean_r2: float
    median_r2: float
    worst_r2: float
    mean_rmse: float
    below_critical: int
    below_warning: int
    above_rmse: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """R2 of the adaptive pipeline less that of the other, in one week."""

    first_day: date
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    adaptive: Record
    other: Record
    better: int
    worse: int
    same: int
    largest_gain: Change
    largest_loss: Change
    """The smallest gain, where nothing was lost."""


def with_first(year: Year) -> Comparison | None:
    return compared(year, [(week, week.kept) for week in year.evaluated])


def with_autumn(year: Year) -> Comparison | None:
    return compared(year, [(week, week.autumn) for week in year.evaluated if week.autumn])


def since_retrained(year: Year) -> Year:
    """The same year from the first week on in which another model answered than the first."""
    changed = [number for number, week in enumerate(year.evaluated) if week.adaptive != week.kept]
    return year.model_copy(update={"evaluated": year.evaluated[changed[0] :] if changed else ()})


def compared(year: Year, pairs: Sequence[tuple[EvaluatedWeek, Score | None]]) -> Comparison | None:
    """None without a week in which both could be scored."""
    both = [(week, other) for week, other in pairs if other and is_known(week.adaptive) and is_known(other)]
    if not both:
        return None
    changes = [Change(first_day=week.first_day, gain=_r2(week.adaptive) - _r2(other)) for week, other in both]
    better = sum(change.gain > SAME_R2 for change in changes)
    worse = sum(change.gain < -SAME_R2 for change in changes)
    return Comparison(
        adaptive=record(year, [week.adaptive for week, _ in both]),
        other=record(year, [other for _, other in both]),
        better=better,
        worse=worse,
        same=len(changes) - better - worse,
        largest_gain=max(changes, key=lambda change: change.gain),
        largest_loss=min(changes, key=lambda change: change.gain),
    )


def record(year: Year, scores: Sequence[Score]) -> Record:
    """scores: at least one, all of them known."""
    r2, rmse = [_r2(score) for score in scores], [_rmse(score) for score in scores]
    return Record(
        weeks=len(scores),
        mean_r2=fmean(r2),
        median_r2=median(r2),
        worst_r2=min(r2),
        mean_rmse=fmean(rmse),
        below_critical=sum(value < year.r2_critical for value in r2),
        below_warning=sum(value < year.r2_warning for value in r2),
        above_rmse=sum(value > year.rmse_limit for value in rmse),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MondayAccuracy:
    """The difference between the R2 a Monday's run saw and that of the whole week."""

    weeks: int
    mean_difference: float
    misplaced: int
    """Weeks on another side of a threshold of R2 than the Monday's run saw."""


def monday_accuracy(year: Year) -> MondayAccuracy | None:
    """None without a week that has both scores."""
    whole = {week.first_day: week.adaptive for week in year.evaluated if is_known(week.adaptive)}
    seen = [(week.measured, whole.get(week.first_day)) for week in year.weeks if is_known(week.measured)]
    pairs = [(_r2(score), _r2(actual)) for score, actual in seen if actual]
    if not pairs:
        return None
    limits = year.r2_critical, year.r2_warning
    return MondayAccuracy(
        weeks=len(pairs),
        mean_difference=fmean(abs(run - whole_week) for run, whole_week in pairs),
        misplaced=sum(
            any((run < limit) != (whole_week < limit) for limit in limits) for run, whole_week in pairs
        ),
    )


def is_known(score: Score) -> bool:
    return score.r2 is not None and score.rmse is not None


def _r2(score: Score) -> float:
    assert score.r2 is not None
    return score.r2


def _rmse(score: Score) -> float:
    assert score.rmse is not None
    return score.rmse
