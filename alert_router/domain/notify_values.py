"""What the notify rule is asked and what it answers. Values only: the rule is in notify."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from alert_router.domain.severity import Severity


class Beginning(StrEnum):
    """Why an episode began to count, the last time it did."""

    OPENED = "opened"
    REOPENED = "reopened"
    UNSUPPRESSED = "unsuppressed"


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert of the incident that is routed to the channel."""

    id: int
    series: str
    """Its label set: the fingerprint."""
    identity: str
    """Its labels without `churn_labels`, canonical: the same for one trouble in one pod and in the next."""
    severity: Severity
    firing: bool
    suppressed: bool
    """Silenced, inhibited or muted; stays what it was when the episode ends."""
    revision: int
    """The incident's revision at which it began to count: when it opened, reopened or stopped being
    suppressed, whichever is latest. The transaction that writes one of these raises the revision."""
    counts_since: datetime
    """The moment of that, by our clock. Order is decided by the revision: clocks step and differ."""
    ended_at: datetime | None = None
    """When it ended; no later than when we heard of it."""
    beginning: Beginning = Beginning.OPENED


@dataclass(frozen=True, slots=True)
class Posted:
    """One create of this incident in this channel, as it was posted; edits do not change it.

    A dead letter counts as posted when it died: a refused message is not asked for again by the rule.
    """

    at: datetime
    revision: int
    """The incident's revision that it showed: read in the transaction that read what it shows."""
    severity: Severity | None
    """The worst firing and unsuppressed episode it showed; None if there was none."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The quiet hours as they are at this moment."""

    until: datetime | None = None
    """When they end; None outside of them."""
    passes: Severity | None = None
    """The lowest severity that is announced all the same; None: nothing is."""
    ended_at: datetime | None = None
    """When they last ended: lets a decision name them as its reason."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Of one incident in one channel, all that the rule looks at; every value is stored."""

    episodes: tuple[Episode, ...]
    current: Posted | None = None
    """The current card; None before the first."""
    recent: tuple[Posted, ...] = ()
    """Its creates of the last hour (of the flap window, where that is longer), the current one included."""
    pending: bool = False
    """A create is enqueued and not sent yet: it will show everything."""
    acknowledged: bool = False
    quiet: Quiet = field(default_factory=Quiet)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the route says."""

    renotify: Severity | None = Severity.WARNING
    """The lowest severity that is announced by a new message; None: the first message is the only one."""
    renotify_after: Mapping[Severity, timedelta | None] = field(
        default_factory=lambda: MappingProxyType(
            {
                Severity.CRITICAL: timedelta(minutes=1),
                Severity.ERROR: timedelta(minutes=5),
                Severity.WARNING: timedelta(minutes=30),
            }
        )
    )
    """The shortest wait since the card was posted; absent or None: never."""
    remind_every: Mapping[Severity, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    notify_resolved: bool = False
    escalate_after: timedelta | None = None
    flap_window: timedelta = timedelta(minutes=30)


class Action(StrEnum):
    CREATE = "create"
    EDIT = "edit"
    """The current card is kept up to date; nobody is notified."""
    NONE = "none"
    """There is no card to keep up to date, or the one that is enqueued will do."""


class Reason(StrEnum):
    """Why there is a new message, or none. The value is stored; `words` are for people."""

    FIRST = "first"
    NEW_ALERTS = "new_alerts"
    WORSE = "worse"
    FIRES_AGAIN = "fires_again"
    UNSUPPRESSED = "unsuppressed"
    QUIET_HOURS_OVER = "quiet_hours_over"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RESOLVED = "resolved"

    ANNOUNCED = "announced"
    PENDING = "pending"
    WAITING = "waiting"
    WAITING_ACKNOWLEDGED = "waiting_acknowledged"
    HOURLY_LIMIT = "hourly_limit"
    BELOW_RENOTIFY = "below_renotify"
    NEVER_AGAIN = "never_again"
    SUPPRESSED = "suppressed"
    QUIET_HOURS = "quiet_hours"
    SAME_TROUBLE = "same_trouble"
    OVER = "over"
    NO_ALERTS = "no_alerts"
    NOT_ESCALATED = "not_escalated"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS: Mapping[Reason, str] = {
    Reason.FIRST: "the first message of the incident",
    Reason.NEW_ALERTS: "alerts fire that no message has announced",
    Reason.WORSE: "it is worse than everything announced",
    Reason.FIRES_AGAIN: "an alert fires again",
    Reason.UNSUPPRESSED: "an alert is no longer silenced or inhibited",
    Reason.QUIET_HOURS_OVER: "the quiet hours are over",
    Reason.REMINDER: "it still fires and nobody has acknowledged it",
    Reason.ESCALATION: "nobody has acknowledged it in time",
    Reason.RESOLVED: "it has resolved, and the route asks for a message then",
    Reason.ANNOUNCED: "everything that fires has been announced",
    Reason.PENDING: "a new message is already on its way and will show everything",
    Reason.WAITING: "the last message is too recent",
    Reason.WAITING_ACKNOWLEDGED: "the incident is acknowledged, so the wait is the longest",
    Reason.HOURLY_LIMIT: "the incident has used up its messages of this hour",
    Reason.BELOW_RENOTIFY: "what is new is below the route's renotify severity",
    Reason.NEVER_AGAIN: "the route's renotify_after never announces this severity again",
    Reason.SUPPRESSED: "what fires is silenced or inhibited",
    Reason.QUIET_HOURS: "these are the quiet hours",
    Reason.SAME_TROUBLE: "it is an announced alert in a new pod",
    Reason.OVER: "nothing fires any more, so an edit suffices",
    Reason.NO_ALERTS: "no alert of the incident is routed here",
    Reason.NOT_ESCALATED: "there is nothing to escalate",
    Reason.ACKNOWLEDGED: "it is acknowledged",
    Reason.ESCALATED: "it has been escalated",
}


@dataclass(frozen=True, slots=True)
class Decision:
    action: Action
    reason: Reason
    due_at: datetime | None = None
    """When to ask again if nothing else happens; None: time alone changes nothing."""
    news: tuple[int, ...] = ()
    """The firing episodes that no message has announced, worst first: the first line names them."""
    mention_of: int | None = None
    """The episode by whose route people are mentioned; None: nobody is."""
