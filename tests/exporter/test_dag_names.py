"""The names that the exporter shares with dags/ are the same there; the rooms do not import each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.custom_exporters.xcom_metrics import COUNTERS, GAUGES, XComCounter, XComGauge

DAGS = Path(__file__).parents[2] / "dags"
TREES = [ast.parse(path.read_text()) for path in sorted(DAGS.rglob("*.py"))]
SOURCES: list[XComGauge | XComCounter] = [*GAUGES, *COUNTERS]


def functions() -> set[str]:
    """DAGs and tasks are decorated functions, and named like them."""
    found = [node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {node.name for node in found if node.decorator_list}


def texts() -> Iterator[str]:
    """Every string and every field of a class, of which asdict() makes keys."""
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


@pytest.mark.parametrize("dag_id", sorted({source.dag_id for source in SOURCES}))
def test_the_dag_exists(dag_id: str) -> None:
    assert dag_id in functions()


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.metric)
def test_the_key_exists(source: XComGauge | XComCounter) -> None:
    assert source.key in set(texts())


@pytest.mark.parametrize(
    "task_id", sorted({name for one in COUNTERS for name in (one.task_id, one.failing_task) if name})
)
def test_the_task_exists(task_id: str) -> None:
    assert task_id in functions()
