"""The commands, as an operator runs them."""

from typer.testing import CliRunner

from alert_router import cli
from testbed.router_harness import WEBHOOK


def command(url: str, *words: str, **environment: str) -> tuple[int, str]:
    """Status and output, on this database."""
    said = CliRunner().invoke(
        cli.main,
        list(words),
        env={
            "ALERT_ROUTER_DATABASE_URL": url,
            "DISCORD_WEBHOOK_URL": WEBHOOK.get_secret_value(),
            **environment,
        },
    )
    return said.exit_code, said.output
