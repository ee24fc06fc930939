"""What is wrong with the router itself, each with the page where a person mends it."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.services.health import Health
from alert_router.store import card_stats, quarantine
from alert_router.web.jinja_filters import counted

OPERATIONS = "/operations"


@dataclass(frozen=True, slots=True)
class Trouble:
    part: str
    """Of the router: "database", "channel ops"."""
    text: str
    url: str
    """Where a person deals with it."""


def of_health(health: Health) -> list[Trouble]:
    """Worst first."""
    return [
        *(Trouble(part, text, OPERATIONS) for part, text in sorted(health.not_ready.items())),
        *(Trouble(part, text, OPERATIONS) for part, text in sorted(health.troubles.items())),
    ]


def of_tables(conn: sa.Connection, configuration: Configuration) -> Iterator[Trouble]:
    """Dead letters and quarantine."""
    dead = card_stats.counts(conn, tuple(configuration.channels))["dead"]
    if dead:
        text = f"{counted(dead, 'message')} rejected by Discord for good: nobody was notified"
        yield Trouble("dead letters", text, "/dead-letters")
    kept = quarantine.size(conn)
    if kept:
        yield Trouble("quarantine", f"{counted(kept, 'message')} could not be read", "/quarantine")
