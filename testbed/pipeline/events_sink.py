"""A fake router on HTTP that only records events. The real router runs in test_airflow.py."""

from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class EventSink:
    status: int = 201
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def create_app(sink: EventSink) -> Starlette:
    async def record(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer test-token"
        if sink.status == 201:
            sink.events.append(await request.json())
        return JSONResponse({}, sink.status)

    return Starlette(routes=[Route("/events", record, methods=["POST"])])
