"""Where the pipeline touches Airflow: retries, failures, deadlines, connections, and the time of a run.

The DAG files join tasks; dags/pipeline does the work, without Airflow.
"""

import logging
import os
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, BaseNotifier, Connection, Param
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowNotFoundException
from asgiref.sync import sync_to_async

from dags.pipeline import events, failures, model_api, settings
from dags.pipeline.events import Origin
from dags.pipeline.model_api import ModelApi
from dags.pipeline.settings import Settings
from dags.utils.discord_alerts import Reporter

# httpx logs whole URLs at INFO, and a URL may hold a password.
logging.getLogger("httpx").setLevel(logging.WARNING)

ROUTER_CONNECTION = "alert_router"
MODEL_CONNECTION = "bike_model_api"
PARIS_CONNECTION = "bike_paris_api"
WAREHOUSE_CONNECTION = "bike_warehouse"
BIKE_COUNTS = Asset("bike_counts")
"""Updated by every fetch, also without new counts: the next hours are forecast all the same."""
MODEL_MISSING = Asset("bike_model_missing")
"""Updated when there are counts and no model: the first training does not wait for Monday."""
AS_OF = Param(
    None,
    type=["null", "string"],
    format="date-time",
    # Airflow checks the format only where an optional package is installed.
    pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$",
    description="The time to act as if it were, for a repeated or a simulated run; now, when absent",
)


class TaskFailure(BaseNotifier):
    """Reports a task that has failed for good."""

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        # Nothing to render. Airflow's own method needs a template environment, and dag.test() has none.
        pass

    def notify(self, context: Any) -> None:
        task = context["ti"].task_id
        test_mode = bool(context["params"].get("test_mode"))
        failures.report_task(reporter(context, task_id=task), task, _error(context), test_mode=test_mode)


class RunFailure(BaseNotifier):
    """Reports a failed run that none of its tasks could report: they were killed, or never started."""

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        pass  # as above

    def notify(self, context: Any) -> None:
        failures.report_run(reporter(context), str(context.get("reason") or "failed"))


async def report_late(late_after_s: float, context: Mapping[str, Any]) -> None:
    """Runs in the triggerer, whose loop must not be blocked."""
    run = context["dag_run"]
    origin = Origin(
        dag_id=run["dag_id"],
        run_id=str(run.get("dag_run_id") or run["run_id"]),
        airflow_url=events.airflow_url(os.environ),
    )
    await sync_to_async(lambda: failures.report_late(Reporter(origin, current_settings()), late_after_s))()


def deadline(late_after: timedelta) -> DeadlineAlert:
    """Reports a run that has not ended so long after it was queued; it may still succeed."""
    kwargs = {"late_after_s": late_after.total_seconds()}
    callback = AsyncCallback(report_late, kwargs)
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, late_after, callback)


def default_args() -> dict[str, Any]:
    """Of every task. BIKE_RETRIES and BIKE_RETRY_DELAY_SECONDS are for tests, which cannot wait."""
    return {
        "retries": int(os.environ.get("BIKE_RETRIES", "2")),
        "retry_delay": timedelta(seconds=float(os.environ.get("BIKE_RETRY_DELAY_SECONDS", "120"))),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=1),
        "on_failure_callback": TaskFailure(),
    }


def current_settings() -> Settings:
    """From the environment; a remote without its variable from its Airflow connection, where there is one."""
    overrides: dict[str, Any] = {}
    for variable, connection_id, fields in REMOTES:
        if not (os.environ.get(variable) or os.environ.get(f"{variable}_FILE")):
            connection = _connection(connection_id)
            overrides |= fields(connection) if connection else {}
    return settings.load(**overrides)


def model() -> AbstractContextManager[ModelApi]:
    return model_api.connected(current_settings())


def reporter(context: Mapping[str, Any], *, task_id: str | None = None) -> Reporter:
    """context: of a task or, with less in it, of a run's callback."""
    origin = Origin(
        dag_id=context["dag"].dag_id,
        run_id=str(context.get("run_id") or context["dag_run"].run_id),
        task_id=task_id,
        try_number=context["ti"].try_number if task_id else None,
        airflow_url=events.airflow_url(os.environ),
    )
    return Reporter(origin, current_settings())


def as_of(context: Mapping[str, Any]) -> datetime:
    """The run's time, the same in every try: a task that is repeated a day later does the work of its day."""
    text = context["params"].get("as_of")
    at: datetime = datetime.fromisoformat(text) if text else context["dag_run"].run_after
    return at.astimezone(UTC)


def _connection(connection_id: str) -> Connection | None:
    try:
        connection: Connection = Connection.get(connection_id)
    except AirflowNotFoundException:
        return None
    return connection


def _http(url_field: str, secret_field: str | None = None) -> Callable[[Connection], dict[str, Any]]:
    """The password is the secret. A host may be a whole URL, as Airflow's HTTP connections allow."""

    def fields(connection: Connection) -> dict[str, Any]:
        port = f":{connection.port}" if connection.port else ""
        host = connection.host or ""
        url = host if "://" in host else f"{connection.schema or 'http'}://{host}{port}"
        secret = {secret_field: connection.password} if secret_field and connection.password else {}
        return {url_field: url, **secret}

    return fields


def _warehouse(connection: Connection) -> dict[str, Any]:
    """The extra "url", for SQLite or BigQuery; else Airflow's own URL of the connection."""
    url = connection.extra_dejson.get("url") or connection.get_uri()
    return {"warehouse_url": re.sub("^postgres:", "postgresql:", url)}


REMOTES: tuple[tuple[str, str, Callable[[Connection], dict[str, Any]]], ...] = (
    ("ALERT_ROUTER_URL", ROUTER_CONNECTION, _http("router_url", "router_token")),
    ("BIKE_MODEL_API_URL", MODEL_CONNECTION, _http("model_url", "model_key")),
    ("BIKE_PARIS_API_URL", PARIS_CONNECTION, _http("paris_url")),
    ("BIKE_WAREHOUSE_URL", WAREHOUSE_CONNECTION, _warehouse),
)
"""Variable, connection, and the settings that the connection holds."""


def _error(context: Mapping[str, Any]) -> str:
    """Airflow gives no exception for a task that was killed or timed out under it."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        return f"{type(error).__name__}: {error}"
    return str(error or context.get("reason") or "ended without an answer")
