"""What the ingest routes share: the body, and the quarantine of what cannot be parsed."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from alert_router.domain.model import RefusedBody
from alert_router.sources.errors import InvalidBody
from alert_router.sources.webhook import WebhookMessage
from alert_router.web.dependencies import State
from alert_router.web.metrics import Metrics
from alert_router.web.problems import Problem

log = logging.getLogger(__name__)
JSON_TYPES = ("application/json", "+json")
MAX_LOGGED_CHARS = 500
"""Characters of a reason in the log; all of it is in the quarantine."""
ERRORS = (401, 403, 413, 415, 422, 503)


class DirectRoute(APIRoute):
    """Documented like any other, but its endpoint gets the request and texts of the address, unchecked.

    To resolve dependencies and to check the answer took a third of the event loop's time under load.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint
        names = frozenset(field.alias for field in self.dependant.query_params)

        async def handle(request: Request) -> Response:
            texts: dict[str, str] = dict(request.path_params)
            if request.scope["query_string"]:
                texts |= {name: text for name, text in request.query_params.items() if name in names}
            answer = await endpoint(request, **texts)
            return Response(answer.model_dump_json(), media_type=JSON_TYPES[0])

        return handle


async def read_body(request: Request) -> bytes:
    """Raises Problem."""
    content_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not content_type.endswith(JSON_TYPES):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type must be application/json, not {content_type}"
        )
    return await request.body()


Body = Annotated[bytes, Depends(read_body)]


async def quarantine(source: str, body: bytes, invalid: InvalidBody, state: State) -> Problem:
    """Keep a body that cannot be parsed; the answer to its sender, who will not send it again."""
    now = state["clock"]()
    refused = (RefusedBody(now, source, str(invalid), body),)
    await state["intake"].accept(WebhookMessage(source, now, refused=refused))
    record_quarantined(state["metrics"], refused)
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{invalid.errors[0]}. The body is kept in the quarantine",
        errors=invalid.errors,
    )


def record_quarantined(metrics: Metrics, refused: Sequence[RefusedBody]) -> None:
    """Count and log what one sender's request brought into the quarantine, in one line."""
    if not refused:
        return
    first, alerts = refused[0], sum(item.alerts for item in refused)
    metrics.quarantined.labels(first.source.partition(":")[0]).inc(alerts)
    # The reason quotes the sender's field names: they must not forge a log line or move a terminal's cursor.
    reason = "".join(char if char.isprintable() else " " for char in first.reason[:MAX_LOGGED_CHARS])
    others = f" (and {alerts - 1} more)" if alerts > 1 else ""
    log.warning("quarantined from %s: %s%s", first.source, reason, others)
