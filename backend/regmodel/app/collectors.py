"""Metrics that are read from the service's state at scrape. A value never measured has no sample."""

import threading
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from backend.regmodel.data.counts import Floats, hour_start
from backend.regmodel.data.source import Origin
from backend.regmodel.jobs.data_store import DataStore
from backend.regmodel.measurements import DriftMeasurement, Measurements
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.champions import Champions
from backend.regmodel.registry.summary import Model, ScoreRecord, Summary

MAX_NAMED_SENSORS = 50


class Family(GaugeMetricFamily):
    """A gauge that leaves out values that are None."""

    def add(self, value: float | None, *labels: str) -> None:
        if value is not None:
            self.add_metric(labels, value)


class MeasurementCollector(Collector):
    """The last /evaluate of each champion and the last /monitor."""

    def __init__(self, measurements: Measurements) -> None:
        self._measurements = measurements

    def collect(self) -> Iterator[GaugeMetricFamily]:
        last = self._measurements.last
        of_type = ["model_type"]
        r2 = Family("model_r2_score", "R2 of the champion, last measured by /evaluate", labels=of_type)
        rmse = Family("model_rmse", "RMSE of the champion, bicycles an hour", labels=of_type)
        mae = Family("model_mae", "MAE of the champion, bicycles an hour", labels=of_type)
        at = Family(
            "model_evaluation_timestamp_seconds", "Time of the champion's last evaluation", labels=of_type
        )
        for model_type, performance in last.performance.items():
            r2.add(performance.r2, model_type)
            rmse.add(performance.rmse, model_type)
            mae.add(performance.mae, model_type)
            at.add(performance.at.timestamp(), model_type)
        yield from (r2, rmse, mae, at)
        yield from _drift(last.drift)


class StateCollector(Collector):
    """The newest count, dead sensors, champions and the last training of each model type."""

    def __init__(self, data: DataStore, champions: Champions) -> None:
        self._data = data
        self._champions = champions

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _counts(self._data)
        summary = self._champions.summary
        trained = Family(
            "model_champion_trained_timestamp_seconds",
            "Time the present champion was trained",
            labels=["model_type"],
        )
        for model_type in ModelType:
            champion = summary.champion(model_type)
            trained.add(champion.created_at.timestamp() if champion else None, model_type)
        yield trained
        yield from _last_trainings(summary)


class ArrayHistogram(Collector):
    """A histogram that takes an array at once: thousands of forecasts of one request."""

    def __init__(self, name: str, documentation: str, buckets: Sequence[float]) -> None:
        self._name, self._documentation = name, documentation
        self._bounds = np.array(buckets)
        self._counts = np.zeros(len(buckets) + 1, dtype=np.int64)
        self._sum = 0.0
        self._lock = threading.Lock()

    def observe(self, values: Floats) -> None:
        counts = np.bincount(np.searchsorted(self._bounds, values), minlength=len(self._counts))
        with self._lock:
            self._counts += counts
            self._sum += float(np.nansum(values))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        with self._lock:
            counts, total = self._counts.tolist(), self._sum
        bounds = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets=buckets, sum_value=total)


def _drift(drift: DriftMeasurement | None) -> Iterator[GaugeMetricFamily]:
    detected = Family("drift_detected", "1 when the last /monitor detected drift, else 0")
    share = Family("drift_share", "Drifted counters over compared counters, at the last /monitor")
    drifted = Family("drifted_features_count", "Counters that drifted, at the last /monitor")
    at = Family("drift_measurement_timestamp_seconds", "Time of the last /monitor that computed drift")
    if drift is not None:
        detected.add(float(drift.detected))
        share.add(drift.share)
        drifted.add(float(drift.drifted_features))
        at.add(drift.at.timestamp())
    yield from (detected, share, drifted, at)


def _counts(data: DataStore) -> Iterator[GaugeMetricFamily]:
    history = data.history
    newest = Family(
        "observations_newest_timestamp_seconds",
        "Beginning of the newest recorded hour; no sample while the generated year is in use",
    )
    if history.newest_hour is not None and data.origin is not Origin.GENERATED:
        newest.add(hour_start(history.newest_hour).timestamp())
    number = Family("sensors_dead", "Counters with a day of zeros where at least 5 an hour are usual")
    number.add(len(history.dead_sensors))
    dead = Family(
        "sensor_dead", f"1 for each of them, the {MAX_NAMED_SENSORS} busiest at most", labels=["counter"]
    )
    busiest = sorted(history.dead_sensors, key=lambda sensor: -sensor.usual)[:MAX_NAMED_SENSORS]
    for sensor in busiest:
        dead.add(1.0, sensor.counter_id)
    yield from (newest, number, dead)


def _last_trainings(summary: Summary) -> Iterator[GaugeMetricFamily]:
    labels = ["model_type", "role", "dataset"]
    r2 = Family("training_evaluation_r2", "R2 of challenger and champion at the last training", labels=labels)
    rmse = Family("training_evaluation_rmse", "RMSE of both, bicycles an hour", labels=labels)
    improvement = Family(
        "training_improvement_r2", "R2 gained on the holdout, at the last training", labels=["model_type"]
    )
    at = Family("training_last_timestamp_seconds", "Time of the last training", labels=["model_type"])
    for model in _last_of_each_type(summary):
        for role, dataset, scores in _evaluations(model):
            r2.add(scores.r2, model.model_type, role, dataset)
            rmse.add(scores.rmse, model.model_type, role, dataset)
        improvement.add(model.improvement, model.model_type)
        at.add(model.created_at.timestamp(), model.model_type)
    yield from (r2, rmse, improvement, at)


def _last_of_each_type(summary: Summary) -> Iterator[Model]:
    """Without test_mode."""
    newest = {model.model_type: model for model in summary.models if not model.test_mode}
    yield from newest.values()


def _evaluations(model: Model) -> Iterator[tuple[str, str, ScoreRecord]]:
    for role, evaluation in (("challenger", model.challenger), ("champion", model.champion)):
        if evaluation is not None:
            yield role, "holdout", evaluation.holdout
            yield role, "baseline", evaluation.baseline
