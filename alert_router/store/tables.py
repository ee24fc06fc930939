"""The tables. Every index says which question it serves."""

import json
from datetime import UTC, datetime
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


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Aware UTC times only: a naive one is refused at the door, because nobody can say when it was."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value.isoformat()}")
        utc = value.astimezone(UTC)
        # SQLite has no time zones: it stores what it is given, so that text order is time order.
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def to_json(value: Any) -> str:
    """One spelling for one value, readable, and searchable as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False, comment="group labels in canonical JSON"),
    sa.Column("group_labels", Json, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False, comment="the highest told by the current card"),
    sa.Column("firing", sa.Integer, nullable=False, comment="how many of its alerts fire now"),
    sa.Column("flaps", sa.Integer, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("resolved_at", UtcDateTime),
    sa.Column("generation", sa.Integer, nullable=False, comment="which card is the current one"),
    sa.Column("pinged_at", UtcDateTime, nullable=False, comment="when its current card was asked for"),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("previous_id", Id, comment="the incident of the same group before this one"),
    # Which incident does this group join? The newest of its key.
    sa.Index("ix_incidents_key_id", "key", "id"),
    # Which of those still firing are due for a reminder?
    sa.Index(
        "ix_incidents_pinged_at",
        "pinged_at",
        sqlite_where=sa.text("status = 'firing'"),
        postgresql_where=sa.text("status = 'firing'"),
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
    # An episode exists once, whoever writes it. Also: the newest alert of a fingerprint.
    sa.UniqueConstraint("source", "fingerprint", "starts_at"),
    # A page of /alerts under the filters people combine most.
    sa.Index("ix_alerts_status_severity_alertname_id", "status", "severity", "alertname", "id"),
    sa.Index("ix_alerts_alertname_id", "alertname", "id"),
    # A page of /alerts in a time range.
    sa.Index("ix_alerts_starts_at_id", "starts_at", "id"),
    # The alerts of a card.
    sa.Index("ix_alerts_incident_id_id", "incident_id", "id"),
    # What time alone will change: holds and reports that expire.
    sa.Index(
        "ix_alerts_held_until",
        "held_until",
        sqlite_where=sa.text("held_until IS NOT NULL"),
        postgresql_where=sa.text("held_until IS NOT NULL"),
    ),
    sa.Index(
        "ix_alerts_expires_at",
        "expires_at",
        sqlite_where=sa.text("expires_at IS NOT NULL AND status = 'firing'"),
        postgresql_where=sa.text("expires_at IS NOT NULL AND status = 'firing'"),
    ),
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
    sa.Column("event_key", sa.Text, unique=True, comment="the identity of a direct report: told once"),
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
    sa.Column("ended_at", UtcDateTime, comment="it takes no more cards; what it has it keeps telling"),
    # The one digest a channel is in.
    sa.Index(
        "ix_digests_open",
        "channel",
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
)

cards = sa.Table(
    "cards",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("incident_id", Id, sa.ForeignKey("incidents.id"), comment="NULL on a digest's card"),
    sa.Column(
        "digest_id", Id, sa.ForeignKey("digests.id"), unique=True, comment="what a digest's card tells"
    ),
    sa.Column("mirrors_rev", sa.Integer, comment="in the fallback: the main card's wanted_rev it tells"),
    sa.Column("folded_into", Id, sa.ForeignKey("digests.id"), comment="the digest that tells this one"),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="pending | delivered | dead | folded"),
    sa.Column("priority", sa.Integer, nullable=False, comment="0 new critical, 1 new, 2 resolve, 3 edit"),
    sa.Column("wanted_rev", sa.Integer, nullable=False, comment="rises whenever the state to tell changes"),
    sa.Column("due_at", UtcDateTime, comment="NULL: nothing to tell"),
    sa.Column("waiting_since", UtcDateTime, comment="since when something is to be told"),
    sa.Column("attempts", sa.Integer, nullable=False, comment="failures in a row"),
    sa.Column("degraded", sa.Integer, nullable=False, comment="0 all, 1 without URLs, 2 plain text"),
    sa.Column("lease", sa.Text, comment="who is delivering it: the fence of settling"),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("message_id", sa.Text),
    sa.Column("message_url", sa.Text, comment="where people see it"),
    sa.Column("sent_hash", sa.Text),
    sa.Column("sent_body", Json, comment="what was told last"),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("edited", sa.Boolean, nullable=False, comment="told more than once"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("error", sa.Text, comment="why the last attempt failed"),
    # One create per incident, channel and generation, whoever asks for it.
    sa.UniqueConstraint("incident_id", "channel", "generation"),
    sa.CheckConstraint("(incident_id IS NULL) <> (digest_id IS NULL)", name="one_subject"),
    # What does a digest tell?
    sa.Index(
        "ix_cards_folded_into",
        "folded_into",
        sqlite_where=sa.text("folded_into IS NOT NULL"),
        postgresql_where=sa.text("folded_into IS NOT NULL"),
    ),
    # What is waiting, oldest first; what is dead.
    sa.Index("ix_cards_state", "state"),
    # What is being delivered now?
    sa.Index(
        "ix_cards_leased",
        "channel",
        sqlite_where=sa.text("lease IS NOT NULL"),
        postgresql_where=sa.text("lease IS NOT NULL"),
    ),
    # What does the fallback tell for the main channel?
    sa.Index(
        "ix_cards_mirrors",
        "channel",
        sqlite_where=sa.text("mirrors_rev IS NOT NULL"),
        postgresql_where=sa.text("mirrors_rev IS NOT NULL"),
    ),
    # Which card is told next?
    sa.Index(
        "ix_cards_due",
        "channel",
        "priority",
        "due_at",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("card_id", Id, sa.ForeignKey("cards.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False, comment="create | edit"),
    sa.Column("outcome", sa.Text, nullable=False, comment="sent | retry | rejected"),
    sa.Column("status", sa.Integer, comment="HTTP status; NULL when there was no answer"),
    sa.Column("message_id", sa.Text),
    sa.Column("took_ms", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    # The deliveries of one alert's card.
    sa.Index("ix_deliveries_card_id_id", "card_id", "id"),
    # What all routers sent in the last minute: the pace they share.
    sa.Index("ix_deliveries_channel_at", "channel", "at"),
)

paces = sa.Table(
    "paces",
    metadata,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("remaining", sa.Integer, nullable=False, comment="requests Discord still grants it"),
    sa.Column("until", UtcDateTime, nullable=False, comment="when the grant ends and is forgotten"),
    sa.Column("noted_at", UtcDateTime, nullable=False, comment="when the grant was given"),
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
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("source", sa.Text, primary_key=True, comment="whose Watchdog it is"),
    sa.Column("at", UtcDateTime, nullable=False, comment="when it was last heard"),
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
    # Who has taken this incident on?
    sa.Index("ix_acknowledgements_incident_id", "incident_id"),
)
