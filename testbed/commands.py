"""Runs the commands as an operator does."""

from typer.testing import CliRunner

from alert_router import cli
from testbed.router_harness import WEBHOOK


def command(url: str, *args: str, **environment: str) -> tuple[int, str]:
    """Status and output, on this database."""
    result = CliRunner().invoke(
        cli.main,
        list(args),
        env={
            "ALERT_ROUTER_DATABASE_URL": url,
            "DISCORD_WEBHOOK_URL": WEBHOOK.get_secret_value(),
            **environment,
        },
    )
    return result.exit_code, result.output
