"""Deduplicates and stores alerts, and sends each incident to Discord as one card."""

import typer

from alert_router.cli import cards, config, database, explain, quarantine, render, routes, send_test, server

main = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
main.command()(server.serve)
main.command()(render.render)
main.command("check-config")(config.check)
main.command("send-test")(send_test.send_test)
main.command("explain")(explain.explain)
main.command("ledger")(cards.show_ledger)
main.add_typer(config.app, name="config")
main.add_typer(routes.app, name="routes")
main.add_typer(database.app, name="db")
main.add_typer(cards.dead_letters_app, name="dead-letters")
main.add_typer(quarantine.app, name="quarantine")
