"""Writes the measurements into their placeholders in docs/A_YEAR_IN_PARIS.md; the other text stays."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from testbed.year import comparison, table
from testbed.year.comparison import Comparison
from testbed.year.episodes import episodes
from testbed.year.results import Year


class MissingPlaceholder(Exception):
    """The document has lost a placeholder."""


def updated(text: str, year: Year) -> str:
    """Raises MissingPlaceholder."""
    for name, block in BLOCKS.items():
        text = _replaced(text, name, block(year))
    return text


def _replaced(text: str, name: str, block: str) -> str:
    begin, end = f"<!-- measured: {name} -->", "<!-- end -->"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    changed, count = place.subn(lambda _: f"{begin}\n\n{block}\n\n{end}", text)
    if count != 1:
        raise MissingPlaceholder(f"{begin} is there {count} times")
    return changed


def _gains(year: Year) -> str:
    since = comparison.since_retrained(year)
    blocks = (
        ("the first model, kept", comparison.with_first(year), comparison.with_first(since)),
        ("the model of autumn, kept", comparison.with_autumn(year), comparison.with_autumn(since)),
    )
    return "\n\n".join(
        _gain(year, name, all_weeks) + _since(year, later) for name, all_weeks, later in blocks if all_weeks
    )


def _since(year: Year, later: Comparison | None) -> str:
    if later is None:
        return ""
    ours, theirs = later.adaptive, later.other
    return (
        f" In the {ours.weeks} weeks since the first retraining: mean R² {ours.mean_r2:.3f} against "
        f"{theirs.mean_r2:.3f}, below {year.r2_warning:.2f} in {ours.below_warning} weeks against "
        f"{theirs.below_warning}."
    )


def _gain(year: Year, name: str, compared: Comparison) -> str:
    ours, theirs = compared.adaptive, compared.other
    rows = (
        ("mean weekly R²", f"{ours.mean_r2:.3f}", f"{theirs.mean_r2:.3f}"),
        ("median weekly R²", f"{ours.median_r2:.3f}", f"{theirs.median_r2:.3f}"),
        ("worst week's R²", f"{ours.worst_r2:.2f}", f"{theirs.worst_r2:.2f}"),
        ("mean weekly RMSE", f"{ours.mean_rmse:.1f}", f"{theirs.mean_rmse:.1f}"),
        (f"weeks with R² below {year.r2_critical:.2f}", str(ours.below_critical), str(theirs.below_critical)),
        (f"weeks with R² below {year.r2_warning:.2f}", str(ours.below_warning), str(theirs.below_warning)),
        (f"weeks with RMSE above {year.rmse_limit:g}", str(ours.above_rmse), str(theirs.above_rmse)),
    )
    head = f"| {ours.weeks} weeks | adaptive | {name} |\n|---|---:|---:|"
    gain, loss = compared.largest_gain, compared.largest_loss
    text = (
        f"Better in {compared.better} weeks, worse in {compared.worse}, equal "
        f"(within {comparison.SAME_R2:g}) in {compared.same}. "
        f"Largest gain {gain.gain:+.3f} (week of {gain.first_day}), "
        f"{'largest loss' if loss.gain < 0 else 'smallest'} {loss.gain:+.3f} (week of {loss.first_day})."
    )
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in rows), "", text])


def _summary(year: Year) -> str:
    facts = (fact(year) for fact in (_done, _decided, _trained, _alerted, _cards, _accuracy, _took))
    return "\n".join(f"- {fact}" for fact in facts if fact)


def _done(year: Year) -> str:
    rows, forecasts = (sum(getattr(week, name) for week in year.weeks) for name in ("rows_new", "forecasts"))
    return f"{rows:,} counts ingested, {forecasts:,} forecasts kept"


def _decided(year: Year) -> str:
    return f"{len(year.weeks)} Mondays: {_counted(week.decision or 'failed' for week in year.weeks)}"


def _trained(year: Year) -> str:
    trained = [week for week in year.weeks if week.trained]
    return f"{len(trained)} trainings, {sum(week.deployed for week in trained)} of them deployed"


def _alerted(year: Year) -> str:
    joined = episodes(year.alerts)
    names = _counted(episode.alertname for episode in joined)
    reports = sum(episode.reports for episode in joined)
    announced = sum(alert.is_announcement for alert in year.alerts)
    return (
        f"{len(joined)} episodes of alerts ({names}) from {reports} reports; "
        f"{announced} trainings announced on a card of their own"
    )


def _cards(year: Year) -> str:
    return f"the router's ledger of cards: {_listed(year.cards)}; fake Discord: {_listed(year.discord)}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _accuracy(year: Year) -> str:
    accuracy = comparison.monday_accuracy(year)
    if accuracy is None:
        return ""
    return (
        f"the R² a Monday's run saw was {accuracy.mean_difference:.3f} from the whole week's (mean of "
        f"{accuracy.weeks} weeks); {accuracy.misplaced} weeks lay on another side of a threshold than "
        "the run saw"
    )


def _took(year: Year) -> str:
    return f"all of it in {year.took_s / 60:.1f} minutes on two cores"


def _counted(names: Iterable[str]) -> str:
    return ", ".join(
        f"{name} {count}" for name, count in sorted(Counter(names).items(), key=lambda item: -item[1])
    )


def _weeks(year: Year) -> str:
    return table.markdown(year.weeks, year.evaluated)


BLOCKS: dict[str, Callable[[Year], str]] = {"summary": _summary, "gains": _gains, "weeks": _weeks}
