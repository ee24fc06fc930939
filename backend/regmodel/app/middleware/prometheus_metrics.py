"""The service's metrics: a registry per app, the twelve metrics, and the middleware that counts requests.

Endpoints are labelled with their route template, never the raw path: the number of series is bounded.
"""

import time
from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute, APIRouter
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.regmodel.measurements import DriftMeasurement, Measurements
from backend.regmodel.model.estimators import ModelType

UNMATCHED = "unmatched"
METRICS_PATH = "/metrics"
METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})
SERVER_ERROR = 500
FIRST_ERROR = 400
# A latency alert at 5 s needs buckets well above it: a quantile cannot exceed the last bound.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0)
TRAINING_BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
OUTCOMES = ("success", "failed")


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
            "Requests answered with 4xx or 5xx, by route template",
            ("method", "endpoint", "status"),
            registry=self.registry,
        )
        self.training_runs = Counter(
            "training_runs_total",
            "Training runs that ended",
            ("status", "model_type"),
            registry=self.registry,
        )
        self.training_seconds = Histogram(
            "training_duration_seconds",
            "Time from the start of a training run to its end, whatever the end",
            buckets=TRAINING_BUCKETS,
            registry=self.registry,
        )
        self.predictions = Counter("predictions_total", "Forecasts given", registry=self.registry)
        self.unknown_counters = Counter(
            "predictions_unknown_counter_total",
            "Forecasts given for a counter the model has not been trained on",
            registry=self.registry,
        )
        self.prediction_seconds = Histogram(
            "prediction_latency_seconds",
            "Time the model took for one /predict, without the HTTP around it",
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._interrupted: list[tuple[bool, ModelType]] = []
        for model_type in ModelType:
            for outcome in OUTCOMES:
                self.training_runs.labels(outcome, model_type.value)

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
        if status >= FIRST_ERROR:
            self.errors.labels(method, endpoint, str(status))

    def training_ended(self, *, succeeded: bool, model_type: ModelType, seconds: float | None) -> None:
        self.training_runs.labels("success" if succeeded else "failed", model_type.value).inc()
        if seconds is not None:
            self.training_seconds.observe(seconds)

    def queue_interrupted(self, *, succeeded: bool, model_type: ModelType) -> None:
        """A run of the previous process. Counted after the first scrape, which must see the 0 before it."""
        self._interrupted.append((succeeded, model_type))

    def render(self) -> bytes:
        text = generate_latest(self.registry)
        interrupted, self._interrupted = self._interrupted, []
        for succeeded, model_type in interrupted:
            self.training_ended(succeeded=succeeded, model_type=model_type, seconds=None)
        return text

    def observe_request(self, *, method: str, endpoint: str, status: int, seconds: float) -> None:
        self.requests.labels(method, endpoint, str(status)).inc()
        self.request_seconds.labels(method, endpoint).observe(seconds)
        if status >= FIRST_ERROR:
            self.errors.labels(method, endpoint, str(status)).inc()


class MeasurementCollector(Collector):
    """Reads the last measurements at scrape. A value never measured has no sample: 0 would raise an alert."""

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements

    def collect(self) -> Iterator[GaugeMetricFamily]:
        last = self._measurements.last
        r2 = GaugeMetricFamily(
            "model_r2_score", "R2 of the champion, last measured by /evaluate", labels=["model_type"]
        )
        rmse = GaugeMetricFamily(
            "model_rmse", "RMSE of the champion, bicycles an hour", labels=["model_type"]
        )
        for model_type, performance in last.performance.items():
            r2.add_metric([model_type.value], performance.r2)
            rmse.add_metric([model_type.value], performance.rmse)
        yield r2
        yield rmse
        yield from _drift_gauges(last.drift)


def _drift_gauges(drift: DriftMeasurement | None) -> Iterator[GaugeMetricFamily]:
    detected = GaugeMetricFamily("drift_detected", "1 when the last /monitor found drift, else 0")
    share = GaugeMetricFamily("drift_share", "Drifted counters over compared counters, at the last /monitor")
    drifted = GaugeMetricFamily("drifted_features_count", "Counters that drifted, at the last /monitor")
    if drift is not None:
        detected.add_metric([], float(drift.detected))
        share.add_metric([], drift.share)
        drifted.add_metric([], float(drift.drifted_features))
    yield from (detected, share, drifted)


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
