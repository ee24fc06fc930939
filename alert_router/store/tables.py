"""The tables. Every index says which question it serves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


UTC_TEXT_CHARS = len("2026-11-22 10:00:00.000000")


@lru_cache(maxsize=256)  # most are the moment of the transaction
def utc_text(moment: datetime) -> str:
    """As SQLite stores it, and PostgreSQL reads it: its sessions are in UTC."""
    return _utc(moment).isoformat(" ", "microseconds")[:UTC_TEXT_CHARS]


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"naive time {moment.isoformat()}")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC times only: a naive time is refused, because nobody can say when it was."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        utc = _utc(value)
        # SQLite has no time zones and stores text: in UTC, the order of texts is the order of times.
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Instead of process_result_value, which takes three times as long behind that of the base type."""
        return _from_text if dialect.name == "sqlite" else _from_aware


@lru_cache(maxsize=256)  # the rows that are read together were written together
def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _from_aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index of the rows that one question is about, on both databases."""
    condition = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def to_json(value: Any) -> str:
    """One spelling for one value, readable, and searchable as text."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False, comment="group labels in canonical JSON"),
    sa.Column("group_labels", Json, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column(
        "severity", sa.Text, nullable=False, comment="the highest that the current card was created for"
    ),
    sa.Column("firing", sa.Integer, nullable=False, comment="how many of its alerts fire now"),
    sa.Column("flaps", sa.Integer, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("resolved_at", UtcDateTime),
    sa.Column("generation", sa.Integer, nullable=False, comment="which card is the current one"),
    sa.Column("pinged_at", UtcDateTime, nullable=False, comment="when its current card was requested"),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("acknowledged_until", UtcDateTime, comment="it lapses then; NULL: with the incident"),
    sa.Column("acknowledgement_note", sa.Text),
    sa.Column(
        "lasts",
        sa.Text,
        nullable=False,
        default="",
        comment="longer than nine of ten of its kind: usual | ever; said once",
    ),
    sa.Column("previous_id", Id, comment="the incident of the same group before this one"),
    sa.Column(
        "revision",
        sa.Integer,
        nullable=False,
        default=1,
        comment="rises when an episode begins to count; a card announces up to its own",
    ),
    sa.Column(
        "left_out",
        sa.Integer,
        nullable=False,
        default=0,
        comment="alerts that max_alerts left out",
    ),
    sa.Column(
        "channels", sa.Text, nullable=False, default="", comment="where its alerts are shown: |ops|shop|"
    ),
    sa.Column("firing_since", UtcDateTime, comment="when it last opened or reopened; NULL: opened_at"),
    # Which incident does this group join? The newest of its key.
    sa.Index("ix_incidents_key_id", "key", "id"),
    # How often, and for how long, did the same group fire before?
    sa.Index("ix_incidents_key_opened_at", "key", "opened_at"),
    # How many opened in a span of time?
    sa.Index("ix_incidents_opened_at", "opened_at"),
    # Which of those still firing are due for a reminder?
    partial_index("ix_incidents_pinged_at", "pinged_at", where="status = 'firing'"),
    # Which acknowledgements lapse?
    partial_index(
        "ix_incidents_acknowledged_until",
        "acknowledged_until",
        where="acknowledged_until IS NOT NULL AND status = 'firing'",
    ),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False, comment="rises in the order of receipt"),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("alertname", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("labels", Json, nullable=False),
    sa.Column("annotations", Json, nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False),
    sa.Column("flaps", sa.Integer, nullable=False),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False),
    sa.Column("generator_url", sa.Text, nullable=False),
    sa.Column("source_url", sa.Text, nullable=False),
    sa.Column("reporter", sa.Text, nullable=False),
    sa.Column("held_until", UtcDateTime, comment="a late firing waits for its own resolve until then"),
    sa.Column("expires_at", UtcDateTime, comment="counts as recovered then, unless reported again"),
    sa.Column("suppressed", sa.Text, comment="why Alertmanager is quiet about it: silenced | inhibited"),
    sa.Column("absent_since", UtcDateTime, comment="Alertmanager's API has not shown it since"),
    sa.Column(
        "severity_rank",
        sa.Integer,
        nullable=False,
        default=1,
        comment="0 info ... 3 critical",
    ),
    sa.Column(
        "channels",
        sa.Text,
        nullable=False,
        default="",
        comment="where it is shown: |ops|shop|; empty: not routed yet, everywhere",
    ),
    sa.Column(
        "sent_to", sa.Text, nullable=False, default="", comment="the channel its sender named in the URL"
    ),
    sa.Column(
        "revision",
        sa.Integer,
        nullable=False,
        default=0,
        comment="the incident's at which it began to count: opened, reopened or no longer suppressed",
    ),
    sa.Column("counts_since", UtcDateTime, comment="when that was, by our clock; NULL: received_at"),
    sa.Column(
        "beginning", sa.Text, nullable=False, default="opened", comment="opened | reopened | unsuppressed"
    ),
    sa.Column(
        "identity",
        sa.Text,
        nullable=False,
        default="",
        comment="labels without churn_labels, hashed if long",
    ),
    sa.Column(
        "also_firing",
        Json,
        nullable=False,
        default=list,
        comment="other Alertmanagers that say it fires: [{source_url, starts_at}]",
    ),
    sa.Column(
        "origin",
        sa.Text,
        nullable=False,
        default="webhook",
        comment="webhook | event | reconciled | backfilled",
    ),
    # An episode exists once, whoever writes it. Also: the newest alert of a fingerprint.
    sa.UniqueConstraint("source", "fingerprint", "starts_at"),
    # The alertnames that there are.
    sa.Index("ix_alerts_alertname_id", "alertname", "id"),
    # A page of /alerts in a time range.
    sa.Index("ix_alerts_starts_at_id", "starts_at", "id"),
    # The alerts of a card.
    sa.Index("ix_alerts_incident_id_id", "incident_id", "id"),
    # What fires, the worst first.
    partial_index("ix_alerts_firing", "severity_rank", "id", where="status = 'firing'"),
    # What time alone will change: holds and reports that expire.
    partial_index("ix_alerts_held_until", "held_until", where="held_until IS NOT NULL"),
    partial_index("ix_alerts_expires_at", "expires_at", where="expires_at IS NOT NULL AND status = 'firing'"),
)

transitions = sa.Table(
    "transitions",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("alert_id", Id, sa.ForeignKey("alerts.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("event_key", sa.Text, unique=True, comment="idempotency key of a direct report"),
    # The timeline of one alert.
    sa.Index("ix_transitions_alert_id_id", "alert_id", "id"),
)

digests = sa.Table(
    "digests",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("last_folded_at", UtcDateTime, nullable=False, comment="when it last took a card in"),
    sa.Column("ended_at", UtcDateTime, comment="it folds no more cards; what it has it keeps showing"),
    sa.Column("replaced_by", Id, comment="the digest that announced anew what fires in this one"),
    # The messages that a new digest replaces.
    partial_index("ix_digests_replaced_by", "replaced_by", where="replaced_by IS NOT NULL"),
    # The one digest a channel is in.
    partial_index("ix_digests_open", "channel", where="ended_at IS NULL", unique=True),
)

cards = sa.Table(
    "cards",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), comment="NULL on a digest's card"),
    sa.Column(
        "digest_id", Id, sa.ForeignKey("digests.id"), unique=True, comment="the digest that this card shows"
    ),
    sa.Column(
        "mirrors_rev",
        sa.Integer,
        comment="in the fallback: the wanted_rev of the main card that it shows",
    ),
    sa.Column("folded_into", Id, sa.ForeignKey("digests.id"), comment="the digest that shows this card"),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column(
        "state", sa.Text, nullable=False, default="pending", comment="pending | delivered | dead | folded"
    ),
    sa.Column("priority", sa.Integer, nullable=False, comment="0 new critical, 1 new, 2 resolve, 3 edit"),
    sa.Column(
        "wanted_rev",
        sa.Integer,
        nullable=False,
        default=1,
        comment="rises whenever the state to show changes",
    ),
    sa.Column("due_at", UtcDateTime, comment="NULL: nothing to deliver"),
    sa.Column("waiting_since", UtcDateTime, comment="since when something is to be delivered"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0, comment="failures in a row"),
    sa.Column(
        "degraded", sa.Integer, nullable=False, default=0, comment="0 all, 1 without URLs, 2 plain text"
    ),
    sa.Column("lease", sa.Text, comment="who is delivering it: fences the outcome"),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("message_id", sa.Text),
    sa.Column("message_url", sa.Text, comment="where people see it"),
    sa.Column("sent_hash", sa.Text),
    sa.Column("sent_body", Json, comment="the message as last sent"),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("edited", sa.Boolean, nullable=False, default=False, comment="sent more than once"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("error", sa.Text, comment="why the last attempt failed"),
    sa.Column("reason", sa.Text, nullable=False, default="first", comment="why people are notified by it"),
    sa.Column("mention_of", Id, comment="the alert by whose route people are mentioned when it is created"),
    sa.Column("posted_at", UtcDateTime, comment="the moment of the state that its create showed"),
    sa.Column("revision", sa.Integer, comment="the incident's that its create showed; NULL: not posted"),
    sa.Column("announced_rank", sa.Integer, comment="the worst severity that fired when it was posted"),
    sa.Column("decide_at", UtcDateTime, comment="when the notify rule must be asked again"),
    sa.Column("escalates", sa.Text, comment="the channel whose unacknowledged incident it escalates"),
    sa.Column(
        "copy_of", sa.Text, comment="the channel that does not take the original; copies count from -1 down"
    ),
    sa.Column("thread_id", sa.Text, comment="the forum post or thread its message is in"),
    # One create per incident, channel and generation, whoever asks for it.
    sa.UniqueConstraint("incident_id", "channel", "generation"),
    sa.CheckConstraint("(incident_id IS NULL) <> (digest_id IS NULL)", name="one_subject"),
    # Which cards does a digest show?
    partial_index("ix_cards_folded_into", "folded_into", where="folded_into IS NOT NULL"),
    # What is waiting, what is dead; how many are in each state?
    sa.Index("ix_cards_state", "state", "channel"),
    # The ledger's few: with statistics, SQLite takes each state for a third of all cards.
    partial_index("ix_cards_undelivered", "channel", "state", where="state <> 'delivered'"),
    # What is being delivered now?
    partial_index("ix_cards_leased", "channel", where="lease IS NOT NULL"),
    # Which copies are kept up to date?
    partial_index("ix_cards_mirrors", "channel", where="mirrors_rev IS NOT NULL"),
    # How often were people notified in a span of time?
    partial_index("ix_cards_posted_at", "posted_at", where="posted_at IS NOT NULL"),
    # Which decisions are due?
    partial_index("ix_cards_decide_at", "decide_at", where="decide_at IS NOT NULL"),
    # Which card is delivered next?
    partial_index("ix_cards_due", "channel", "priority", "due_at", where="due_at IS NOT NULL"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("card_id", Id, sa.ForeignKey("cards.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False, comment="create | edit"),
    sa.Column(
        "outcome", sa.Text, nullable=False, comment="sent | retry | degraded | rejected | gone | stopped"
    ),
    sa.Column("status", sa.Integer, comment="HTTP status; NULL when there was no answer"),
    sa.Column("message_id", sa.Text),
    sa.Column("took_ms", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    # The deliveries of one alert's card.
    sa.Index("ix_deliveries_card_id_id", "card_id", "id"),
    # What did all routers send in the last minute? They share the rate limit.
    sa.Index("ix_deliveries_channel_at", "channel", "at"),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("action", sa.Text, nullable=False, comment="create | edit | none"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("due_at", UtcDateTime, comment="when it is decided again"),
    sa.Column("generation", sa.Integer, comment="the card's, where one was requested"),
    # Why did this channel (not) get a message about the incident?
    sa.Index("ix_decisions_incident_id_channel_id", "incident_id", "channel", "id"),
)

quotas = sa.Table(
    "paces",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("remaining", sa.Integer, nullable=False, comment="requests Discord still grants it"),
    sa.Column("until", UtcDateTime, nullable=False, comment="when the grant ends"),
    sa.Column("noted_at", UtcDateTime, nullable=False, comment="when the grant was recorded"),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="as it came, up to the body limit"),
    sa.Column("resolved_at", UtcDateTime, comment="when a person dealt with it"),
    # How many wait for a person? The bodies are large: not read for that.
    partial_index("ix_quarantine_waiting", "id", where="resolved_at IS NULL"),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("source", sa.Text, primary_key=True, comment="whose Watchdog it is"),
    sa.Column("at", UtcDateTime, nullable=False, comment="when it was last received"),
)

receivers = sa.Table(
    "receivers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="under which Alertmanager sends to us"),
    sa.Column("heard_at", UtcDateTime, nullable=False, comment="when it first did"),
)

acknowledgements = sa.Table(
    "acknowledgements",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    # Who has acknowledged this incident?
    sa.Index("ix_acknowledgements_incident_id", "incident_id"),
    # How soon were incidents acknowledged in a span of time?
    sa.Index("ix_acknowledgements_at", "at"),
)

silences = sa.Table(
    "silences",
    metadata,
    sa.Column("id", sa.Text, primary_key=True, comment="Alertmanager's"),
    sa.Column("source_url", sa.Text, nullable=False, comment="whose silence it is"),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("starts_at", UtcDateTime, nullable=False),
    sa.Column("ends_at", UtcDateTime, nullable=False),
    sa.Column("matchers", Json, nullable=False, comment="[{name, operator, value}]"),
    # Which silences are, or were lately, in effect?
    sa.Index("ix_silences_ends_at", "ends_at"),
)

absences = sa.Table(
    "absences",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False, comment="when a router was last known to run"),
    sa.Column("until", UtcDateTime, nullable=False, comment="when the next one started"),
    # When was the router away while an alert fired?
    sa.Index("ix_absences_until", "until"),
)

# Sums and lookups that a periodic task keeps up with the history, outside of the commit of a webhook.

bookmarks = sa.Table(
    "bookmarks",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="of the task"),
    sa.Column("position", Id, nullable=False, comment="the last id it has dealt with"),
)


def _sums() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("alertname", sa.Text, primary_key=True),
        sa.Column("severity", sa.Text, primary_key=True),
        sa.Column("alerts", sa.Integer, nullable=False),
        sa.Column("ended", sa.Integer, nullable=False, comment="of these, how many are over"),
        sa.Column("unattended", sa.Integer, nullable=False, comment="over, and nobody had acknowledged them"),
        sa.Column("silenced", sa.Integer, nullable=False, comment="silenced, inhibited or muted"),
        sa.Column("flapping", sa.Integer, nullable=False, comment="began within the flap window of the last"),
        sa.Column("repeats", sa.Integer, nullable=False, comment="reports that brought nothing new"),
        sa.Column("first_id", Id, nullable=False, comment="the lowest id of its alerts"),
        sa.Column("last_id", Id, nullable=False, comment="the highest id of its alerts"),
        sa.Column("longest_s", sa.Integer, nullable=False),
        sa.Column("longest_id", Id, comment="the alert that fired for so long; NULL: none is over"),
        sa.Column("durations", Json, nullable=False, comment="of those over: {seconds: how many}"),
    )


hour_sums = sa.Table(
    "hour_sums",
    metadata,
    sa.Column("hour", UtcDateTime, primary_key=True, comment="of starts_at"),
    *_sums(),
)

day_sums = sa.Table(
    "day_sums",
    metadata,
    sa.Column("day", sa.Date, primary_key=True, comment="UTC, of starts_at"),
    *_sums(),
)

day_durations = sa.Table(
    "day_durations",
    metadata,
    sa.Column("day", sa.Date, primary_key=True, comment="UTC, of starts_at"),
    sa.Column("durations", Json, nullable=False, comment="of all alerts together: {seconds: how many}"),
)

card_sums = sa.Table(
    "card_sums",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("cards", sa.Integer, nullable=False, comment="up to the bookmark"),
    sa.Column("incidents", sa.Integer, nullable=False, comment="that these cards show, copies aside"),
)

unnotified = sa.Table(
    "unnotified",
    metadata,
    sa.Column(
        "alert_id", Id, primary_key=True, autoincrement=False, comment="over, and no message announced it"
    ),
)

acts = sa.Table(
    "acts",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="acknowledged | unacknowledged | silenced"),
    sa.Column("turn", sa.Text, nullable=False, comment="what its link was signed for: a link acts once"),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False, comment="card | page | api | time"),
    sa.Column("until", UtcDateTime, comment="when its effect ends by itself"),
    sa.Column("silence_id", sa.Text, comment="Alertmanager's"),
    # One act per signed link, however often its button is pressed; what people did about this incident.
    sa.UniqueConstraint("incident_id", "turn"),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="started | succeeded | failed | measured"),
    sa.Column("at", UtcDateTime, nullable=False, comment="when it reached that state"),
    sa.Column("duration_s", sa.Float),
    sa.Column("metrics", Json, nullable=False),
    sa.Column("deployed", sa.Boolean, nullable=False, comment="its model became the champion"),
    # A run exists once, whichever of its tries reports it.
    sa.UniqueConstraint("job", "run_id"),
    # The runs of a job before this one.
    sa.Index("ix_runs_job_at", "job", "at"),
)

marks = sa.Table(
    "marks",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("labels", Json, nullable=False),
    sa.Column("key", sa.Text, unique=True, comment="idempotency key of its report"),
    # What changed in the time of a chart?
    sa.Index("ix_marks_at", "at"),
)

link_keys = sa.Table(
    "link_keys",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False, comment="1"),
    sa.Column("key", sa.Text, nullable=False, comment="signs the links on cards, where no setting does"),
)

measures = sa.Table(
    "measures",
    metadata,
    sa.Column("alert_id", Id, sa.ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("value", sa.Text, nullable=False, comment="when it fired, with its unit; empty: there is none"),
    sa.Column("limit", sa.Text, nullable=False, comment="which it crossed; empty: unknown"),
)

charts = sa.Table(
    "charts",
    metadata,
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("channel", sa.Text, primary_key=True, comment="where its card is"),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="of the picture: another for each"),
    sa.Column("subject", sa.Text, nullable=False, comment="what it shows: a hash of expression and alerts"),
    sa.Column("drawn_at", UtcDateTime, nullable=False),
    sa.Column("png", sa.LargeBinary, nullable=False),
    # Which are the oldest?
    sa.Index("ix_charts_drawn_at", "drawn_at"),
)
