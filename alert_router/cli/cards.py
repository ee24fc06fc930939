"""alert-router ledger and dead-letters."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from alert_router.cli.config import fail, load_settings
from alert_router.cli.database import open_existing
from alert_router.domain.model import DISCORD, PREVIEW
from alert_router.store import dead_letters, ledger

dead_letters_app = typer.Typer(no_args_is_help=True, help="Cards that Discord rejected for good.")


def show_ledger() -> None:
    """Show how many cards were wanted, delivered, pending and dead; exit 1 if they do not balance."""
    settings = load_settings()
    with open_existing(settings) as store, store.read() as conn:
        # The running router's channel: this shell may not have the webhook's secret.
        main = ledger.main_channel(conn) or (DISCORD if settings.discord_webhook_url else PREVIEW)
        balances = {channel: ledger.of(conn, channel) for channel in ledger.channels(conn) or (main,)}
    for channel, balance in balances.items():
        typer.echo(
            f"wanted {balance.wanted} = delivered {balance.delivered} + pending {balance.pending}"
            f" + dead {balance.dead} (channel {channel})"
        )
    if not all(balance.balanced for balance in balances.values()):
        typer.echo("the ledger does not balance", err=True)
        raise typer.Exit(1)


@dead_letters_app.command("list")
def list_dead_letters() -> None:
    """List the cards that Discord rejected for good, oldest first."""
    with open_existing(load_settings()) as store, store.read() as conn:
        for letter in dead_letters.waiting(conn):
            typer.echo(
                f"card {letter.card_id}  channel {letter.channel}  alert {letter.alert_id}  {letter.reason}"
            )


@dead_letters_app.command("replay")
def replay_dead_letters(
    card_ids: Annotated[list[int] | None, typer.Argument(help="Cards to retry; without any: all")] = None,
) -> None:
    """Queue cards again; the running router sends them."""
    with open_existing(load_settings()) as store, store.write() as conn:
        count = dead_letters.replay(conn, datetime.now(UTC), card_ids or None)
    typer.echo(f"{count} queued again")
    if card_ids and count < len(set(card_ids)):
        fail("the others are not dead letters")
