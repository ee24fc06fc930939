"""Promises about the room as a whole: what it imports, and that its documentation is complete."""

import ast
from pathlib import Path

import pytest

from backend.regmodel.settings import Settings
from backend.regmodel.tests.test_metrics import TWELVE

ROOM = Path(__file__).parents[2]
DOCUMENT = (ROOM.parent / "docs" / "MODEL.md").read_text()
OTHER_ROOMS = {"alert_router", "dags", "monitoring", "demo"}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def test_the_rooms_speak_over_http_only() -> None:
    offenders = {str(path): found for path in ROOM.rglob("*.py") if (found := imported(path) & OTHER_ROOMS)}

    assert offenders == {}


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`REGMODEL_{name.upper()}`" in DOCUMENT


@pytest.mark.parametrize("name", sorted(TWELVE))
def test_every_metric_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCUMENT
