"""Evaluates every week again when all its counts have arrived: its champion and the models that are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import httpx

from testbed.processes import until
from testbed.year.results import WEEK, EvaluatedWeek, Score, Week

AUTUMN = (date(2020, 9, 1), date(2020, 12, 1))
"""A whole season of schooling, as somebody would train who trains only once."""
TRAINING_S = 300.0


@dataclass(frozen=True, slots=True)
class Evaluator:
    http: httpx.Client
    """The model service."""
    model_type: str

    def evaluate(self, weeks: Sequence[Week]) -> tuple[EvaluatedWeek, ...]:
        """The weeks in which a champion answered."""
        served = [(before.champion, week) for before, week in pairwise(weeks) if before.champion]
        if not served:
            return ()
        first = served[0][0]
        autumn = self._autumn_model() if served[-1][1].first_day >= AUTUMN[1] else None
        return tuple(self._evaluate(week, champion, first, autumn) for champion, week in served)

    def _evaluate(self, week: Week, champion: str, first: str, autumn: str | None) -> EvaluatedWeek:
        start = week.first_day
        adaptive = self._score(champion, start)
        return EvaluatedWeek(
            first_day=start,
            adaptive=adaptive,
            kept=adaptive if champion == first else self._score(first, start),
            autumn=self._score(autumn, start) if autumn and start >= AUTUMN[1] else None,
        )

    def _autumn_model(self) -> str:
        start, end = (midnight(day).isoformat() for day in AUTUMN)
        body = {"model_type": self.model_type, "start": start, "end": end}
        run_id: str = self._post("/train", body)["run_id"]
        run: dict[str, Any] = {}

        def over() -> bool:
            run.update(self.http.get(f"/train/{run_id}").raise_for_status().json())
            return run["finished_at"] is not None

        until(over, f"training {run_id} ends", within_s=TRAINING_S)
        if run["state"] != "succeeded":
            raise RuntimeError(f"the training of the autumn failed: {run['reason']}")
        return run_id

    def _score(self, run_id: str, monday: date) -> Score:
        window = {"start": midnight(monday).isoformat(), "end": (midnight(monday) + WEEK).isoformat()}
        scores = self._post("/evaluate", {"model_type": self.model_type, "run_id": run_id, **window})
        return Score(r2=scores["r2"], rmse=scores["rmse"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.post(path, json=body).raise_for_status().json()
        return answer


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(tzinfo=UTC))


def mondays(first: date, count: int) -> list[date]:
    return [first + timedelta(weeks=number) for number in range(count)]
