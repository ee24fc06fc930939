"""The model service as the pipeline's DAGs talk to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from testbed.processes import until

MODEL = "rf"
# Enough for a good model, and trained in seconds on two cores.
HYPERPARAMETERS = {"n_estimators": 10}


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, UTC."""

    start: str
    end: str

    def body(self) -> dict[str, str]:
        return {"start": f"{self.start}T00:00:00Z", "end": f"{self.end}T00:00:00Z"}


class ModelService:
    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)

    def close(self) -> None:
        self._http.close()

    def train(self, span: Span, *, test_mode: bool = False) -> Mapping[str, Any]:
        """The finished run, whichever way it went: `state`, `reason`, `result`."""
        body = {
            "model_type": MODEL,
            **span.body(),
            "test_mode": test_mode,
            "promote_if_better": not test_mode,
            "hyperparameters": HYPERPARAMETERS,
        }
        run_id = self._post("/train", body)["run_id"]
        run: dict[str, Any] = {}

        def finished() -> bool:
            run.update(self._get(f"/train/{run_id}"))
            return run["finished_at"] is not None

        until(finished, f"training {run_id} ends", within_s=120)
        return run

    def promote(self, run_id: str) -> None:
        self._post("/promote_champion", {"model_type": MODEL, "run_id": run_id})

    def evaluate(self, span: Span) -> Mapping[str, Any]:
        """Scores the champion on the window and sets its gauges."""
        return self._post("/evaluate", {"model_type": MODEL, **span.body()})

    def monitor(self, span: Span) -> Mapping[str, Any]:
        """Compares the window with what the champion was fitted on and sets the drift gauges."""
        return self._post("/monitor", {"model_type": MODEL, **span.body()})

    def post_counts(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._post("/observations", {"rows": rows})

    def data_source(self) -> str:
        return str(self._get("/health")["data"]["source"])

    def _get(self, path: str) -> dict[str, Any]:
        response = self._http.get(path)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        response = self._http.post(path, json=body)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found
