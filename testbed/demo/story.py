"""What happens in the demo: Christmas breaks a good model, a training fails, another one mends it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from testbed.demo.model_service import MODEL, ModelService, Span
from testbed.processes import until
from testbed.stack import TOKEN

AUTUMN = Span("2020-09-01", "2020-12-01")
ADVENT = Span("2020-12-07", "2020-12-21")
CHRISTMAS = Span("2020-12-21", "2021-01-04")
NOBODY_COUNTED = Span("2022-09-01", "2022-12-01")
"""After the data ends: a training on it fails, as one does on a broken fetch."""
AUTUMN_AND_CHRISTMAS = Span("2020-09-01", "2021-01-25")
WEEKS_AFTER = Span("2021-01-25", "2021-02-08")
DAG = "monitor_and_fine_tune"
WITHIN_S = 60.0
"""Rules, Alertmanager and router together, with their times scaled down."""


class Router:
    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30)

    def close(self) -> None:
        self._http.close()

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._http.get("/alerts", params={"limit": 500}).json()["alerts"]
        return found

    def statuses(self, alertname: str) -> list[str]:
        return [alert["status"] for alert in self.alerts() if alert["alertname"] == alertname]

    def report(self, type_: str, run: str, **facts: Any) -> None:
        """Send the router an event, as a DAG does."""
        now = datetime.now(UTC).isoformat()
        event = {
            "type": type_,
            "dag_id": DAG,
            "run_id": run,
            "occurred_at": now,
            "model_type": MODEL,
            **facts,
        }
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self._http.post("/events", json=event, headers=headers).raise_for_status()


@dataclass(frozen=True, slots=True)
class Story:
    model: ModelService
    router: Router
    say: Callable[[str], None]

    def tell(self) -> None:
        self.a_good_model()
        self.christmas_breaks_it()
        self.a_training_fails()
        self.another_one_mends_it()

    def a_good_model(self) -> None:
        self.say("A model is trained on the counts of autumn 2020")
        run = self.model.train(AUTUMN)
        if run["state"] != "succeeded":
            raise RuntimeError(f"the first training failed: {run['reason']}")
        self.say(f"  and scored on Advent: R² {self._score(ADVENT):.2f}, all is well")

    def christmas_breaks_it(self) -> None:
        self.say("Christmas comes, and nobody rides to work")
        self.say(f"  R² {self._score(CHRISTMAS):.2f}")
        self._wait("ModelPerformanceCritical", "firing")
        drift = self.model.monitor(CHRISTMAS)
        self.say(f"  {drift['drift_share']:.0%} of the counters have drifted")
        self._wait("HighDrift", "firing")

    def a_training_fails(self) -> None:
        self.say("The weekly DAG retrains, on a window without data")
        run = self.model.train(NOBODY_COUNTED)
        self.router.report("training_failure", "weekly-1", error_message=str(run["reason"]))
        self._wait("TrainingFailure", "firing", reports=2)
        self.say("  one card: the DAG's report and Prometheus's alert share it")

    def another_one_mends_it(self) -> None:
        self.say("The next run has the data, Christmas included")
        run = self.model.train(AUTUMN_AND_CHRISTMAS)
        if run["state"] != "succeeded":
            raise RuntimeError(f"the last training failed: {run['reason']}")
        result: Mapping[str, Any] = run["result"]
        if not run["promoted"]:
            self.model.promote(run["run_id"])
        self.router.report(
            "training_success",
            "weekly-2",
            decision="deploy",
            improvement=result.get("improvement"),
            new_r2=result["challenger"]["holdout"]["r2"],
        )
        self.say(f"  R² {self._score(WEEKS_AFTER):.2f} in the two weeks after")
        self.model.monitor(WEEKS_AFTER)
        for alertname in ("TrainingFailure", "ModelPerformanceCritical", "HighDrift"):
            self._wait(alertname, "resolved", reports=2 if alertname == "TrainingFailure" else 1)

    def _score(self, span: Span) -> float:
        return float(self.model.evaluate(span)["r2"])

    def _wait(self, alertname: str, status: str, *, reports: int = 1) -> None:
        def all_are() -> bool:
            found = self.router.statuses(alertname)
            return len(found) >= reports and set(found) == {status}

        took_s = until(all_are, f"{alertname} is {status}", within_s=WITHIN_S)
        self.say(f"  {alertname} {status} after {took_s:.0f} s")
