"""How the router is, in words for the person who looks."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.delivery import DeliveryWorker
from alert_router.services.alertmanager_sync import Reconcile
from alert_router.store.engine import Store, Unavailable


@dataclass(frozen=True, slots=True)
class Health:
    """By the name of the part; both empty when all is well."""

    not_ready: Mapping[str, str]
    """Alerts cannot be taken in: senders should go elsewhere, or wait."""
    troubles: Mapping[str, str]
    """Alerts are taken in and kept, but a person should look."""


def examine(
    store: Store,
    tasks: Mapping[str, asyncio.Task[None]],
    deliveries: Sequence[DeliveryWorker],
    reconcile: Reconcile,
) -> Health:
    """Asks the database: not for the event loop."""
    stopped = {name: "has stopped" for name, task in tasks.items() if task.done()}
    closed = {
        f"channel {delivery.name}": f"takes nothing: {delivery.stopped}"
        for delivery in deliveries
        if delivery.stopped is not None
    }
    away = {f"Alertmanager {url}": "does not answer" for url in reconcile.away}
    return Health(not_ready={**stopped, **_database(store)}, troubles={**closed, **away})


def _database(store: Store) -> Mapping[str, str]:
    try:
        with store.read() as conn:
            conn.execute(sa.select(1))
    except Unavailable as error:
        return {"database": f"does not answer: {error}"}
    return {}
