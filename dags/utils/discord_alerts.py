"""Tells people, through the router's POST /events. Never fails the calling task, never prints a secret.

An event is kept in the warehouse before it is posted: a router that is away, or a task that is killed here,
costs nothing but time, because every later run sends first what is still waiting.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import httpx

from dags.pipeline import events, outbox, router_api, settings, thresholds, warehouse
from dags.pipeline.clock import Clock, utc_now
from dags.pipeline.events import Event, Origin
from dags.pipeline.retry import Wait, asleep
from dags.pipeline.router_api import RouterApi
from dags.pipeline.settings import Settings

log = logging.getLogger(__name__)
FAILURES = ("training_failure", "api_error")


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who speaks, with what at hand."""

    origin: Origin
    settings: Settings
    clock: Clock = utc_now
    wait: Wait = asleep
    transport: httpx.BaseTransport | None = None

    @classmethod
    def of_this_task(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Airflow writes the running task's names into its environment."""
        number = environ.get("AIRFLOW_CTX_TRY_NUMBER", "")
        origin = Origin(
            environ["AIRFLOW_CTX_DAG_ID"],
            environ["AIRFLOW_CTX_DAG_RUN_ID"],
            environ.get("AIRFLOW_CTX_TASK_ID"),
            int(number) if number.isdigit() else None,
        )
        return cls(origin, settings.from_environment(environ))

    def without_secrets(self, text: str) -> str:
        """Errors are quoted to people, and a driver's error may quote its URL."""
        given = (self.settings.warehouse_url, self.settings.model_key, self.settings.router_token)
        for secret in filter(None, given):
            text = text.replace(secret.get_secret_value(), "***")
        return text

    def tell(self, kind: str, details: Mapping[str, Any], *, model_type: str | None = None) -> None:
        now = self.clock()
        event = Event(origin=self.origin, occurred_at=now, model_type=model_type, type=kind, details=details)
        _carefully(lambda: self._keep_and_send(event, now))

    def flush(self) -> None:
        """Sends what earlier runs could not."""
        _carefully(lambda: self._send(self.clock()))

    def has_told_of_failure(self) -> bool:
        """False when nobody can say: better told twice than not at all."""
        origin = self.origin
        try:
            with (
                warehouse.opened(self.settings.warehouse_url.get_secret_value()) as engine,
                engine.begin() as conn,
            ):
                return outbox.told_by(conn, dag_id=origin.dag_id, run_id=origin.run_id, types=FAILURES)
        except Exception as error:  # noqa: BLE001 - not only SQLAlchemy's: a driver's import, a cloud's log-in
            log.warning("the outbox cannot be asked: %s", type(error).__name__)
            return False

    def still_tells(self, type_: str, model_type: str | None) -> bool:
        """Whether people still believe what this DAG once told them. False when nobody can say."""
        try:
            with (
                warehouse.opened(self.settings.warehouse_url.get_secret_value()) as engine,
                engine.begin() as conn,
            ):
                return outbox.stands(conn, dag_id=self.origin.dag_id, type_=type_, model_type=model_type)
        except Exception as error:  # noqa: BLE001 - not only SQLAlchemy's: a driver's import, a cloud's log-in
            log.warning("the outbox cannot be asked: %s", type(error).__name__)
            return False

    def _keep_and_send(self, event: Event, now: datetime) -> None:
        with ExitStack() as opened, self._router() as router:
            try:
                url = self.settings.warehouse_url.get_secret_value()
                engine = opened.enter_context(warehouse.opened(url))
                with engine.begin() as conn:
                    outbox.keep(conn, event, now)
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("the outbox is away: %s", type(error).__name__)
                log.warning("event %s without it: %s", event.key, router.post(event.as_json()))
            else:
                outbox.flush(engine, router, now)

    def _send(self, now: datetime) -> None:
        with (
            warehouse.opened(self.settings.warehouse_url.get_secret_value()) as engine,
            self._router() as router,
        ):
            outbox.flush(engine, router, now)

    @contextmanager
    def _router(self) -> Iterator[RouterApi]:
        given = self.settings
        with router_api.client(given.router_url, given.router_token, self.transport) as client:
            yield RouterApi(client, self.wait)


def send_drift_alert(
    drift_share: float,
    r2: float | None,
    *,
    drifted_features: Sequence[str] = (),
    over: bool = False,
    model_type: str | None = None,
    reporter: Reporter | None = None,
) -> None:
    """over: the drift that was told before has gone."""
    details = events.drift(drift_share, r2, drifted_features, over=over)
    _of(reporter).tell("drift_alert", details, model_type=model_type)


def send_performance_alert(
    r2: float,
    rmse: float | None,
    *,
    over: bool = False,
    model_type: str | None = None,
    reporter: Reporter | None = None,
) -> None:
    """over: the model that was told of before holds again."""
    details = events.performance(r2, rmse, thresholds.load().of_model, over=over)
    _of(reporter).tell("performance_alert", details, model_type=model_type)


def send_training_success(
    improvement: float | None,
    decision: str,
    *,
    new_r2: float | None = None,
    old_r2: float | None = None,
    model_type: str | None = None,
    reporter: Reporter | None = None,
) -> None:
    details = events.training_success(improvement, decision, new_r2=new_r2, old_r2=old_r2)
    _of(reporter).tell("training_success", details, model_type=model_type)


def send_training_failure(
    error_msg: str, *, model_type: str | None = None, reporter: Reporter | None = None
) -> None:
    teller = _of(reporter)
    teller.tell(
        "training_failure", events.training_failure(teller.without_secrets(error_msg)), model_type=model_type
    )


def send_api_error(endpoint: str, error: str, *, reporter: Reporter | None = None) -> None:
    teller = _of(reporter)
    teller.tell("api_error", events.api_error(endpoint, teller.without_secrets(error)))


def _of(reporter: Reporter | None) -> Reporter:
    return reporter or Reporter.of_this_task()


def _carefully(tell: Callable[[], None]) -> None:
    try:
        tell()
    except Exception as error:  # noqa: BLE001 - the one place
        # Whatever is wrong with the telling, the work that is told about was done and must not be done again.
        log.error("an event was not told: %s", type(error).__name__)  # noqa: TRY400 - a traceback can hold a URL
