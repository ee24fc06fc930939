"""The names that the exporter shares with dags/ exist there; neither imports the other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.custom_exporters.xcom_metrics import COUNTERS, GAUGES, XComCounter, XComGauge

DAGS = Path(__file__).parents[2] / "dags"
TREES = [ast.parse(path.read_text()) for path in sorted(DAGS.rglob("*.py"))]
SOURCES: list[XComGauge | XComCounter] = [*GAUGES, *COUNTERS]


def names() -> set[str]:
    """DAGs and tasks are decorated functions, and named like them; an operator has a task_id."""
    nodes = [node for tree in TREES for node in ast.walk(tree)]
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.decorator_list}
    keywords = [node for node in nodes if isinstance(node, ast.keyword) and node.arg == "task_id"]
    return functions | {str(word.value.value) for word in keywords if isinstance(word.value, ast.Constant)}


def texts() -> Iterator[str]:
    """Every string and every field of a class, of which asdict() makes keys."""
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


@pytest.mark.parametrize("dag_id", sorted({source.dag_id for source in SOURCES}))
def test_dag_exists(dag_id: str) -> None:
    assert dag_id in names()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.metric)
def test_xcom_key_exists(source: XComGauge | XComCounter) -> None:
    assert source.key in set(texts())


@pytest.mark.parametrize(
    "task_id",
    sorted({name for counter in COUNTERS for name in (counter.task_id, counter.failing_task) if name}),
)
def test_task_exists(task_id: str) -> None:
    assert task_id in names()
