"""The content of summary.json: champions, models with their scores, promotions. Values and pure changes."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from backend.regmodel.data.counts import Window
from backend.regmodel.data.source import Origin
from backend.regmodel.model.decision import DecisionKind, Evaluation
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.scores import NotComputed, Scores


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Frozen):
    start: AwareDatetime
    end: AwareDatetime

    @classmethod
    def of(cls, window: Window) -> "Span":
        return cls(start=window.start, end=window.end)

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)


class ScoreRecord(Frozen):
    """Numbers are null where they could not be computed, and `reason` says why."""

    r2: float | None = None
    rmse: float | None = None
    mae: float | None = None
    rows: int = 0
    reason: str | None = None

    @classmethod
    def of(cls, scores: Scores | NotComputed) -> "ScoreRecord":
        if isinstance(scores, NotComputed):
            return cls(reason=scores.reason)
        return cls(r2=scores.r2, rmse=scores.rmse, mae=scores.mae, rows=scores.rows)


class EvaluationRecord(Frozen):
    holdout: ScoreRecord
    baseline: ScoreRecord

    @classmethod
    def of(cls, evaluation: Evaluation) -> "EvaluationRecord":
        return cls(holdout=ScoreRecord.of(evaluation.holdout), baseline=ScoreRecord.of(evaluation.baseline))


class Model(Frozen):
    run_id: str
    model_type: ModelType
    test_mode: bool
    created_at: AwareDatetime
    fit: Span
    holdout: Span
    rows: int
    fit_seconds: float
    hyperparameters: dict[str, Any]
    data: Origin
    challenger: EvaluationRecord
    champion: EvaluationRecord | None
    """The champion at that time, on the same rows."""
    left_out: Span | None = None
    """The baseline set left out of the fit; None also for models from before this field existed."""
    champion_run_id: str | None
    decision: DecisionKind
    reason: str
    improvement: float | None


class Promotion(Frozen):
    at: AwareDatetime
    model_type: ModelType
    run_id: str
    replaced: str | None


class Summary(Frozen):
    version: int = 0
    written_at: AwareDatetime | None = None
    baseline: Span | None = None
    champions: Mapping[ModelType, str] = {}
    models: tuple[Model, ...] = ()
    """Oldest first."""
    promotions: tuple[Promotion, ...] = ()

    def model(self, run_id: str) -> Model | None:
        return next((model for model in self.models if model.run_id == run_id), None)

    def champion(self, model_type: ModelType) -> Model | None:
        run_id = self.champions.get(model_type)
        return None if run_id is None else self.model(run_id)


class Expected(Enum):
    ANYTHING = "any champion, or none"


class PromotionRefused(Exception):
    """The message says why this model may not be champion."""


class UnknownModel(PromotionRefused):
    pass


def with_model(summary: Summary, model: Model, *, keep: int) -> Summary:
    """Add the model; beyond `keep` remove the oldest that is not a champion."""
    models = [*(m for m in summary.models if m.run_id != model.run_id), model]
    removable = [m for m in models[:-1] if m.run_id not in summary.champions.values()]
    removed = {m.run_id for m in removable[: max(len(models) - keep, 0)]}
    return summary.model_copy(update={"models": tuple(m for m in models if m.run_id not in removed)})


def promote(
    summary: Summary, model_type: ModelType, run_id: str, *, expected: str | Expected | None, now: datetime
) -> Summary:
    """Make the model champion. `expected` guards against a promotion decided on an older champion.

    None expects that there is no champion. Promoting the present champion again changes nothing.
    """
    model = summary.model(run_id)
    if model is None:
        raise UnknownModel(f"the registry holds no model {run_id}")
    if model.model_type != model_type:
        raise PromotionRefused(f"{run_id} is of type {model.model_type}, not {model_type}")
    if model.test_mode:
        raise PromotionRefused(f"{run_id} was trained in test_mode and can never be champion")
    current = summary.champions.get(model_type)
    if current == run_id:
        return summary
    if expected not in (Expected.ANYTHING, current):
        raise PromotionRefused(
            f"the champion is {_name_of(current)}, not {_name_of(expected)}: read /model_summary again"
        )
    promotion = Promotion(at=now, model_type=model_type, run_id=run_id, replaced=current)
    return summary.model_copy(
        update={
            "champions": {**summary.champions, model_type: run_id},
            "promotions": (*summary.promotions, promotion)[-200:],
            "baseline": _baseline(summary, model),
        }
    )


def _baseline(summary: Summary, model: Model) -> Span:
    """The first champion's holdout; recorded counts replace one of the generated year."""
    chosen = (m for m in summary.models if m.holdout == summary.baseline and m.data is Origin.GENERATED)
    is_generated = next(chosen, None) is not None
    if summary.baseline is None or (is_generated and model.data is not Origin.GENERATED):
        return model.holdout
    return summary.baseline


def _name_of(champion: str | Expected | None) -> str:
    return "none" if champion is None else str(champion)
