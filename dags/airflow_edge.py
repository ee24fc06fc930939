"""Where the pipeline touches Airflow: retries, failures, settings from a connection, and what time it is.

The DAG files join tasks; dags/pipeline does the work, without Airflow.
"""

import logging
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset, BaseNotifier, Connection, Param
from airflow.sdk.exceptions import AirflowNotFoundException

from dags.pipeline import failures, model_api, settings
from dags.pipeline.events import Origin
from dags.pipeline.model_api import ModelApi
from dags.pipeline.settings import Settings
from dags.utils.discord_alerts import Reporter

# httpx logs whole URLs at INFO, and a URL may hold a password.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECTION = "alert_router"
BIKE_COUNTS = Asset("bike_counts")
"""Updated by every fetch, also without new counts: the next hours are forecast all the same."""
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
        failures.report_task(reporter(context, task_id=task), task, _error(context))


class RunFailure(BaseNotifier):
    """Reports a failed run that none of its tasks could report: they were killed, or never started."""

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        pass  # as above

    def notify(self, context: Any) -> None:
        failures.report_run(reporter(context), str(context.get("reason") or "failed"))


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
    """From the environment; the router's address and token also from the Airflow connection alert_router."""
    return settings.load(**({} if os.environ.get("ALERT_ROUTER_URL") else _router_connection()))


def model() -> AbstractContextManager[ModelApi]:
    return model_api.connected(current_settings())


def reporter(context: Mapping[str, Any], *, task_id: str | None = None) -> Reporter:
    """context: of a task or, with less in it, of a run's callback."""
    origin = Origin(
        dag_id=context["dag"].dag_id,
        run_id=str(context.get("run_id") or context["dag_run"].run_id),
        task_id=task_id,
        try_number=context["ti"].try_number if task_id else None,
    )
    return Reporter(origin, current_settings())


def as_of(context: Mapping[str, Any]) -> datetime:
    """The run's time, the same in every try: a task that is repeated a day later does the work of its day."""
    text = context["params"].get("as_of")
    at: datetime = datetime.fromisoformat(text) if text else context["dag_run"].run_after
    return at.astimezone(UTC)


def _router_connection() -> dict[str, Any]:
    try:
        connection = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return {}
    port = f":{connection.port}" if connection.port else ""
    router: dict[str, Any] = {"router_url": f"{connection.schema or 'http'}://{connection.host}{port}"}
    if connection.password:
        router["router_token"] = connection.password
    return router


def _error(context: Mapping[str, Any]) -> str:
    """Airflow gives no exception for a task that was killed or timed out under it."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        return f"{type(error).__name__}: {error}"
    return str(error or context.get("reason") or "ended without an answer")
