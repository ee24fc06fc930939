"""The one line of a new message that a lock screen shows: sign, name, what is new, the one fact.

It is written when the message is created and never edited, so it has no time that passes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from alert_router.discord import alert_facts, markdown
from alert_router.discord.markdown import clip, duration
from alert_router.domain.model import Alert, Announcement, CardState, DigestState
from alert_router.domain.notify_values import Reason
from alert_router.domain.severity import Severity

LINE_CHARS = 150
NAME_CHARS = 60
PLACES_CHARS = 50
SHORTEST_FACT = 12
"""A fact cut shorter than this says nothing."""


def of_card(state: CardState, announcement: Announcement) -> str:
    """Escaped."""
    alerts = _subject(state, announcement)
    if not alerts:
        return str(markdown.escape(f"Incident {state.incident.id}"))
    worst = alerts[0]
    head = f"{alert_facts.sign(worst)} {clip(_name(state, alerts), NAME_CHARS)}"
    news = _News(state, announcement, alerts).text()
    return _line([head, news], alert_facts.sentence_of(worst))


def of_digest(state: DigestState, announcement: Announcement) -> str:
    """Escaped."""
    quiet = "quiet hours are over" if announcement.reason is Reason.QUIET_HOURS_OVER else ""
    head = f"⛈️ {state.firing} alerts firing in {state.incidents} incidents"
    if not state.firing:
        head = f"{alert_facts.RESOLVED_SIGN} {state.total} alerts in {state.incidents} incidents are over"
    counts = (f"{count.alertname or 'Alert'} {count.firing}" for count in state.counts if count.firing)
    return _line([head, quiet], ", ".join(counts))


def _line(parts: Sequence[str], fact: str) -> str:
    shown = list(filter(None, parts))
    line = clip(" · ".join(shown), LINE_CHARS)
    between = " · " if len(shown) > 1 else ": "
    left = LINE_CHARS - len(line) - len(between)
    if fact and left >= SHORTEST_FACT:
        line = f"{line}{between}{clip(fact, left)}"
    # Cut before it is escaped: an escape must not be cut in two.
    return str(markdown.escape(" ".join(line.split())))


def _subject(state: CardState, announcement: Announcement) -> Sequence[Alert]:
    """The alerts that the line is about, worst first: the news; what fires where nothing is new; or all."""
    if announcement.reason is Reason.RESOLVED:
        return state.alerts
    by_id = {alert.id: alert for alert in state.alerts}
    news = [by_id[id_] for id_ in announcement.news if id_ in by_id]
    return news or [alert for alert in state.alerts if alert.firing] or state.alerts


def _name(state: CardState, alerts: Sequence[Alert]) -> str:
    """The alert's, if they all have one; else what the group is."""
    names = list(dict.fromkeys(alert.alertname for alert in alerts))
    if len(names) == 1:
        return names[0].strip() or "Alert"
    group = ", ".join(f"{name}={text}" for name, text in sorted(state.incident.group_labels.items()) if text)
    return group or f"{names[0].strip() or 'Alert'} and {len(names) - 1} more"


class _News:
    """The words for what is new, by the reason for the message."""

    def __init__(self, state: CardState, announcement: Announcement, alerts: Sequence[Alert]) -> None:
        self._state = state
        self._announcement = announcement
        self._alerts = alerts
        beyond = len(announcement.news) - len(alerts)
        self._count = len(alerts) + (beyond if announcement.news and beyond > 0 else 0)

    def text(self) -> str:
        words = _WORDS.get(self._announcement.reason)
        return words(self) if words else ""

    def first(self) -> str:
        worst = self._alerts[0]
        if not worst.firing:
            return "resolved" if worst.severity_rank > Severity.INFO else ""
        return self._firing()

    def more(self) -> str:
        since = self._announcement.previous_at
        return self._placed(f"{self._count} more" + (f" since {self._clock(since)}" if since else ""))

    def worse(self) -> str:
        return f"worse now, {self.more()}"

    def fires_again(self) -> str:
        return self._placed("fires again" if self._count == 1 else f"{self._count} fire again")

    def unsuppressed(self) -> str:
        return self._placed("no longer silenced" if self._count == 1 else f"{self._count} no longer silenced")

    def quiet_hours_over(self) -> str:
        return ", ".join(filter(None, ("quiet hours are over", self._firing())))

    def reminder(self) -> str:
        return f"still firing {self._for_or_since()}, nobody has acknowledged it"

    def escalation(self) -> str:
        return f"escalated: nobody has acknowledged it {self._for_or_since()}"

    def resolved(self) -> str:
        ends = [alert.ends_at for alert in self._alerts if alert.ends_at]
        if not ends:
            return "resolved"
        return f"resolved after {duration(max(ends) - min(alert.starts_at for alert in self._alerts))}"

    def _firing(self) -> str:
        return self._placed(f"{self._count} firing") if self._count > 1 else ""

    def _placed(self, words: str) -> str:
        """With what distinguishes the alerts: "2 more: pg-2, pg-9"."""
        shown = alert_facts.places(self._alerts, self._state.alerts)
        return f"{words}: {_joined(shown)}" if shown else words

    def _for_or_since(self) -> str:
        started_at = min(alert.starts_at for alert in self._alerts)
        now = self._announcement.at
        return f"for {duration(now - started_at)}" if now else f"since {self._clock(started_at)}"

    def _clock(self, moment: datetime) -> str:
        """Of today, the time only. In UTC: a lock screen does not render Discord's own times."""
        utc = moment.astimezone(UTC)
        today = max(alert.received_at for alert in self._alerts) if self._announcement.at is None else None
        now = (today or self._announcement.at or moment).astimezone(UTC)
        return f"{utc:%H:%M} UTC" if utc.date() == now.date() else f"{utc.day} {utc:%b %H:%M} UTC"


_WORDS: Mapping[Reason, Callable[[_News], str]] = {
    Reason.FIRST: _News.first,
    Reason.NEW_ALERTS: _News.more,
    Reason.WORSE: _News.worse,
    Reason.FIRES_AGAIN: _News.fires_again,
    Reason.UNSUPPRESSED: _News.unsuppressed,
    Reason.QUIET_HOURS_OVER: _News.quiet_hours_over,
    Reason.REMINDER: _News.reminder,
    Reason.ESCALATION: _News.escalation,
    Reason.RESOLVED: _News.resolved,
}


def _joined(places: Sequence[str]) -> str:
    """As many as have room, and how many have not."""
    shown = list(_fitting(places))
    left = len(places) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _fitting(places: Sequence[str]) -> Iterator[str]:
    chars = 0
    for place in places:
        text = clip(place, PLACES_CHARS)
        chars += len(text) + len(", ")
        if chars > PLACES_CHARS and chars > len(text) + len(", "):
            return
        yield text
