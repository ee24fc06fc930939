"""alert-router routes test: what becomes of one alert, or of the alerts of the last weeks."""

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from alert_router.cli import route_words
from alert_router.cli.config import ConfigOption, fail, load_configuration, load_settings
from alert_router.cli.database import open_existing
from alert_router.config import Configuration, durations
from alert_router.config.problems import suggestion
from alert_router.services import replay_report, route_test
from alert_router.services.replay import replay
from alert_router.services.replay_report import ReplayReport
from alert_router.settings import Settings
from alert_router.store import past

app = typer.Typer(no_args_is_help=True, help="Channels, mentions and timing of alerts.")


@app.callback()
def routes() -> None:
    """Keeps `test` a command of its own beside which others may come."""


@app.command("test")
def try_routes(
    labels: Annotated[
        list[str] | None, typer.Argument(help="Labels of an alert: severity=critical team=shop")
    ] = None,
    since: Annotated[
        str, typer.Option(help="Instead of labels: the stored alerts of this time, such as 30d")
    ] = "",
    channel: Annotated[str, typer.Option(help="The channel that the sender names in its URL")] = "",
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Show where an alert goes and why, or what the alerts of the last weeks would have caused."""
    if bool(labels) == bool(since):
        fail("pass labels such as severity=critical team=shop, or --since 30d")
    settings = load_settings(config)
    configuration = load_configuration(settings)
    if since:
        lines = _replayed(settings, configuration, since, as_json=as_json)
    else:
        lines = _tried(configuration, labels or [], channel, as_json=as_json)
    for line in lines:
        typer.echo(line)


def _tried(
    configuration: Configuration, texts: Sequence[str], channel: str, *, as_json: bool
) -> Iterator[str]:
    if channel and channel not in configuration.channels:
        fail(f'unknown channel "{channel}"{suggestion(channel, sorted(configuration.channels))}')
    labels = dict(map(_label, texts))
    answer = route_test.answer(configuration, labels, datetime.now(UTC), sent_to=channel)
    if as_json:
        yield _json(route_words.answer_json(answer, labels))
    else:
        yield from route_words.answer_lines(answer, configuration)


def _replayed(
    settings: Settings, configuration: Configuration, since: str, *, as_json: bool
) -> Iterator[str]:
    report = _report(settings, configuration, since)
    if as_json:
        yield _json(route_words.report_json(report))
    else:
        yield from route_words.report_lines(report)


def _report(settings: Settings, configuration: Configuration, since: str) -> ReplayReport:
    now = datetime.now(UTC)
    try:
        start = now - durations.parse(since)
    except (ValueError, OverflowError) as error:
        fail(f"--since: {error}")
    with open_existing(settings) as store, store.read() as conn, _no_garbage_collection():
        alerts = past.alerts_since(conn, start)
        result = replay(alerts, past.transitions_since(conn, start), configuration, until=now)
    return replay_report.report(result, alerts, configuration, since=start, until=now)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What a replay makes is kept until its end: to search it for garbage takes a sixth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        fail(f"{text!r} is not a label; write it like severity=critical")
    return name.strip(), value.strip().strip('"')


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
