"""The router's health, in words for a person."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from alert_router.domain.model import ChannelName
from alert_router.services.alertmanager_sync import AlertmanagerSync
from alert_router.store.engine import Store, Unavailable


class ChannelStatus(Protocol):
    @property
    def name(self) -> ChannelName: ...

    @property
    def stopped(self) -> str | None:
        """Why the channel accepts nothing; None while it works."""


@dataclass(frozen=True, slots=True)
class Health:
    """By the name of the part; both empty when all is well."""

    not_ready: Mapping[str, str]
    """Alerts cannot be taken in: senders should wait, or go elsewhere."""
    troubles: Mapping[str, str]
    """Alerts are taken in and kept, but a person should look."""


def check(
    store: Store,
    tasks: Mapping[str, asyncio.Task[None]],
    channels: Sequence[ChannelStatus],
    sync: AlertmanagerSync,
) -> Health:
    """Queries the database: not for the event loop."""
    ended = {name: "has stopped" for name, task in tasks.items() if task.done()}
    stopped = {
        f"channel {channel.name}": f"accepts nothing: {channel.stopped}"
        for channel in channels
        if channel.stopped is not None
    }
    unreachable = {f"Alertmanager {url}": "does not answer" for url in sync.unreachable}
    return Health(not_ready={**ended, **_database(store)}, troubles={**stopped, **unreachable})


def _database(store: Store) -> Mapping[str, str]:
    try:
        with store.read() as conn:
            conn.execute(sa.select(1))
    except Unavailable as error:
        return {"database": f"does not answer: {error}"}
    return {}
