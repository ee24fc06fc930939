"""alert-router check-config, config and the line of the start."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from alert_router import config
from alert_router.cli import startup
from alert_router.discord.templates import BUILTIN_DIR
from alert_router.settings import Settings, configuration_of
from testbed.commands import command
from testbed.factories import SECRET

EXTERNAL_URL = "https://alerts.example.org"


def check(*args: str, **environment: str) -> tuple[int, str]:
    return command(
        "sqlite://", "check-config", *args, **{"ALERT_ROUTER_EXTERNAL_URL": EXTERNAL_URL, **environment}
    )


@pytest.mark.parametrize("exists", [False, True], ids=["missing", "a file"])
def test_templates_setting_must_be_a_folder(exists: bool, tmp_path: Path) -> None:
    path = tmp_path / "cards"
    if exists:
        path.touch()

    status, output = check(ALERT_ROUTER_TEMPLATES=str(path))

    assert status == 1
    assert f"ALERT_ROUTER_TEMPLATES: Value error, {path} is not a folder" in output


def test_pipeline_settings_are_not_unknown() -> None:
    pipeline = {
        "ALERT_ROUTER_URL": "http://alert-router:8010",
        "ALERT_ROUTER_TOKEN": "one",
        "ALERT_ROUTER_TOKEN_FILE": "/run/secrets/router_token",
    }

    assert check(**pipeline) == (0, "ok\n")
    assert check(**pipeline, ALERT_ROUTER_LISTN="x") == (1, "unknown setting ALERT_ROUTER_LISTN\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{% block title %}\n{{ oops", ":2: unexpected end of template"),
        ("{{ 1 | agoo }}", ":1: No filter named 'agoo'."),
        ('{% extends "defualt.j2" %}', ": there is no defualt.j2"),
        ('{% extends "ApiDown.j2" %}', ": extends itself; the built-in one is ours/default.j2"),
    ],
)
def test_invalid_template_is_reported_with_its_line(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "default.j2").write_text('{% extends "ours/default.j2" %}')
    (tmp_path / "ApiDown.j2").write_text(text)

    status, output = check(ALERT_ROUTER_TEMPLATES=str(tmp_path))

    assert status == 1
    assert output.startswith(f"ALERT_ROUTER_TEMPLATES: ApiDown.j2{fault}")
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{% block title %}\n{{ first.oops.x }}{% endblock %}", ":2: UndefinedError"),
        ("{% block footer %}{{ 1 / (alerts | length - 40) }}{% endblock %}", ":1: ZeroDivisionError"),
    ],
)
def test_template_that_fails_on_a_sample_is_reported_with_its_line(
    text: str, fault: str, tmp_path: Path
) -> None:
    (tmp_path / "ApiDown.j2").write_text(text)

    status, output = check(ALERT_ROUTER_TEMPLATES=str(tmp_path))

    assert status == 1
    assert output.startswith(f"ALERT_ROUTER_TEMPLATES: ApiDown.j2{fault}")


def test_builtin_templates_are_valid() -> None:
    assert check(ALERT_ROUTER_TEMPLATES=str(BUILTIN_DIR)) == (0, "ok\n")


@pytest.mark.parametrize(
    ("url", "warning"),
    [
        ("http://127.0.0.1:8010", "opens on this machine only"),
        ("http://[::1]:8010", "opens on this machine only"),
        ("http://localhost:8010", "opens on this machine only"),
        ("http://alert-router:8010", "Discord refuses links to a host without a dot, alert-router"),
    ],
)
def test_url_that_people_cannot_open_is_a_warning(url: str, warning: str) -> None:
    status, output = check(ALERT_ROUTER_EXTERNAL_URL=url)

    assert status == 0
    assert output.startswith("warning: ALERT_ROUTER_EXTERNAL_URL: ")
    assert warning in output


@pytest.mark.parametrize("url", [EXTERNAL_URL, "http://192.0.2.7:8010", "http://[2001:db8::7]"])
def test_url_that_people_can_open_is_no_warning(url: str) -> None:
    assert check(ALERT_ROUTER_EXTERNAL_URL=url) == (0, "ok\n")


def test_blank_after_the_webhook_is_a_warning() -> None:
    status, output = check(DISCORD_WEBHOOK_URL="https://discord.com/api/webhooks/1/token ")

    assert (status, output) == (
        0,
        "warning: DISCORD_WEBHOOK_URL: the URL has a blank after it; ignored\nok\n",
    )


def test_misspelt_key_is_reported_with_file_line_and_suggestion(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("route:\n  chanel: discord\n  renotify: often\n")

    status, output = check("--config", str(file), ALERT_ROUTER_LISTN="x")

    assert status == 1
    assert f'{file}:2:3: route.chanel: unknown key "chanel"; did you mean "channel"?' in output
    assert f'{file}:3:3: route.renotify: unknown severity "often"' in output
    assert "unknown setting ALERT_ROUTER_LISTN" in output


def test_unreachable_route_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "route:\n  channel: discord\n  routes:\n    - {matchers: [a=b]}\n    - {matchers: [a=b, c=d]}\n"
    )

    status, output = check(ALERT_ROUTER_CONFIG=str(file))

    assert status == 0
    assert f"warning: {file}:5:7: route.routes[1]: is never reached" in output


def test_configuration_is_shown_without_its_secrets(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        f"channels: {{ops: {{webhook_url: 'https://discord.com/api/webhooks/7/{SECRET}'}}}}\n"
        "route: {channel: ops}\n"
    )

    status, output = command("sqlite://", "config", "show", "--config", str(file))

    assert status == 0
    assert "https://discord.com/api/webhooks/7/***" in output
    assert SECRET not in output


def test_schema_of_the_file_is_printed() -> None:
    status, output = command("sqlite://", "config", "schema")

    assert (status, json.loads(output)) == (0, config.json_schema())


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (
            {},
            [
                "database sqlite in memory",
                "channels none but the preview",
                "tokens none",
                "without a webhook",
            ],
        ),
        (
            {
                "database_url": SecretStr(f"postgresql://u:{SECRET}@db/alerts?password={SECRET}"),
                "discord_webhook_url": SecretStr(f"https://discord.com/api/webhooks/1/{SECRET}"),
                "ingest_tokens": (SecretStr(SECRET), SecretStr("two")),
                "external_url": EXTERNAL_URL,
            },
            ["database postgresql db/alerts", "channels discord", "tokens 2", f"public URL {EXTERNAL_URL}"],
        ),
        (
            {"listen": "0.0.0.0:8010", "web_insecure": True},
            ["with --web.insecure everybody who reaches the router may do what needs no credential"],
        ),
    ],
)
def test_start_says_in_one_line_what_it_runs_with(changes: dict[str, Any], parts: list[str]) -> None:
    settings = Settings(**{"database_url": SecretStr("sqlite://"), **changes})

    line = startup.summary(settings, configuration_of(settings))

    assert [part for part in parts if part not in line] == []
    assert SECRET not in line
    assert "\n" not in line
