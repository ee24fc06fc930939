"""The typed lifespan state, and the dependencies that hand it to the route handlers.

All dependencies are coroutines: FastAPI runs plain functions in a thread, which costs more.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypedDict, TypeVar, cast

import sqlalchemy as sa
from fastapi import Depends, Path, Request
from starlette.requests import HTTPConnection

from alert_router.config.holder import ConfigurationHolder
from alert_router.domain.act_links import ActLinks
from alert_router.services.health import Health
from alert_router.services.intake import Intake
from alert_router.services.reload import Reload
from alert_router.services.sender_problems import SenderProblems
from alert_router.services.silence import Silencer
from alert_router.settings import Settings
from alert_router.store.engine import Store
from alert_router.web.live_updates import LiveUpdates
from alert_router.web.metrics import Metrics
from alert_router.web.pages import Pages

T = TypeVar("T")


class State(TypedDict):
    """What the lifespan yields: Starlette puts it on every request."""

    settings: Settings
    configuration: ConfigurationHolder
    reload: Reload
    store: Store
    intake: Intake
    metrics: Metrics
    pages: Pages
    live: LiveUpdates
    clock: Callable[[], datetime]
    check_health: Callable[[], Health]
    """Queries the database: not for the event loop."""
    sender_problems: SenderProblems
    act_links: ActLinks
    silencer: Silencer


def state_of(connection: HTTPConnection[Any]) -> State:
    return cast("State", connection.state)


class Reader:
    """Runs queries in a thread, so that none of them blocks the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, query: Callable[[sa.Connection], T]) -> T:
        """Raises Unavailable, which the application answers with 503."""

        def read() -> T:
            with self._store.read() as conn:
                return query(conn)

        return await asyncio.to_thread(read)


async def _state(request: Request) -> State:
    return state_of(request)


async def _now(request: Request) -> datetime:
    return state_of(request)["clock"]()


async def _reader(request: Request) -> Reader:
    return Reader(state_of(request)["store"])


StateDep = Annotated[State, Depends(_state)]
ReaderDep = Annotated[Reader, Depends(_reader)]
RowId = Annotated[int, Path(ge=1, lt=2**62)]
Now = Annotated[datetime, Depends(_now)]
"""The time when the parameters before it were resolved: a handler declares it after the body."""
