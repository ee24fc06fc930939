"""The domain's values, all of them frozen. Nothing here decides or acts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from alert_router.domain.act_links import CardLinks
from alert_router.domain.card_facts import CardFacts
from alert_router.domain.notify_values import Beginning, Reason
from alert_router.domain.severity import Severity

Fingerprint = NewType("Fingerprint", str)
ChannelName = NewType("ChannelName", str)
Labels = Mapping[str, str]
TIME_RESOLUTION = timedelta(milliseconds=1)
"""Times closer together are equal: Alertmanager's webhooks have nanoseconds, its API milliseconds."""

DISCORD = ChannelName("discord")
PREVIEW = ChannelName("preview")
"""The page /preview, where cards go when no webhook is configured."""
FALLBACK = ChannelName("fallback")
"""The second webhook, for the cards that the first does not accept."""


def join_channels(names: Iterable[str]) -> str:
    """Each name between bars, "|ops|shop|", so that one can be looked for; empty for none."""
    text = "|".join(names)
    return f"|{text}|" if text else ""


def split_channels(text: str) -> tuple[ChannelName, ...]:
    return tuple(map(ChannelName, filter(None, text.split("|"))))


class Status(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class Origin(StrEnum):
    """How the router came to know of an alert."""

    WEBHOOK = "webhook"
    EVENT = "event"
    """A direct report, or the router's own."""
    RECONCILED = "reconciled"
    """Alertmanager's API showed it, and its webhook had not come."""
    BACKFILLED = "backfilled"
    """Prometheus remembered it from before, or from when the router was away."""


class TransitionKind(StrEnum):
    """A dated fact in an alert's life. `repeated` is counted on the alert, not written as a row (ADR 9)."""

    OPENED = "opened"
    REPEATED = "repeated"
    UPDATED = "updated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    SUPERSEDED = "superseded"
    LATE_DUPLICATE = "late_duplicate"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    SILENCED = "silenced"
    RECONCILED = "reconciled"


SEVERITY_RANKS: Mapping[str, int] = {"critical": 4, "page": 4, "error": 3, "warning": 2, "info": 1, "none": 0}
"""The customary values of the label `severity`, highest first; another value ranks as a warning, so that an
unknown spelling is never quieter than it should be."""


def severity_rank(severity: str) -> int:
    return SEVERITY_RANKS.get(severity.lower(), SEVERITY_RANKS["warning"])


class _HasStatus:
    __slots__ = ()
    status: Status

    @property
    def firing(self) -> bool:
        return self.status is Status.FIRING


@dataclass(frozen=True, slots=True)
class Signal(_HasStatus):
    """What one source says about one alert at one moment."""

    source: str
    """The sender: "alertmanager", "grafana" or "events"; "alertmanager:eu" if the webhook's URL names it so.
    Replicas of one Alertmanager are one source."""
    status: Status
    labels: Labels
    annotations: Labels
    starts_at: datetime
    ends_at: datetime | None
    """None while firing; never before starts_at."""
    fingerprint: Fingerprint
    group_labels: Labels
    """The labels by which signals join one incident."""
    generator_url: str = ""
    """The source's own page of the expression."""
    source_url: str = ""
    """The source's own front page (Alertmanager's or Grafana's externalURL): where a silence is made."""
    reporter: str = ""
    """The observer, in words for people: "Prometheus", "Airflow monitor_and_fine_tune"."""
    expires_at: datetime | None = None
    """For a source that sends no resolve: when it counts as recovered unless reported again."""
    event_key: str | None = None
    """The identity of a direct report: the same key is the same event."""
    may_be_late: bool = True
    """Whether replicas can send an old "firing" after a "resolved", so that one must be held."""
    sent_to: str = ""
    """The channel that its sender named in the URL; empty: the routes choose."""
    start_known: bool = True
    """False where the sender left it out: starts_at is the time of receipt, and tells no episodes apart."""
    from_api: bool = False
    """Shown by Alertmanager's API: source_url is the API's, not the externalURL that webhooks bring."""
    origin: Origin = Origin.WEBHOOK


@dataclass(frozen=True)  # without slots: see domain/values.py
class Alert(_HasStatus):
    """One episode of one label set, as stored: one row of /alerts."""

    id: int
    source: str
    fingerprint: Fingerprint
    alertname: str
    """As in the labels, cut where it is too long to be looked up; so is the severity."""
    severity: str
    status: Status
    labels: Labels
    annotations: Labels
    starts_at: datetime
    ends_at: datetime | None
    received_at: datetime
    last_seen_at: datetime
    repeats: int
    flaps: int
    """How often it came back within the flap window, in a row."""
    incident_id: int
    generator_url: str
    source_url: str
    reporter: str
    held_until: datetime | None
    """Set while a late "firing" after the resolve waits for its own resolve; past it, the alert reopens."""
    expires_at: datetime | None
    suppressed: str | None = None
    """Why Alertmanager is quiet about it: "silenced", "inhibited" or "muted". It may fire all the same."""
    absent_since: datetime | None = None
    """Since when Alertmanager's API has not shown it; None while it does, or was not asked. On a resolved
    alert: that is why it was closed."""
    severity_rank: int = Severity.WARNING
    channels: str = ""
    """Where it is shown, each name between bars: "|ops|shop|"; empty: not routed yet, shown everywhere."""
    sent_to: str = ""
    """The channel that its sender named in the URL; several senders' with bars between: "ops|shop"."""
    revision: int = 0
    """The incident's, at which it began to count: opened, reopened or no longer suppressed."""
    counts_since: datetime | None = None
    """When that was, by our clock; None: received_at."""
    beginning: str = Beginning.OPENED
    identity: str = ""
    """Its labels without churn_labels; hashed if long."""
    also_firing: Sequence[Mapping[str, str]] = ()
    """The Alertmanagers that speak of it, once there are several: see `domain/speakers.py`."""
    origin: str = Origin.WEBHOOK


@dataclass(frozen=True, slots=True)
class Overview:
    """What all alerts of a card have in common, and how many there are of each name."""

    labels: Labels
    annotations: Labels
    firing: Mapping[str, int]
    """How many fire, by alertname, most first."""
    resolved: int


@dataclass(frozen=True, slots=True)
class Transition:
    alert_id: int
    at: datetime
    kind: TransitionKind
    source: str
    detail: str = ""
    event_key: str | None = None


@dataclass(frozen=True)  # without slots: see domain/values.py
class Incident:
    """The alerts that share group labels, from the first that fires to the last that resolves."""

    id: int
    key: str
    group_labels: Labels
    status: Status
    severity: str
    """The first alert's."""
    firing: int
    """How many of its alerts fire now."""
    flaps: int
    opened_at: datetime
    resolved_at: datetime | None
    generation: int
    """Not used: each of its channels counts its own cards."""
    pinged_at: datetime
    """Not used: each card knows when it was posted."""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    previous_id: int | None = None
    """The incident of the same group before this one."""
    revision: int = 1
    """Rises when one of its episodes begins to count; a card announces what began up to its own revision."""
    left_out: int = 0
    """How many alerts Alertmanager's max_alerts cut from its last webhook."""
    channels: str = ""
    """Where its alerts are shown, each name between bars."""
    firing_since: datetime | None = None
    """When it last opened or reopened; None: opened_at."""
    acknowledged_until: datetime | None = None
    """When the acknowledgement lapses; None: when the incident resolves."""
    acknowledgement_note: str | None = None
    lasts: str = ""
    """Longer than nine of ten of its kind: "usual" or "ever". Said once, and kept."""

    @property
    def is_firing(self) -> bool:
        return self.status is Status.FIRING


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a new message notifies beside those who watch the channel."""

    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    here: bool = False

    def __bool__(self) -> bool:
        return bool(self.roles or self.users or self.here)


NOBODY = Mentions()


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a new message says beside the state, in `content`; an edit has none of it."""

    reason: Reason
    news: tuple[int, ...] = ()
    """The alerts that no message has announced, worst first."""
    previous_at: datetime | None = None
    """When the card before this one was posted; None: this is the first."""
    mentions: Mentions = NOBODY
    silent: bool = False
    """No sound on phones (flag 4096)."""
    at: datetime | None = None
    """When the message is created: "still firing for 4 h" counts to it."""


@dataclass(frozen=True, slots=True)
class CardState:
    """All that a card shows: the message is a function of this and of nothing else."""

    incident: Incident
    alerts: tuple[Alert, ...]
    """The newest episode of each label set: firing first, worst first, newest first; at most MAX_ALERTS."""
    more_alerts: int
    """How many label sets are not among `alerts`."""
    generation: int
    """The card's own; below the incident's once a newer card has taken over."""
    newer_url: str | None
    """The link to the card that took over; None while this is the current one."""
    note: str = ""
    """What people must know about the channel this card is in."""
    recoveries: Mapping[int, str] = field(default_factory=dict)
    """Alert id to the reporter of its end, where that was a direct report."""
    announcement: Announcement | None = None
    """Set when the message is to be created."""
    facts: CardFacts = field(default_factory=CardFacts)
    overview: Overview | None = None
    """Of all alerts, also of those that are not among `alerts`; None: there are no others."""
    links: CardLinks = field(default_factory=CardLinks)
    """By which people act from the card."""


@dataclass(frozen=True, slots=True)
class DigestCount:
    alertname: str
    severity: str
    firing: int
    resolved: int
    severity_rank: int = Severity.WARNING


@dataclass(frozen=True, slots=True)
class DigestState:
    """All that a digest's card shows of the incidents that were folded into it."""

    began_at: datetime
    ended_at: datetime | None
    """Set once the storm is over: the digest takes no more in, and goes on showing what it has."""
    incidents: int
    counts: tuple[DigestCount, ...]
    """Firing first, worst first."""
    alerts: tuple[Alert, ...]
    """Firing first, worst first; not all of them when there are many."""
    earliest: datetime
    """When the first of its alerts started."""
    newer_url: str | None = None
    """The link to the digest that took over; None while this is the current one."""
    note: str = ""
    """What people must know about the channel this card is in."""
    announcement: Announcement | None = None
    """Set when the message is to be created."""

    @property
    def firing(self) -> int:
        return sum(count.firing for count in self.counts)

    @property
    def total(self) -> int:
        return sum(count.firing + count.resolved for count in self.counts)


CLOCK_SKEW_S = 10.0
"""Clock-skew tolerance. A stored time further ahead than this was written before the clock was set back;
ignore it. One less far ahead was written by another router's clock, or a moment after `now` was taken."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The spans of time that the pure rules use; set through the environment."""

    hold_s: float = 120.0
    flap_window_s: float = 1800.0
    absences_apart_s: float = 30.0
    """Two absences in a row from Alertmanager's API close an alert; queries closer together count as one."""
    warmup_s: float = 180.0
    """An Alertmanager younger than this has not received every alert yet: an alert that it does not show may
    still fire. Prometheus repeats a firing alert every minute."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one webhook's signals."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    held: int = 0
    """Of the duplicates, those that may turn out to fire: held as late replicas."""


@dataclass(frozen=True, slots=True)
class RefusedBody:
    """A body, or one alert of it, that cannot be parsed: kept in the quarantine."""

    at: datetime
    source: str
    reason: str
    body: bytes
    alerts: int = 1
    """How many alerts are in it."""
