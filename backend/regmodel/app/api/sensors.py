"""GET /sensors: the counters whose sensors are dead."""

from fastapi import APIRouter, Depends

from backend.regmodel.app.auth import KeyBeforeBody, require_api_key
from backend.regmodel.app.problems import documented
from backend.regmodel.app.schemas import Sensor, SensorsResponse
from backend.regmodel.app.state import Context

router = APIRouter(dependencies=[Depends(require_api_key)], route_class=KeyBeforeBody)


@router.get("/sensors", responses=documented(401, 500))
async def sensors(context: Context) -> SensorsResponse:
    """Dead sensors: a day of zeros where counts are usual. Those hours enter no fit, score or drift."""
    history = context.data.history
    return SensorsResponse(
        counters=len(history.counts.counters),
        dead=[
            Sensor(counter_id=sensor.counter_id, since=sensor.since, usual=sensor.usual)
            for sensor in history.dead_sensors
        ],
    )
