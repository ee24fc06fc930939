"""Writes what was measured into its places in docs/A_YEAR_IN_PARIS.md; the words around it are a person's."""

import re
from collections import Counter
from collections.abc import Callable

from year import comparison, table
from year.comparison import Comparison
from year.episodes import episodes
from year.results import Year


class PlaceMissing(Exception):
    """The document has lost one of the places for what is measured."""


def brought_up_to_date(text: str, year: Year) -> str:
    """Raises PlaceMissing."""
    for name, block in BLOCKS.items():
        text = _replaced(text, name, block(year))
    return text


def _replaced(text: str, name: str, block: str) -> str:
    begin, end = f"<!-- measured: {name} -->", "<!-- end -->"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    changed, count = place.subn(lambda _: f"{begin}\n\n{block}\n\n{end}", text)
    if count != 1:
        raise PlaceMissing(f"{begin} is there {count} times")
    return changed


def _gains(year: Year) -> str:
    blocks = (
        ("the first model, kept", comparison.with_first(year)),
        ("the model of autumn, kept", comparison.with_autumn(year)),
    )
    return "\n\n".join(_gain(name, found) for name, found in blocks if found)


def _gain(name: str, found: Comparison) -> str:
    ours, theirs = found.adaptive, found.other
    rows = (
        ("mean weekly R²", f"{ours.mean_r2:.3f}", f"{theirs.mean_r2:.3f}"),
        ("median weekly R²", f"{ours.median_r2:.3f}", f"{theirs.median_r2:.3f}"),
        ("worst week's R²", f"{ours.worst_r2:.2f}", f"{theirs.worst_r2:.2f}"),
        ("mean weekly RMSE", f"{ours.mean_rmse:.1f}", f"{theirs.mean_rmse:.1f}"),
        ("weeks with R² below 0.65", str(ours.below_critical), str(theirs.below_critical)),
        ("weeks with R² below 0.70", str(ours.below_warning), str(theirs.below_warning)),
        ("weeks with RMSE above 90", str(ours.above_rmse), str(theirs.above_rmse)),
    )
    head = f"| {ours.weeks} weeks | adaptive | {name} |\n|---|---:|---:|"
    gain, loss = found.largest_gain, found.largest_loss
    told = (
        f"Better in {found.better} weeks, worse in {found.worse}, equal (within {comparison.SAME_R2:g}) "
        f"in {found.same}. "
        f"Largest gain {gain.gain:+.3f} (week of {gain.first_day}), "
        f"{'largest loss' if loss.gain < 0 else 'smallest'} {loss.gain:+.3f} (week of {loss.first_day})."
    )
    return "\n".join([head, *(f"| {' | '.join(row)} |" for row in rows), "", told])


def _summary(year: Year) -> str:
    trained = [week for week in year.weeks if week.trained]
    deployed = sum(week.deployed for week in trained)
    decisions = Counter(week.decision or "failed" for week in year.weeks)
    facts = (
        f"{sum(week.rows_new for week in year.weeks):,} counts ingested, "
        f"{sum(week.forecasts for week in year.weeks):,} forecasts kept",
        f"{len(year.weeks)} Mondays: {_counted(decisions)}",
        f"{len(trained)} trainings, {deployed} of them deployed",
        _alerts(year),
        "the router's ledger of cards: " + ", ".join(f"{name} {count}" for name, count in year.cards.items()),
        *_sight(year),
        f"all of it in {year.took_s / 60:.1f} minutes on two cores",
    )
    return "\n".join(f"- {fact}" for fact in facts)


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in names.most_common())


def _sight(year: Year) -> list[str]:
    found = comparison.sight(year)
    if found is None:
        return []
    return [
        f"the R² a Monday's run saw was {found.mean_difference:.3f} from the whole week's (mean of {found.weeks} "
        f"weeks); {found.otherwise} weeks lay on another side of a threshold than they seemed to"
    ]


def _alerts(year: Year) -> str:
    found = episodes(year.alerts)
    names = Counter(one.alertname for one in found)
    reports = sum(one.reports for one in found)
    news = sum(alert.is_news for alert in year.alerts)
    return f"{len(found)} episodes of alerts ({_counted(names)}) from {reports} reports; {news} trainings announced"


def _weeks(year: Year) -> str:
    return table.markdown(year.weeks, year.judged)


BLOCKS: dict[str, Callable[[Year], str]] = {"summary": _summary, "gains": _gains, "weeks": _weeks}
