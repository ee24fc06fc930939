"""A router that only keeps what it is told, for tests of who tells what. The real one: test_standalone.py."""

from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Sink:
    status: int = 201
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def create_app(sink: Sink) -> Starlette:
    async def take(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer test-token"
        if sink.status == 201:
            sink.events.append(await request.json())
        return JSONResponse({}, sink.status)

    return Starlette(routes=[Route("/events", take, methods=["POST"])])
