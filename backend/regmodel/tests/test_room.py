"""The room as a whole: its imports, and that its documentation is complete."""

import ast
from pathlib import Path

import pytest

from backend.regmodel.settings import Settings
from backend.regmodel.tests.test_metrics import MORE_METRICS, PLANNED_METRICS

ROOM = Path(__file__).parents[2]
DOCUMENT = (ROOM.parent / "docs" / "MODEL.md").read_text()
OTHER_ROOMS = {"alert_router", "dags", "monitoring", "testbed", "tests"}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def test_backend_imports_no_other_room() -> None:
    offenders = {str(p): names for p in ROOM.rglob("*.py") if (names := imported(p) & OTHER_ROOMS)}

    assert offenders == {}


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`REGMODEL_{name.upper()}`" in DOCUMENT


@pytest.mark.parametrize("name", sorted(PLANNED_METRICS | MORE_METRICS))
def test_every_metric_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCUMENT
