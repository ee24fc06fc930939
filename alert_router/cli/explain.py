"""alert-router explain: why there was, or was not, a new message about an alert."""

from datetime import UTC, datetime
from typing import Annotated

import sqlalchemy as sa
import typer

from alert_router.cli.config import fail, load_settings
from alert_router.cli.database import open_existing
from alert_router.domain.model import Alert
from alert_router.store import alerts, why
from alert_router.store.why import Answer

MAX_DIGITS = 18


def explain(
    which: Annotated[
        str, typer.Argument(metavar="ID|FINGERPRINT", help="The number of an alert, or its fingerprint.")
    ],
) -> None:
    """Say why there was, or was not, a new message about an alert, as the page of the alert does."""
    now = datetime.now(UTC)
    with open_existing(load_settings()) as store, store.read() as conn:
        alert = _find(conn, which)
        if alert is None:
            fail(f"there is no alert {which}")
        answers = why.of(conn, alert, now)
    typer.echo(
        f"{alert.alertname} ({alert.status}), alert {alert.id} since {alert.starts_at:%Y-%m-%d %H:%M} UTC"
    )
    for answer in answers:
        _print(answer)
    if not answers:
        typer.echo("no decision yet")


def _find(conn: sa.Connection, which: str) -> Alert | None:
    """A number is an id before it is a fingerprint; of a fingerprint the newest alert."""
    if which.isascii() and which.isdigit() and len(which) <= MAX_DIGITS:
        found = alerts.by_id(conn, int(which))
        if found is not None:
            return found
    return alerts.newest_of_fingerprint(conn, which)


def _print(answer: Answer) -> None:
    typer.echo(
        f"{answer.channel}: {answer.sentence}" + (f" ({answer.message_url})" if answer.message_url else "")
    )
    for one in answer.decisions:
        typer.echo(f"  {one.at:%Y-%m-%d %H:%M:%S} UTC  {one.sentence}")
