"""The current champions, loaded. A forecast in progress keeps the model it started with."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.forecaster import Forecaster
from backend.regmodel.registry.registry import Change, Registry
from backend.regmodel.registry.summary import Model, Summary

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    model: Model
    forecaster: Forecaster


class Champions:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._summary = Summary()
        self._loaded: Mapping[ModelType, LoadedModel] = {}
        self._error: str | None = None
        self._refreshing = threading.Lock()

    @property
    def summary(self) -> Summary:
        return self._summary

    @property
    def error(self) -> str | None:
        """Why the last look at the registry failed; the champions loaded before it stay in service."""
        return self._error

    def get(self, model_type: ModelType) -> LoadedModel | None:
        return self._loaded.get(model_type)

    def types(self) -> tuple[ModelType, ...]:
        return tuple(sorted(self._loaded))

    def refresh(self) -> None:
        """Load the models promoted since the last refresh. Never raises: see `error`."""
        with self._refreshing:
            try:
                self._apply(self.registry.current())
                self._error = None
            except Exception as failure:  # noqa: BLE001 - drivers of object stores raise what they like
                log.warning("the registry cannot be read: %r", failure)
                self._error = str(failure) or type(failure).__name__

    def change(self, change: Change, now: datetime) -> Summary:
        """Change the registry; when this returns, /predict uses the new champions."""
        summary = self.registry.change(change, now)
        self.refresh()
        return summary

    def _apply(self, summary: Summary) -> None:
        if summary.version == self._summary.version:
            return
        self._loaded = {
            model_type: loaded
            for model_type in summary.champions
            if (loaded := self._load(summary, model_type)) is not None
        }
        self._summary = summary

    def _load(self, summary: Summary, model_type: ModelType) -> LoadedModel | None:
        model, before = summary.champion(model_type), self._loaded.get(model_type)
        if model is None:
            return None
        if before is not None and before.model.run_id == model.run_id:
            return before
        return LoadedModel(model, self.registry.load(model.run_id))
