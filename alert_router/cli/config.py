"""alert-router check-config and config; the settings and the configuration of every command."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from alert_router import config as config_
from alert_router import settings as settings_
from alert_router.cli import startup
from alert_router.config import ConfigError, Configuration
from alert_router.discord import samples, templates
from alert_router.settings import Settings, SettingsError
from alert_router.web.access import Access

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Instead of the file ALERT_ROUTER_CONFIG", show_default=False)
]
app = typer.Typer(no_args_is_help=True, help="The configuration in effect, and its format.")


def check(config: ConfigOption = None) -> None:
    """Check the settings, the configuration and the card templates; exit 1 if any is invalid."""
    settings = load_settings(config)
    configuration, errors = _loaded(settings)
    errors = [*_errors(settings), *errors]
    for error in errors:
        typer.echo(error, err=True)
    warnings = startup.warnings(settings, os.environ, configuration) if configuration else ()
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    if errors:
        raise typer.Exit(1)
    typer.echo("ok")


@app.command("show")
def show(config: ConfigOption = None) -> None:
    """Show the configuration in effect as a file, with what each route inherits; secrets are left out."""
    typer.echo(config_.show(load_configuration(load_settings(config))), nl=False)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    typer.echo(json.dumps(config_.json_schema(), indent=2))


def _errors(settings: Settings) -> Iterator[str]:
    try:
        guarded = Access(lambda: settings).current.guarded
    except ConfigError as error:
        yield from map(str, error.problems)
    else:
        yield from [reason] if (reason := startup.too_open(settings, guarded)) else []
    yield from (f"unknown setting {name}" for name in settings_.unknown_names(os.environ))
    if settings.templates:
        yield from (f"ALERT_ROUTER_TEMPLATES: {fault}" for fault in _template_faults(settings.templates))


def _template_faults(folder: Path) -> list[str]:
    return templates.lint(folder, samples.cards(), samples.digests())


def _loaded(settings: Settings) -> tuple[Configuration | None, list[str]]:
    try:
        return settings_.configuration_of(settings), []
    except ConfigError as error:
        return None, [str(problem) for problem in error.problems]


def load_settings(config: Path | None = None) -> Settings:
    """config: the file to use instead of the setting's."""
    try:
        settings = settings_.from_environment(os.environ)
    except SettingsError as error:
        fail(str(error))
    return settings.model_copy(update={"config_file": config}) if config else settings


def load_configuration(settings: Settings) -> Configuration:
    try:
        return settings_.configuration_of(settings)
    except ConfigError as error:
        fail(str(error))


def fail(reason: str) -> NoReturn:
    typer.echo(f"alert-router: {reason}", err=True)
    raise typer.Exit(1)
