"""What each card template is about: an alert as its rule or its reporter sends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

RUNBOOKS = "https://github.com/alert-router/alert-router/blob/main/docs/runbooks"
DASHBOARD = "https://grafana.example.org/d/predictions?viewPanel=1"
TRACEBACK = """Traceback (most recent call last):
  File "/opt/airflow/dags/pipeline/training.py", line 88, in fine_tune
    model = service.train(window)
  File "/opt/airflow/dags/pipeline/model_service.py", line 141, in train
    raise TrainingError(answer["reason"])
pipeline.errors.TrainingError: no rows in the training window"""


@dataclass(frozen=True)
class Sample:
    severity: str
    summary: str
    description: str
    labels: Mapping[str, str]
    differs: str
    """The label in which several alerts of the name differ."""
    value: str = ""
    limit: str = ""
    reporter: str = "Prometheus"
    more: Mapping[str, str] = field(default_factory=dict)
    """Further annotations."""


MODEL = {"component": "model", "model_type": "rf"}
AIRFLOW = {"component": "pipeline", "dag_id": "monitor_and_fine_tune"}
DAG = "Airflow monitor_and_fine_tune"
SAMPLES: Mapping[str, Sample] = {
    "DiskFull": Sample(
        "warning",
        "The disk is nearly full",
        "Less than 3 % are free, and it fills by 2 % an hour.",
        {"cluster": "eu", "device": "sda1", "job": "node", "instance": "db-1"},
        "instance",
        "97.4 %",
        "95 %",
    ),
    "ModelPerformanceCritical": Sample(
        "critical",
        "Model rf no longer explains the traffic",
        "R2 of rf is 0.612, below 0.65 for 5 minutes. Do not use its forecasts until it is retrained.",
        MODEL,
        "model_type",
        "0.612",
        "0.65",
    ),
    "ModelPerformanceWarning": Sample(
        "warning",
        "Model rf is getting worse",
        "R2 of rf is 0.681, below 0.70 for 10 minutes.",
        MODEL,
        "model_type",
        "0.681",
        "0.7",
    ),
    "HighDrift": Sample(
        "warning",
        "More than half of the features have drifted",
        "61.5% of the features differ from the reference period, for 15 minutes.",
        {"component": "data"},
        "model_type",
        "61.5 %",
        "50 %",
    ),
    "APIErrorRate": Sample(
        "critical",
        "The model API fails for its callers",
        "7.3% of the requests were answered 5xx, above 5% for 5 minutes. Worst: /predict (12.1%).",
        {"component": "api", "job": "backend"},
        "job",
        "7.3 %",
        "5 %",
    ),
    "APIError": Sample(
        "warning",
        "https://opendata.paris.fr/api failed",
        "HTTP 502: Bad Gateway",
        {"component": "api", "dag_id": "daily_fetch_bike_data", "endpoint": "https://opendata.paris.fr/api"},
        "endpoint",
        reporter="Airflow daily_fetch_bike_data",
    ),
    "TrainingFailure": Sample(
        "critical",
        "A training failed",
        "pipeline.errors.TrainingError: no rows in the training window",
        {"component": "training", "model_type": "rf", "dag_id": "monitor_and_fine_tune"},
        "model_type",
        reporter=DAG,
        more={"task": "fine_tune", "try": "2", "log": TRACEBACK},
    ),
    "TrainingSuccess": Sample(
        "info",
        "The training succeeded",
        "Decision: deploy. R² 0.810 (before: 0.740). Improvement: +0.070.",
        {"component": "training", "model_type": "rf", "dag_id": "monitor_and_fine_tune"},
        "model_type",
        reporter=DAG,
        more={"run_id": "scheduled__2026-09-24"},
    ),
    "PredictionLatencyHigh": Sample(
        "warning",
        "Predictions are slow",
        "One prediction in twenty takes longer than 6.2s (p95), above 5 s for 10 minutes.",
        {"component": "api", "job": "backend"},
        "job",
        "6.2 s",
        "5 s",
    ),
    "TargetDown": Sample(
        "critical",
        "backend cannot be scraped",
        "up is 0 for backend: its alerts are blind until it answers.",
        {"component": "monitoring", "job": "backend"},
        "job",
    ),
    "MonitoringBlind": Sample(
        "critical",
        "No Watchdog for 5 minutes",
        "The last Watchdog arrived at 2026-09-24 11:54:00 UTC: Prometheus or Alertmanager is broken.",
        {"component": "monitoring"},
        "source",
        reporter="alert-router",
    ),
    "AirflowDown": Sample(
        "critical",
        "Airflow does not answer",
        "The exporter has had no answer for 10 minutes: no run begins.",
        {"component": "pipeline", "job": "airflow"},
        "job",
    ),
    "PipelineRunFailed": Sample(
        "warning",
        "A run of monitor_and_fine_tune failed",
        "None has succeeded since.",
        AIRFLOW,
        "dag_id",
    ),
    "PipelineStale": Sample(
        "critical",
        "No run of monitor_and_fine_tune succeeds",
        "The last success was 8 d 4 h ago.",
        AIRFLOW,
        "dag_id",
        "8 d 4 h",
        "8 d",
    ),
    "DataStale": Sample(
        "critical",
        "The counts are old",
        "The newest count is 3 d 7 h old.",
        {"component": "data"},
        "dataset",
        "3 d 7 h",
        "3 d",
    ),
    "ModelScoreStale": Sample(
        "warning",
        "rf was not evaluated for 8 days",
        "The last evaluation was 9 d ago: the rules about the model are blind.",
        MODEL,
        "model_type",
        "9 d",
        "8 d",
    ),
    "ChampionStale": Sample(
        "info",
        "The champion rf is 92 days old",
        "At least three trainings have not run, failed, or were not better.",
        MODEL,
        "model_type",
        "92 d",
        "90 d",
    ),
    "SensorDead": Sample(
        "info",
        "3 counters report nothing",
        "Boulevard du Montparnasse, Avenue de Clichy, Voie Georges Pompidou.",
        {"component": "data"},
        "district",
        "3",
        "0",
    ),
    "TrainingInterrupted": Sample(
        "warning",
        "A training of rf was interrupted",
        "The model service stopped while it trained, and no training has ended for an hour.",
        {"component": "training", "model_type": "rf"},
        "model_type",
    ),
}
"""By alertname: one without a template of its own, and each that has one."""
