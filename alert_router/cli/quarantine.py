"""alert-router quarantine."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from alert_router.cli.config import fail, load_settings
from alert_router.cli.database import open_existing
from alert_router.store import quarantine

MAX_SHOWN_BYTES = 200
app = typer.Typer(no_args_is_help=True, help="Bodies and alerts that could not be parsed.")


@app.command("list")
def list_waiting() -> None:
    """List what needs attention, oldest first: the reason, and the start of the body."""
    with open_existing(load_settings()) as store, store.read() as conn:
        for item in quarantine.waiting(conn, max_bytes=MAX_SHOWN_BYTES):
            refused = item.refused
            typer.echo(
                f"{item.id}  {refused.at:%Y-%m-%d %H:%M:%S}Z  {refused.source}  {_printable(refused.reason)}"
            )
            typer.echo(f"    {_printable(refused.body.decode(errors='replace'))}")


@app.command("done")
def resolve(
    ids: Annotated[list[int] | None, typer.Argument(help="Ids as shown by `list`")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them")] = False,
) -> None:
    """Mark items as dealt with: they are no longer counted, and stay in the database."""
    if bool(ids) == every:
        fail("pass ids or --all")
    with open_existing(load_settings()) as store, store.write() as conn:
        count = quarantine.resolve(conn, datetime.now(UTC), ids or None)
    typer.echo(f"{count} done")
    if ids and count < len(set(ids)):
        fail("the others are not waiting in the quarantine")


def _printable(text: str) -> str:
    """On one line, without control characters that a terminal obeys: the text is a sender's."""
    return "".join(char if char.isprintable() else " " for char in text)
