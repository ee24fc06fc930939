"""The model service's HTTP API: a method per request, its answer as a frozen value.

The only module that knows the service's field names.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from tenacity.nap import sleep

from dags.pipeline.forecasts import Point
from dags.pipeline.retry import RetryPolicy, Sleep
from dags.pipeline.settings import Settings

RETRY_POLICY = RetryPolicy(attempts=4, first_wait_s=1.0, max_wait_s=30.0)
TIMEOUT = httpx.Timeout(10.0, read=180.0)
"""/evaluate and /monitor compute before they answer; the service gives up after two minutes itself."""
CURRENT = timedelta(days=7)
"""The window that is measured: a whole week, because a weekend alone would look like drift."""
TEST_DAYS = 60
"""A test_mode training must be quick."""
NO_CHAMPION = "there is no champion yet"


class Refused(Exception):
    """The service refuses a valid request; a repetition changes nothing. The text is its reason."""


@dataclass(frozen=True, slots=True)
class Forecast:
    values: tuple[float, ...]
    """In the order of the points."""
    unknown_counters: tuple[str, ...]
    champion_run_id: str | None
    data_age_hours: float | None = None
    """Since the newest count the service has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """share is None when it could not be computed; reason says why."""

    share: float | None = None
    detected: bool | None = None
    drifted_features: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """r2 is None when it could not be computed; reason says why."""

    r2: float | None = None
    rmse: float | None = None
    mae: float | None = None
    rows: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    run_id: str
    state: str
    error: str | None = None
    interrupted: bool = False
    """It failed because the service stopped: the same key orders it again."""
    decision: str | None = None
    reason: str | None = None
    improvement: float | None = None
    champion_run_id: str | None = None
    """The champion it was compared with."""
    new_r2: float | None = None
    old_r2: float | None = None
    fit_seconds: float | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("succeeded", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The service's registry, for a single model type."""

    champion_run_id: str | None = None
    trained_until: datetime | None = None
    """The end of the newest training window, deployed or not; test_mode trainings do not count."""
    is_empty: bool = False
    """No model of any type: the service is new or has lost its state."""


@dataclass(frozen=True, slots=True)
class Observation:
    counter_id: str
    hour: datetime
    count: int


@dataclass(frozen=True, slots=True)
class ModelApi:
    client: httpx.Client
    model_type: str
    train_days: int = 365
    sleep: Sleep = sleep
    retry_policy: RetryPolicy = RETRY_POLICY

    def champion_run_id(self) -> str | None:
        return self.registry().champion_run_id

    def registry(self) -> Registry:
        answer = self._request("GET", "/model_summary")
        models = (model for model in answer["models"] if model["model_type"] == self.model_type)
        ends = (datetime.fromisoformat(model["holdout"]["end"]) for model in models if not model["test_mode"])
        return Registry(
            champion_run_id=answer["champions"].get(self.model_type),
            trained_until=max(ends, default=None),
            is_empty=not answer["champions"] and not answer["models"],
        )

    def observe(self, observations: Sequence[Observation]) -> None:
        """Sending them again is harmless."""
        rows = [
            {"counter_id": row.counter_id, "at": row.hour.isoformat(), "count": row.count}
            for row in observations
        ]
        self._request("POST", "/observations", {"rows": rows})

    def predict(self, points: Sequence[Point]) -> Forecast:
        rows = [{"counter_id": point.counter_id, "at": point.hour.isoformat()} for point in points]
        answer = self._request("POST", "/predict", {"model_type": self.model_type, "rows": rows})
        values = tuple(float(row["count"]) for row in answer["predictions"])
        return Forecast(
            values,
            tuple(answer["unknown_counters"]),
            answer["champion_run_id"],
            answer.get("data_age_hours"),
        )

    def monitor(self, now: datetime) -> Drift:
        """The last week against the data the champion was fitted on."""
        answer = self._request("POST", "/monitor", self._week_before(now))
        return Drift(
            share=answer["drift_share"],
            detected=answer["drift_detected"],
            drifted_features=tuple(answer["drifted_features"]),
            reason=answer["reason"],
        )

    def evaluate(self, now: datetime) -> Evaluation:
        answer = self._request("POST", "/evaluate", self._week_before(now))
        return Evaluation(**{name: answer[name] for name in ("r2", "rmse", "mae", "rows", "reason")})

    def train(self, now: datetime, *, test_mode: bool, key: str) -> Training:
        """key: of this run, so that a repeated task finds the training it started."""
        days = TEST_DAYS if test_mode else self.train_days
        body = {
            "model_type": self.model_type,
            "test_mode": test_mode,
            "start": (now - timedelta(days=days)).isoformat(),
            "end": now.isoformat(),
        }
        return _training(self._request("POST", "/train", body, {"Idempotency-Key": key}))

    def training(self, run_id: str) -> Training:
        return _training(self._request("GET", f"/train/{run_id}"))

    def promote(self, run_id: str, *, expected_champion: str | None) -> None:
        """Raises Refused when the champion is no longer the expected one."""
        body = {"model_type": self.model_type, "run_id": run_id, "expected_champion": expected_champion}
        self._request("POST", "/promote_champion", body)

    def _week_before(self, now: datetime) -> dict[str, Any]:
        return {"model_type": self.model_type, "start": (now - CURRENT).isoformat(), "end": now.isoformat()}

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        response = self.retry_policy.send(
            lambda: self.client.request(method, path, json=body, headers=headers), self.sleep
        )
        if not response.is_success:
            raise Refused(f"{method} {path}: HTTP {response.status_code}: {response.text[:500]}")
        answer: Mapping[str, Any] = response.json()
        return answer


@contextmanager
def connected(settings: Settings) -> Iterator[ModelApi]:
    headers = {"X-API-Key": settings.model_key.get_secret_value()} if settings.model_key else {}
    with httpx.Client(base_url=settings.model_url, headers=headers, timeout=TIMEOUT) as client:
        yield ModelApi(client, settings.model_type, settings.train_days)


def _training(answer: Mapping[str, Any]) -> Training:
    model = answer.get("result") or {}
    return Training(
        run_id=answer["run_id"],
        state=answer["state"],
        error=answer.get("reason"),
        interrupted=answer.get("interrupted", False),
        decision=model.get("decision"),
        reason=model.get("reason"),
        improvement=model.get("improvement"),
        champion_run_id=model.get("champion_run_id"),
        new_r2=_holdout_r2(model.get("challenger")),
        old_r2=_holdout_r2(model.get("champion")),
        fit_seconds=model.get("fit_seconds"),
    )


def _holdout_r2(evaluation: Mapping[str, Any] | None) -> float | None:
    r2: float | None = evaluation["holdout"]["r2"] if evaluation else None
    return r2
