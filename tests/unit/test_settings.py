"""Settings from the environment and from secret files."""

from datetime import timedelta
from pathlib import Path

import pytest

from alert_router.domain.model import Mentions
from alert_router.domain.severity import Severity
from alert_router.settings import (
    SECRETS,
    Settings,
    SettingsError,
    configuration_of,
    from_environment,
    ignored_characters,
)
from testbed.factories import SECRET

VALID = {
    "DISCORD_WEBHOOK_URL": f"https://discord.com/api/webhooks/1/{SECRET}",
    "DISCORD_FALLBACK_WEBHOOK_URL": f"https://discord.com/api/webhooks/2/{SECRET}",
    "ALERT_ROUTER_DATABASE_URL": f"postgresql://u:{SECRET}@db/alerts",
    "ALERT_ROUTER_INGEST_TOKENS": SECRET,
    "ALERT_ROUTER_USERS": f"ada:{SECRET}",
    "ALERT_ROUTER_LINK_KEY": SECRET.ljust(32, "k"),
}


def test_empty_variables_count_as_unset() -> None:
    names = [field.alias or "" for field in Settings.model_fields.values()]

    assert from_environment(dict.fromkeys([*names, *(f"{name}_FILE" for name in SECRETS)], "")) == Settings()


@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_read_from_its_file(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{VALID[name]}\n")

    assert from_environment({f"{name}_FILE": str(file)}) == from_environment({name: VALID[name]})


@pytest.mark.parametrize("name", SECRETS)
def test_secret_in_variable_and_file_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({name: VALID[name], f"{name}_FILE": str(tmp_path)})

    assert str(caught.value) == f"{name} and {name}_FILE are both set; keep one"


def test_missing_secret_file_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({"DISCORD_WEBHOOK_URL_FILE": "/nowhere/webhook"})

    assert str(caught.value) == "DISCORD_WEBHOOK_URL_FILE: No such file or directory: /nowhere/webhook"


def test_binary_secret_file_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe" + SECRET.encode())

    with pytest.raises(SettingsError) as caught:
        from_environment({"ALERT_ROUTER_INGEST_TOKENS_FILE": str(file)})

    assert str(caught.value) == f"ALERT_ROUTER_INGEST_TOKENS_FILE: not a text file: {file}"


def test_every_invalid_variable_is_named_and_no_value_quoted() -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({"DISCORD_WEBHOOK_URL": SECRET, "ALERT_ROUTER_LISTEN": SECRET})

    assert "DISCORD_WEBHOOK_URL: " in str(caught.value)
    assert "ALERT_ROUTER_LISTEN: " in str(caught.value)
    assert SECRET not in str(caught.value)


def test_settings_do_not_show_their_secrets() -> None:
    settings = from_environment(VALID)

    assert SECRET not in f"{settings!r} {settings}"


def test_constructing_settings_ignores_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_ROUTER_LISTEN", "0.0.0.0:1")

    assert Settings().listen == "127.0.0.1:8010"


def test_list_is_parsed() -> None:
    settings = from_environment({"ALERTMANAGER_URL": "http://am-1:9093/, http://am-2:9093"})

    assert settings.alertmanager_urls == ("http://am-1:9093", "http://am-2:9093")


def test_variables_make_the_configuration() -> None:
    settings = from_environment(
        {
            "DISCORD_WEBHOOK_URL": VALID["DISCORD_WEBHOOK_URL"],
            "ALERT_ROUTER_REMIND_EVERY": "critical=4h,Warning=1d",
            "ALERT_ROUTER_MENTIONS": "page=role:777",
            "ALERT_ROUTER_FLAP_WINDOW_SECONDS": "60",
        }
    )

    route = configuration_of(settings).route

    assert route.channel == "discord"
    assert route.policy.mentions == {Severity.CRITICAL: Mentions(roles=("777",))}
    notify = route.policy.notify
    assert notify.remind_every == {Severity.CRITICAL: timedelta(hours=4), Severity.WARNING: timedelta(days=1)}
    assert notify.flap_window == timedelta(minutes=1)


def test_root_of_the_file_replaces_what_the_variables_say(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("route: {channel: preview, remind_every: {warning: 1d}}\n")
    environ = {"ALERT_ROUTER_CONFIG": str(file), "ALERT_ROUTER_MENTIONS": "critical=here"}

    policy = configuration_of(from_environment(environ)).route.policy

    assert policy.notify.remind_every == {Severity.WARNING: timedelta(days=1)}
    assert policy.mentions == {Severity.CRITICAL: Mentions(here=True)}


@pytest.mark.parametrize("around", [" ", "\n", "\u200b", "\ufeff"])
def test_invisible_characters_around_the_webhook_are_ignored(around: str) -> None:
    environ = {"DISCORD_WEBHOOK_URL": f"{around}{VALID['DISCORD_WEBHOOK_URL']}{around}"}

    settings = from_environment(environ)

    assert settings == from_environment({"DISCORD_WEBHOOK_URL": VALID["DISCORD_WEBHOOK_URL"]})
    assert [problem.file for problem in ignored_characters(environ)] == ["DISCORD_WEBHOOK_URL"]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/ID/TOKEN", "is a placeholder"),
        ("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/abc/y", 'its id, "abc", is not a number'),
        ("DISCORD_WEBHOOK_URL", f"https://discord.com/api/webhooks/{SECRET}/1", "its id is not a number"),
        ("ALERT_ROUTER_MENTIONS", "critcal=here", 'unknown severity "critcal"; did you mean "critical"?'),
        ("ALERT_ROUTER_REMIND_EVERY", "critical=4", 'critical=4: "4" is not a duration'),
    ],
)
def test_invalid_channel_variable_is_explained(variable: str, value: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment({variable: value})

    assert f"{variable}: Value error, {reason}" in str(caught.value)
    assert SECRET not in str(caught.value)
