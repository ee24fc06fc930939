"""Models and registries for tests."""

from typing import Any

from backend.regmodel.data.source import Origin
from backend.regmodel.model.decision import DecisionKind
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry import summary as summaries
from backend.regmodel.registry.registry import Registry
from backend.regmodel.registry.summary import (
    EvaluationRecord,
    Expected,
    Model,
    ScoreRecord,
    Span,
    Summary,
    with_model,
)
from backend.regmodel.tests.conftest import NOON, at

SPAN = Span(start=at("2020-09-01"), end=at("2020-11-24"))


def make_model(run_id: str, **changes: Any) -> Model:
    scores = EvaluationRecord(
        holdout=ScoreRecord(r2=0.8, rmse=20, mae=10, rows=900), baseline=ScoreRecord(reason="none yet")
    )
    model = Model(
        run_id=run_id,
        model_type=ModelType.RF,
        test_mode=False,
        created_at=NOON,
        fit=SPAN,
        holdout=Span(start=SPAN.end, end=at("2020-12-01")),
        rows=10_000,
        fit_seconds=2.5,
        hyperparameters={},
        data=Origin.GENERATED,
        challenger=scores,
        champion=None,
        champion_run_id=None,
        decision=DecisionKind.DEPLOY,
        reason="the first champion",
        improvement=None,
    )
    return model.model_copy(update=changes)


def add(registry: Registry, run_id: str, *, keep: int = 1_000, **changes: Any) -> Summary:
    model = make_model(run_id, **changes)
    return registry.change(lambda summary: with_model(summary, model, keep=keep), NOON)


def promote(registry: Registry, run_id: str, expected: str | Expected | None = Expected.ANYTHING) -> Summary:
    return registry.change(
        lambda summary: summaries.promote(summary, ModelType.RF, run_id, expected=expected, now=NOON), NOON
    )
