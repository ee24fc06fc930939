"""alert-router check-config, and the settings of every command."""

import os
from typing import NoReturn

import typer

from alert_router import settings as settings_
from alert_router.discord import templates
from alert_router.settings import Settings, SettingsError


def check() -> None:
    """Check the settings and the card templates; exit 1 if any is invalid."""
    settings = load_settings()
    errors = [f"unknown setting {name}" for name in settings_.unknown_names(os.environ)]
    if settings.templates:
        errors += [f"ALERT_ROUTER_TEMPLATES: {fault}" for fault in templates.lint(settings.templates)]
    for error in errors:
        typer.echo(error, err=True)
    if errors:
        raise typer.Exit(1)
    typer.echo("ok")


def load_settings() -> Settings:
    try:
        return settings_.from_environment(os.environ)
    except SettingsError as error:
        fail(str(error))


def fail(reason: str) -> NoReturn:
    typer.echo(f"alert-router: {reason}", err=True)
    raise typer.Exit(1)
