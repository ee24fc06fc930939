"""alert-router check-config says beforehand what would be wrong when an alert comes."""

from pathlib import Path

import pytest

from alert_router.discord.templates import BUILTIN_DIR
from testbed.commands import command


def check(**environment: str) -> tuple[int, str]:
    return command("sqlite://", "check-config", **environment)


@pytest.mark.parametrize("made", [False, True], ids=["nothing", "a file"])
def test_the_templates_must_be_a_folder(made: bool, tmp_path: Path) -> None:
    path = tmp_path / "cards"
    if made:
        path.touch()

    status, said = check(ALERT_ROUTER_TEMPLATES=str(path))

    assert status == 1
    assert f"ALERT_ROUTER_TEMPLATES: Value error, {path} is no folder" in said


def test_what_the_pipeline_needs_in_the_same_environment_is_no_misspelling() -> None:
    pipelines = {
        "ALERT_ROUTER_URL": "http://alert-router:8010",
        "ALERT_ROUTER_TOKEN": "one",
        "ALERT_ROUTER_TOKEN_FILE": "/run/secrets/router_token",
    }

    assert check(**pipelines) == (0, "ok\n")
    assert check(**pipelines, ALERT_ROUTER_LISTN="x") == (1, "ALERT_ROUTER_LISTN: no setting of ours\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{% block title %}\n{{ oops", ":2: unexpected end of template"),
        ("{{ 1 | agoo }}", ":1: No filter named 'agoo'."),
        ('{% extends "defualt.j2" %}', ": there is no defualt.j2"),
        ('{% extends "ApiDown.j2" %}', ": extends itself; ours is ours/default.j2"),
    ],
)
def test_a_template_that_cannot_be_read_is_named_with_its_line(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "default.j2").write_text('{% extends "ours/default.j2" %}')
    (tmp_path / "ApiDown.j2").write_text(text)

    status, said = check(ALERT_ROUTER_TEMPLATES=str(tmp_path))

    assert status == 1
    assert said.startswith(f"ALERT_ROUTER_TEMPLATES: ApiDown.j2{fault}")
    assert len(said.splitlines()) == 1


def test_nothing_is_wrong_with_ours() -> None:
    assert check(ALERT_ROUTER_TEMPLATES=str(BUILTIN_DIR)) == (0, "ok\n")
