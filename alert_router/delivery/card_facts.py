"""What a card shows beside its alerts' words, as far as it is known; and what it lacks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from alert_router.discord import markdown
from alert_router.domain import pictures, time_words
from alert_router.domain.card_facts import CardFacts
from alert_router.domain.model import Alert, CardState, ChannelName
from alert_router.prometheus import expressions
from alert_router.sources import event_signals
from alert_router.store import card_facts, changes
from alert_router.store.card_queue import Claim
from alert_router.store.changes import Change

BEFORE = timedelta(hours=1)
"""How far back a change is worth a line."""
MAX_LINES = 3
MAX_LINE_CHARS = 90
MAX_MEASURED = 10
"""More alerts than a card shows one by one."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What could be added to a card: it is sent without."""

    incident_id: int
    channel: ChannelName
    unmeasured: tuple[Alert, ...]
    drawn: tuple[Alert, ...]
    """Of one expression: what the chart is about; empty where the present one will do."""
    subject: str = ""
    """Of that chart."""

    def __bool__(self) -> bool:
        return bool(self.unmeasured or self.drawn)


def read(conn: sa.Connection, state: CardState, claim: Claim, now: datetime) -> tuple[CardFacts, Missing]:
    measures = card_facts.measures_of(conn, [alert.id for alert in state.alerts])
    chart = card_facts.chart_of(conn, state.incident.id, claim.channel)
    alerts = [alert for alert in state.alerts if expressions.of_link(alert.generator_url)]
    subject, drawn = _subject(alerts) if alerts else _subject_of_report(state.alerts)
    is_new = claim.message_id is None
    present = (chart.subject, chart.drawn_at) if chart else None
    firing = any(alert.firing for alert in drawn)
    if not drawn or not pictures.is_due(present, subject, now, firing=firing, is_new=is_new):
        drawn = ()
    facts = CardFacts(
        measures={alert: measure for alert, measure in measures.items() if measure.value},
        changes=_lines(conn, state),
    )
    if chart is not None:
        facts = replace(facts, chart=chart.png, chart_name=chart.name)
    unmeasured = tuple(alert for alert in alerts[:MAX_MEASURED] if alert.id not in measures)
    return facts, Missing(state.incident.id, claim.channel, unmeasured, drawn, subject)


def _subject(alerts: Sequence[Alert]) -> tuple[str, tuple[Alert, ...]]:
    """The worst alert's rule, and all of its alerts."""
    expression = expressions.of_link(alerts[0].generator_url)
    same = tuple(alert for alert in alerts if expressions.of_link(alert.generator_url) == expression)
    return pictures.subject_of(expression, same), same


def _subject_of_report(alerts: Sequence[Alert]) -> tuple[str, tuple[Alert, ...]]:
    """The runs of the worst alert's job."""
    job = event_signals.job_of(alerts[0]) if alerts else ""
    return (pictures.subject_of(job, alerts[:1]), tuple(alerts[:1])) if job else ("", ())


def _lines(conn: sa.Connection, state: CardState) -> tuple[str, ...]:
    """Such as "12 min before: rf-41 -> rf-42"."""
    if not state.alerts:
        return ()
    began = min(alert.starts_at for alert in state.alerts)
    found = changes.before(conn, state.incident.id, began - BEFORE, began)
    return tuple(_line(change, began) for change in found[:MAX_LINES])


def _line(change: Change, began: datetime) -> str:
    ago = time_words.duration(began - change.at)
    return markdown.clip(f"{ago} before: {' '.join(change.text.split())}", MAX_LINE_CHARS)
