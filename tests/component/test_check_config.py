"""alert-router check-config reports invalid settings and templates."""

from pathlib import Path

import pytest

from alert_router.discord.templates import BUILTIN_DIR
from testbed.commands import command


def check(**environment: str) -> tuple[int, str]:
    return command("sqlite://", "check-config", **environment)


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


def test_builtin_templates_are_valid() -> None:
    assert check(ALERT_ROUTER_TEMPLATES=str(BUILTIN_DIR)) == (0, "ok\n")
