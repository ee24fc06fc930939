"""Reports to Discord through the alert router: posts to its POST /events. Never fails the calling task.

An event is written to the warehouse before it is posted, so a router that is away, or a task that is killed
here, only delays it: every later run sends the pending events first. No secret is posted or logged.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import httpx
import sqlalchemy as sa
from tenacity.nap import sleep

from dags.pipeline import events, outbox, router_api, settings, thresholds, warehouse
from dags.pipeline.clock import Clock, utc_now
from dags.pipeline.events import Event, Origin
from dags.pipeline.retry import Sleep
from dags.pipeline.router_api import RouterApi
from dags.pipeline.settings import Settings

log = logging.getLogger(__name__)
FAILURES = ("training_failure", "api_error")


@dataclass(frozen=True, slots=True)
class Reporter:
    """The run that reports, with the settings and the clock it needs."""

    origin: Origin
    settings: Settings
    clock: Clock = utc_now
    sleep: Sleep = sleep
    transport: httpx.BaseTransport | None = None

    @classmethod
    def of_running_task(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Airflow writes the running task's names into its environment."""
        number = environ.get("AIRFLOW_CTX_TRY_NUMBER", "")
        origin = Origin(
            environ["AIRFLOW_CTX_DAG_ID"],
            environ["AIRFLOW_CTX_DAG_RUN_ID"],
            environ.get("AIRFLOW_CTX_TASK_ID"),
            int(number) if number.isdigit() else None,
            events.airflow_url(environ),
        )
        return cls(origin, settings.load())

    def redacted(self, text: str) -> str:
        """Errors are shown to people, and a driver's error may quote its URL."""
        secrets = (self.settings.warehouse_url, self.settings.model_key, self.settings.router_token)
        for secret in filter(None, secrets):
            text = text.replace(secret.get_secret_value(), "***")
        return text

    def report(self, type_: str, details: Mapping[str, Any], *, model_type: str | None = None) -> None:
        now = self.clock()
        event = Event(origin=self.origin, occurred_at=now, model_type=model_type, type=type_, details=details)
        _log_failure(lambda: self._enqueue_and_send(event, now))

    def flush(self) -> None:
        """Sends the events that earlier runs could not send."""
        _log_failure(lambda: self._flush(self.clock()))

    def has_reported_failure(self) -> bool:
        """False when the outbox cannot be read: two reports are better than none."""
        origin = self.origin
        return self._query_outbox(
            lambda conn: outbox.has_event(conn, dag_id=origin.dag_id, run_id=origin.run_id, types=FAILURES)
        )

    def is_firing(self, type_: str, model_type: str | None) -> bool:
        """Whether an alert that this DAG reported is still open. False when the outbox cannot be read."""
        dag_id = self.origin.dag_id
        return self._query_outbox(
            lambda conn: outbox.is_firing(conn, dag_id=dag_id, type_=type_, model_type=model_type)
        )

    def _query_outbox(self, query: Callable[[sa.Connection], bool]) -> bool:
        try:
            with self._warehouse() as engine, engine.begin() as conn:
                return query(conn)
        except Exception as error:  # noqa: BLE001 - not only SQLAlchemy's: a driver's import, a cloud's log-in
            log.warning("the outbox cannot be read: %s", type(error).__name__)
            return False

    def _enqueue_and_send(self, event: Event, now: datetime) -> None:
        with ExitStack() as stack, self._router() as router:
            try:
                engine = stack.enter_context(self._warehouse())
                with engine.begin() as conn:
                    outbox.enqueue(conn, event, now)
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("the outbox cannot be written: %s", type(error).__name__)
                log.warning("event %s was posted without it: %s", event.key, router.post(event.as_json()))
            else:
                outbox.flush(engine, router, now)

    def _flush(self, now: datetime) -> None:
        with self._warehouse() as engine, self._router() as router:
            outbox.flush(engine, router, now)

    @contextmanager
    def _warehouse(self) -> Iterator[sa.Engine]:
        with warehouse.opened(self.settings.warehouse_url.get_secret_value()) as engine:
            yield engine

    @contextmanager
    def _router(self) -> Iterator[RouterApi]:
        url, token = self.settings.router_url, self.settings.router_token
        with router_api.client(url, token, self.transport) as client:
            yield RouterApi(client, self.sleep)


def send_drift_alert(
    drift_share: float,
    r2: float | None,
    *,
    drifted_features: Sequence[str] = (),
    resolved: bool = False,
    model_type: str | None = None,
    reporter: Reporter | None = None,
) -> None:
    """resolved: the drift reported earlier is gone."""
    details = events.drift(drift_share, r2, drifted_features, resolved=resolved)
    _reporter(reporter).report("drift_alert", details, model_type=model_type)


def send_performance_alert(
    r2: float,
    rmse: float | None,
    *,
    resolved: bool = False,
    model_type: str | None = None,
    reporter: Reporter | None = None,
) -> None:
    """resolved: the model reported earlier holds again."""
    details = events.performance(r2, rmse, thresholds.load().of_model, resolved=resolved)
    _reporter(reporter).report("performance_alert", details, model_type=model_type)


def send_training_success(
    improvement: float | None,
    decision: str,
    *,
    new_r2: float | None = None,
    old_r2: float | None = None,
    model_type: str | None = None,
    test_mode: bool = False,
    reporter: Reporter | None = None,
) -> None:
    details = events.training_success(
        improvement, decision, new_r2=new_r2, old_r2=old_r2, test_mode=test_mode
    )
    _reporter(reporter).report("training_success", details, model_type=model_type)


def send_training_failure(
    error_msg: str,
    *,
    model_type: str | None = None,
    test_mode: bool = False,
    reporter: Reporter | None = None,
) -> None:
    reporter = _reporter(reporter)
    details = events.training_failure(reporter.redacted(error_msg), test_mode=test_mode)
    reporter.report("training_failure", details, model_type=model_type)


def send_api_error(endpoint: str, error: str, *, reporter: Reporter | None = None) -> None:
    reporter = _reporter(reporter)
    reporter.report("api_error", events.api_error(endpoint, reporter.redacted(error)))


def _reporter(reporter: Reporter | None) -> Reporter:
    return reporter or Reporter.of_running_task()


def _log_failure(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the one place
        # The work that the event reports is done and must not be repeated, so this never fails the task.
        log.error("an event was not sent: %s", type(error).__name__)  # noqa: TRY400 - a traceback can hold a URL
