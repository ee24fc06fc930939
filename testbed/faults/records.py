"""What the campaign leaves behind: the router's history and tables, and the log of the fake Discord."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from alert_router.store.engine import open_store
from alert_router.store.tables import cards, incidents, metadata, quarantine
from testbed.fakes.discord import DiscordState, Message, RequestRecord
from testbed.faults.channels import Channel
from testbed.faults.message_parser import TOKEN
from testbed.faults.plan import Plan
from testbed.faults.scenarios import Group


@dataclass(frozen=True, slots=True)
class HistoryAlert:
    """An alert as GET /alerts shows it."""

    instance: str
    starts_at: datetime
    status: str
    severity: str
    alertname: str
    incident_id: int

    @property
    def key(self) -> tuple[str, datetime]:
        return self.instance, self.starts_at

    @property
    def token(self) -> str:
        return self.instance.partition("-")[0]


@dataclass(frozen=True)
class Tables:
    incidents: Mapping[int, Any]
    cards: Sequence[Any]
    quarantined: Sequence[bytes]
    text: str
    """The content of all tables, to search for secrets."""


@dataclass(frozen=True)
class Records:
    plan: Plan
    history: Sequence[HistoryAlert]
    tables: Tables
    discord: DiscordState
    kills: Sequence[float]
    webhook_id: str | None = None
    """Of the one channel that they are about."""

    def in_channel(self, channel: Channel) -> "Records":
        cards = [card for card in self.tables.cards if card.channel == channel.name]
        return replace(self, tables=replace(self.tables, cards=cards), webhook_id=channel.webhook_id)

    @property
    def creates(self) -> list[RequestRecord]:
        """Those that Discord stored."""
        creates = self.discord.creates
        return [record for record in creates if self.webhook_id in (None, record.webhook_id)]

    @cached_property
    def messages(self) -> Mapping[str, Message]:
        """The deleted ones too."""
        return {message.id: message for message in self.discord.messages(deleted=True)}

    @cached_property
    def alerts_of(self) -> Mapping[int, Sequence[HistoryAlert]]:
        """By incident."""
        alerts: dict[int, list[HistoryAlert]] = {incident_id: [] for incident_id in self.tables.incidents}
        for alert in self.history:
            alerts[alert.incident_id].append(alert)
        return alerts

    @cached_property
    def cards_of(self) -> Mapping[int, Sequence[Any]]:
        """By incident, oldest generation first."""
        cards: dict[int, list[Any]] = {}
        for card in sorted(self.tables.cards, key=lambda card: int(card.generation)):
            if card.incident_id is not None:
                cards.setdefault(card.incident_id, []).append(card)
        return cards

    @cached_property
    def digests(self) -> Mapping[int, Any]:
        """The cards of digests, by digest."""
        return {card.digest_id: card for card in self.tables.cards if card.digest_id is not None}

    def group_of(self, incident_id: int) -> Group:
        """By its labels: an incident whose only alert reopened in a later one has no alerts left."""
        token = TOKEN.search(str(self.tables.incidents[incident_id].group_labels))
        assert token is not None
        return self.plan.by_token[token[0]]


def history_alerts(alerts: Sequence[Mapping[str, Any]]) -> list[HistoryAlert]:
    return [
        HistoryAlert(
            instance=alert["labels"]["instance"],
            starts_at=datetime.fromisoformat(alert["starts_at"]),
            status=alert["status"],
            severity=alert["severity"],
            alertname=alert["alertname"],
            incident_id=alert["incident_id"],
        )
        for alert in alerts
    ]


def tables_of(url: str) -> Tables:
    store = open_store(url)
    try:
        with store.read() as conn:
            rows = {table.name: conn.execute(sa.select(table)).all() for table in metadata.sorted_tables}
    finally:
        store.close()
    return Tables(
        incidents={row.id: row for row in rows[incidents.name]},
        cards=rows[cards.name],
        quarantined=[bytes(row.body) for row in rows[quarantine.name]],
        text="\n".join(str(row) for table in rows.values() for row in table),
    )
