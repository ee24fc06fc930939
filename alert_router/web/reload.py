"""POST /-/reload, and the metrics about it."""

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import APIRouter, Request
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from alert_router.services.reload import Refused, Reload
from alert_router.web import openapi
from alert_router.web.dependencies import state_of
from alert_router.web.problems import Problem

router = APIRouter(tags=["operations"])


class ReloadedOut(BaseModel):
    changes: str
    warnings: tuple[str, ...]
    """What is valid and probably not meant."""


@router.post(
    "/-/reload",
    summary="Load the configuration anew",
    responses=openapi.errors(401, 403, 422),
)
async def reload(request: Request) -> ReloadedOut:
    """A configuration with problems is refused with 422, which names them; the old one stays in effect."""
    result = await state_of(request)["reload"].run_once()
    if isinstance(result, Refused):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(result.problems))
    return ReloadedOut(changes=result.changes, warnings=result.warnings)


class ReloadCollector(Collector):
    def __init__(self, reload: Reload) -> None:
        self._reload = reload

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "alert_router_config_last_reload_successful",
            "Whether the last load of the configuration succeeded.",
            value=0 if self._reload.problems else 1,
        )
        yield GaugeMetricFamily(
            "alert_router_config_last_reload_success_timestamp_seconds",
            "When the configuration in effect was loaded.",
            value=self._reload.succeeded_at.timestamp(),
        )
