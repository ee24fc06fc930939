"""The service's counters and histograms, a registry per app, and the middleware that counts requests.

Endpoints are labelled with their route template, never the raw path: the number of series is bounded.
"""

import contextlib
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from fastapi.routing import APIRoute, APIRouter
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.regmodel.app.collectors import ArrayHistogram, MeasurementCollector
from backend.regmodel.data.counts import Floats
from backend.regmodel.jobs.runs import Run, State
from backend.regmodel.measurements import Measurements
from backend.regmodel.model.decision import DecisionKind
from backend.regmodel.model.estimators import ModelType

UNMATCHED = "unmatched"
METRICS_PATH = "/metrics"
METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})
SERVER_ERROR = 500
# A latency alert at 5 s needs buckets well above it: a quantile cannot exceed the last bound.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0)
TRAINING_BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
BATCH_BUCKETS = (1.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0)
FORECAST_BUCKETS = (0.0, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1_600.0)


class RunStatus(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    TEST_SUCCESS = "test_success"
    """In test_mode: it says nothing about the training of real models, and must not resolve a failure."""
    TEST_FAILURE = "test_failure"
    INTERRUPTED = "interrupted"
    """The service stopped meanwhile. The caller can order the training again."""


def run_status(run: Run) -> RunStatus:
    if run.interrupted:
        return RunStatus.INTERRUPTED
    succeeded = run.state is State.SUCCEEDED
    if run.test_mode:
        return RunStatus.TEST_SUCCESS if succeeded else RunStatus.TEST_FAILURE
    return RunStatus.SUCCESS if succeeded else RunStatus.FAILURE


class Metrics:
    def __init__(self, measurements: Measurements) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(MeasurementCollector(measurements))
        self.requests = Counter(
            "fastapi_requests_total",
            "Requests answered, by route template",
            ("method", "endpoint", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "fastapi_request_duration_seconds",
            "Time from the request's first byte to the answer's last",
            ("method", "endpoint"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.errors = Counter(
            "fastapi_errors_total",
            "Requests answered with 5xx, by route template; 4xx are in fastapi_requests_total",
            ("method", "endpoint", "status"),
            registry=self.registry,
        )
        self.training_runs = Counter(
            "training_runs_total",
            "Training runs that ended; test_mode runs have a status of their own",
            ("status", "model_type"),
            registry=self.registry,
        )
        self.training_decisions = Counter(
            "training_decisions_total",
            "Decisions of trainings that succeeded",
            ("decision", "model_type"),
            registry=self.registry,
        )
        self.training_seconds = Histogram(
            "training_duration_seconds",
            "Time from the start of a training run to its end, whatever the end",
            buckets=TRAINING_BUCKETS,
            registry=self.registry,
        )
        self.observations = Counter("observations_stored_total", "Counts stored", registry=self.registry)
        self.predictions = Counter("predictions_total", "Forecasts given", registry=self.registry)
        self.unknown_predictions = Counter(
            "predictions_unknown_total",
            "Forecasts given for a bicycle counter the model has not been trained on",
            registry=self.registry,
        )
        self.prediction_seconds = Histogram(
            "prediction_latency_seconds",
            "Time the model took for one /predict, without the HTTP around it",
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.batch_rows = Histogram(
            "prediction_batch_rows",
            "Rows of one /predict",
            buckets=BATCH_BUCKETS,
            registry=self.registry,
        )
        self.forecasts = ArrayHistogram(
            "prediction_bicycles", "Forecasts, bicycles an hour", buckets=FORECAST_BUCKETS
        )
        self.registry.register(self.forecasts)
        self._interrupted: list[Run] = []
        for model_type in ModelType:
            for status in RunStatus:
                self.training_runs.labels(status, model_type)
            for decision in DecisionKind:
                self.training_decisions.labels(decision, model_type)

    @contextlib.contextmanager
    def of_state(self, collector: Collector) -> Iterator[None]:
        """Collect from the running service, while it runs."""
        self.registry.register(collector)
        try:
            yield
        finally:
            self.registry.unregister(collector)

    def initialize(self, router: APIRouter) -> None:
        """Create the series of every documented status at 0: a first failure must be an increase."""
        for route in router.routes:
            if not isinstance(route, APIRoute) or route.path == METRICS_PATH:
                continue
            declared = {int(status) for status in route.responses}
            for method in sorted(route.methods or ()):
                self.request_seconds.labels(method, route.path)
                for status in sorted(declared | {route.status_code or 200}):
                    self._initialize_status(method, route.path, status)

    def _initialize_status(self, method: str, endpoint: str, status: int) -> None:
        self.requests.labels(method, endpoint, str(status))
        if status >= SERVER_ERROR:
            self.errors.labels(method, endpoint, str(status))

    def training_ended(self, run: Run, seconds: float | None = None) -> None:
        """seconds: None for a run of the previous process."""
        self.training_runs.labels(run_status(run), run.model_type).inc()
        if run.result is not None:
            self.training_decisions.labels(run.result.decision, run.model_type).inc()
        if seconds is not None:
            self.training_seconds.observe(seconds)

    def queue_interrupted(self, run: Run) -> None:
        """A run of the previous process. Counted after the first scrape, which must see the 0 before it."""
        self._interrupted.append(run)

    def render(self) -> bytes:
        text = generate_latest(self.registry)
        interrupted, self._interrupted = self._interrupted, []
        for run in interrupted:
            self.training_ended(run)
        return text

    def predicted(self, forecast: Floats, *, unknown: int) -> None:
        self.predictions.inc(len(forecast))
        self.unknown_predictions.inc(unknown)
        self.batch_rows.observe(len(forecast))
        self.forecasts.observe(forecast)

    def observe_request(self, *, method: str, endpoint: str, status: int, seconds: float) -> None:
        self.requests.labels(method, endpoint, str(status)).inc()
        self.request_seconds.labels(method, endpoint).observe(seconds)
        if status >= SERVER_ERROR:
            self.errors.labels(method, endpoint, str(status)).inc()


class PrometheusMiddleware:
    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == METRICS_PATH:
            await self.app(scope, receive, send)
            return
        # An exception that passes here becomes a 500 in an outer middleware.
        status = SERVER_ERROR

        async def record_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self.app(scope, receive, record_status)
        finally:
            self.metrics.observe_request(
                method=scope["method"] if scope["method"] in METHODS else "other",
                endpoint=endpoint_of(scope),
                status=status,
                seconds=time.perf_counter() - started,
            )


def endpoint_of(scope: Scope) -> str:
    route: Any = scope.get("route")
    return route.path if isinstance(route, APIRoute) else UNMATCHED
