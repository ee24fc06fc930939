"""A fake model service whose measurements the test sets; strict about its requests."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CHAMPION = "rf-20201101T000000-aaaaaa"


@dataclass
class FakeModelService:
    r2: float | None = 0.9
    rmse: float | None = 20.0
    drift_share: float | None = 0.1
    drifted: tuple[str, ...] = ()
    decision: str = "deploy"
    training_error: str | None = None
    interruptions: int = 0
    """How many of the next trainings a restart of the service interrupts."""
    polls: int = 0
    """How many status requests a training is still running for."""
    broken: dict[str, int] = field(default_factory=dict)
    """Path -> status of every response to it."""
    champion: str | None = CHAMPION
    models: list[tuple[str, bool, datetime]] = field(default_factory=list)
    """Type, test_mode, and where the training window ended."""
    observed: dict[tuple[str, str], int] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    trainings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By idempotency key."""

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]


def create_app(service: FakeModelService) -> Starlette:  # noqa: C901 - a list of small handlers over one state
    async def predict(_: Request, body: dict[str, Any]) -> Response:
        assert set(body) == {"model_type", "rows"}
        rows = [{**row, "count": float(number % 50)} for number, row in enumerate(body["rows"])]
        assert all(datetime.fromisoformat(row["at"]).tzinfo for row in rows)
        answer = {"model_type": "rf", "champion_run_id": service.champion, "predictions": rows}
        return JSONResponse({**answer, "unknown_counters": []})

    async def observations(_: Request, body: dict[str, Any]) -> Response:
        assert all(set(row) == {"counter_id", "at", "count"} for row in body["rows"])
        service.observed.update({(row["counter_id"], row["at"]): row["count"] for row in body["rows"]})
        return JSONResponse({"stored": len(body["rows"])})

    async def monitor(_: Request, body: dict[str, Any]) -> Response:
        assert set(body) == {"model_type", "start", "end"}
        share = service.drift_share
        return JSONResponse(
            {
                "status": "computed" if share is not None else "not_computed",
                "reason": None if share is not None else "too few hours",
                "drift_share": share,
                "drift_detected": None if share is None else share > 0.5,
                "drifted_features": list(service.drifted),
            }
        )

    async def evaluate(_: Request, body: dict[str, Any]) -> Response:
        assert set(body) == {"model_type", "start", "end"}
        return JSONResponse({"r2": service.r2, "rmse": service.rmse, "mae": 9.0, "rows": 900, "reason": None})

    async def train(request: Request, body: dict[str, Any]) -> Response:
        assert set(body) == {"model_type", "test_mode", "start", "end"}
        number = service.paths().count("/train")
        run = {"run_id": f"rf-20201118T120000-{number:06x}", "state": "queued", "left": service.polls}
        key = request.headers["idempotency-key"]
        if key not in service.trainings or service.trainings[key]["state"] == "failed":
            service.trainings[key] = {**run, "test_mode": body["test_mode"]}
        return JSONResponse(service.trainings[key], 202)

    async def training(request: Request, _: dict[str, Any]) -> Response:
        run_id = request.path_params["run_id"]
        [run] = [run for run in service.trainings.values() if run["run_id"] == run_id]
        if run["state"] == "failed":
            return JSONResponse({**run, "interrupted": True, "reason": "the service stopped"})
        run["left"] -= 1
        if run["left"] >= 0:
            return JSONResponse({**run, "state": "running"})
        if service.interruptions:
            service.interruptions -= 1
            run["state"] = "failed"
            return JSONResponse({**run, "interrupted": True, "reason": "the service stopped"})
        if service.training_error:
            return JSONResponse({**run, "state": "failed", "reason": service.training_error})
        return JSONResponse({**run, "state": "succeeded", "result": result(run)})

    def result(run: dict[str, Any]) -> dict[str, Any]:
        return {
            "decision": "skip_test_mode" if run["test_mode"] else service.decision,
            "reason": "R2 on the holdout changed by +0.050",
            "improvement": 0.05,
            "fit_seconds": 1.5,
            "challenger": {"holdout": {"r2": 0.85}},
            "champion_run_id": service.champion,
            "champion": {"holdout": {"r2": 0.80}},
        }

    async def promote(_: Request, body: dict[str, Any]) -> Response:
        if body["expected_champion"] != service.champion:
            return JSONResponse({"detail": "another champion"}, 409)
        service.champion = body["run_id"]
        return JSONResponse({"promoted": True})

    async def summary(_: Request, __: dict[str, Any]) -> Response:
        models = [
            {"model_type": kind, "test_mode": test_mode, "holdout": {"end": end.isoformat()}}
            for kind, test_mode, end in service.models
        ]
        return JSONResponse(
            {"champions": {"rf": service.champion} if service.champion else {}, "models": models}
        )

    def route(path: str, handler: Any, method: str) -> Route:
        async def answer(request: Request) -> Response:
            body = await request.json() if method == "POST" else {}
            service.requests.append((path, body))
            if status := service.broken.get(path):
                return Response(f"broken by the test: {status}", status)
            response: Response = await handler(request, body)
            return response

        return Route(path, answer, methods=[method])

    return Starlette(
        routes=[
            route("/predict", predict, "POST"),
            route("/observations", observations, "POST"),
            route("/monitor", monitor, "POST"),
            route("/evaluate", evaluate, "POST"),
            route("/train", train, "POST"),
            route("/train/{run_id}", training, "GET"),
            route("/promote_champion", promote, "POST"),
            route("/model_summary", summary, "GET"),
        ]
    )
