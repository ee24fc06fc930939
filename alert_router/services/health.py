"""The router's health, in words for a person."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from alert_router.config import ConfigurationHolder
from alert_router.domain.model import ChannelName
from alert_router.services.alertmanager_sync import AlertmanagerSync
from alert_router.services.reload import Reload
from alert_router.services.sender_problems import SenderProblems
from alert_router.store import card_stats
from alert_router.store.engine import Store, Unavailable
from alert_router.store.write_outcomes import WriteOutcomes


class Channels(Protocol):
    @property
    def troubles(self) -> Mapping[str, str]:
        """By channel, why it delivers nothing."""


@dataclass(frozen=True, slots=True)
class Health:
    """By the name of the part; both empty when all is well."""

    not_ready: Mapping[str, str]
    """Alerts cannot be taken in: senders should wait, or go elsewhere."""
    troubles: Mapping[str, str]
    """Alerts are taken in and kept, but a person should look."""


def database_fault(store: Store, outcomes: WriteOutcomes) -> str | None:
    """Why no alert can be stored, in words for everybody; None: the last write succeeded."""
    lost = store.file.lost() if store.file else None
    return lost or outcomes.failure


def check(
    store: Store,
    outcomes: WriteOutcomes,
    tasks: Mapping[str, asyncio.Task[None]],
    channels: Channels,
    configuration: ConfigurationHolder,
    sync: AlertmanagerSync,
    reload: Reload,
    sender_problems: SenderProblems,
) -> Health:
    """Queries the database: not for the event loop."""
    ended = {name: "has stopped" for name, task in tasks.items() if task.done()}
    unreachable = {f"Alertmanager {url}": "does not answer" for url in sync.unreachable}
    fault = database_fault(store, outcomes)
    orphans: Mapping[str, str] = {}
    try:
        with store.read() as conn:
            orphans = _orphans(conn, configuration.current.channels)
    except Unavailable as error:
        fault = fault or error.reason
    no_database = {"database": f"{fault}; alerts are refused with 503 until it is mended"} if fault else {}
    return Health(
        not_ready={**ended, **no_database},
        troubles={
            **channels.troubles,
            **orphans,
            **unreachable,
            **reload.troubles(),
            **sender_problems.troubles(),
        },
    )


def _orphans(conn: sa.Connection, channels: Collection[ChannelName]) -> Mapping[str, str]:
    """Cards that wait for a channel which is not configured."""
    return {
        f"channel {name}": f"is not configured; cards that wait for it: {count}"
        for name, count in card_stats.pending_elsewhere(conn, channels).items()
    }
