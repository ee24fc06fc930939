"""Faults under which every run succeeds: no new counts, a dead sensor, a trial after a real failure.

On a real model service, Prometheus, Alertmanager and router.
"""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from testbed.demo.model_service import ModelService, Span
from testbed.demo.story import NOBODY_COUNTED, Router
from testbed.panel_readings import Prometheus
from testbed.posted_counts import commuters, row
from testbed.processes import until
from testbed.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

FACTOR = 300.0
"""Six hours, in which a failed training is remembered, pass as 72 s."""
WITHIN_S = 40.0
COUNTERS, DAYS, SILENT_DAYS = 8, 56, 10
DEAD, DEAD_HOURS = "counter-0", 36
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
LAST_COUNTED = TODAY - SILENT_DAYS * DAY
"""Where the counts end."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    model: ModelService
    router: Router
    prometheus: Prometheus

    def alerts(self, alertname: str) -> list[dict[str, Any]]:
        return [alert for alert in self.router.alerts() if alert["alertname"] == alertname]

    def wait(self, alertname: str, status: str) -> None:
        until(
            lambda: self.router.statuses(alertname) == [status], f"{alertname} is {status}", within_s=WITHIN_S
        )

    def wait_for_metric(self, expression: str) -> None:
        """Until Prometheus has a result for it."""

        def has_result() -> bool:
            now = time.time()
            return bool(self.prometheus.range(expression, now, now))

        until(has_result, expression, within_s=WITHIN_S)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Its counts stopped ten days ago, one sensor died before; a model was trained and evaluated on them."""
    with (
        Stack(tmp_path_factory.mktemp("silent"), factor=FACTOR, meta=True) as stack,
        closing(ModelService(stack.backend_url)) as model,
        closing(Router(stack.router_url)) as router,
        httpx.Client(base_url=stack.prometheus_url, timeout=30) as http,
    ):
        model.post_counts(list(_counts()))
        yield Pipeline(model, router, Prometheus(http))


def _counts() -> Iterator[dict[str, Any]]:
    died = LAST_COUNTED - DEAD_HOURS * HOUR
    for posted in commuters(COUNTERS, days=DAYS, until=LAST_COUNTED):
        is_dead = posted["counter_id"] == DEAD and datetime.fromisoformat(posted["at"]) >= died
        yield {**posted, "count": 0} if is_dead else posted


def _days(first: datetime, last: datetime) -> Span:
    return Span(f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")


EVERYTHING = _days(LAST_COUNTED - DAYS * DAY, LAST_COUNTED)
LAST_WEEK_COUNTED = _days(LAST_COUNTED - 7 * DAY, LAST_COUNTED)
THIS_WEEK = _days(TODAY - 7 * DAY, TODAY)


def test_ten_days_without_counts_fire_data_stale_while_the_score_stays(pipeline: Pipeline) -> None:
    trained = pipeline.model.train(EVERYTHING)
    good = pipeline.model.evaluate(LAST_WEEK_COUNTED)
    weekly = pipeline.model.evaluate(THIS_WEEK)
    pipeline.wait("DataStale", "firing")

    assert trained["promoted"], trained["reason"]
    assert good["r2"] > 0.8
    assert weekly["status"] == "not_computed"
    assert not weekly["gauge_set"]
    [stale] = pipeline.alerts("DataStale")
    assert re.match(r"The newest count .* is 1[01]d ", stale["annotations"]["description"])
    assert not pipeline.alerts("ModelPerformanceCritical"), "the last score is a good one"


def test_dead_sensor_is_named_and_its_hours_are_not_scored(pipeline: Pipeline) -> None:
    scored = pipeline.model.evaluate(LAST_WEEK_COUNTED)
    # Four days, of which the dead sensor has less than the three that are needed.
    drift = pipeline.model.monitor(_days(LAST_COUNTED - 4 * DAY, LAST_COUNTED))
    pipeline.wait("SensorDead", "firing")

    [dead] = pipeline.alerts("SensorDead")
    assert f"{DEAD}." in dead["annotations"]["description"]
    assert scored["rows"] == COUNTERS * 7 * 24 - DEAD_HOURS
    assert (drift["compared_features"], drift["not_compared"]) == (COUNTERS - 1, [DEAD])


def test_counts_that_come_again_resolve_both(pipeline: Pipeline) -> None:
    pipeline.wait("DataStale", "firing")
    pipeline.wait("SensorDead", "firing")
    just_now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 2 * HOUR

    pipeline.model.post_counts([row(f"counter-{number}", just_now, 12) for number in range(COUNTERS)])

    pipeline.wait("DataStale", "resolved")
    pipeline.wait("SensorDead", "resolved")


def test_trial_does_not_close_a_real_training_failure(pipeline: Pipeline) -> None:
    failed = pipeline.model.train(NOBODY_COUNTED)
    pipeline.wait("TrainingFailure", "firing")

    trial = pipeline.model.train(EVERYTHING, test_mode=True)
    pipeline.wait_for_metric('count_over_time((training_runs_total{status="test_success"} > 0)[30s:1s]) > 5')
    after_the_trial = pipeline.router.statuses("TrainingFailure")
    real = pipeline.model.train(EVERYTHING)
    pipeline.wait("TrainingFailure", "resolved")

    assert [run["state"] for run in (failed, trial, real)] == ["failed", "succeeded", "succeeded"]
    assert after_the_trial == ["firing"]
