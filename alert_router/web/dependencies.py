"""The typed lifespan state, and the dependencies that hand it to the route handlers.

All dependencies are coroutines: FastAPI runs plain functions in a thread, which costs more.
"""

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
from alert_router.store import questions
from alert_router.store.engine import Store
from alert_router.store.questions import Question
from alert_router.web.access import Access
from alert_router.web.live_updates import LiveUpdates
from alert_router.web.metrics import Metrics
from alert_router.web.operations import Operations
from alert_router.web.pages import Pages
from alert_router.web.passwords import Passwords
from alert_router.web.people import People

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
    operations: Operations
    people: People
    access: Access
    passwords: Passwords
    act_links: ActLinks
    silencer: Silencer


def state_of(connection: HTTPConnection[Any]) -> State:
    return cast("State", connection.state)


class Reader:
    """Asks the database what a person wants to know: not on the event loop, and before nobody's alerts."""

    def __init__(self, store: Store, people: People, request: Request) -> None:
        self._store = store
        self._people = people
        self._request = request

    async def run(self, query: Callable[[sa.Connection], T]) -> T:
        """Raises Unavailable, which is answered with 503; Problem and ClientGone as People does."""
        question = Question()

        def read() -> T:
            with questions.asked(self._store, question) as conn:
                return query(conn)

        return await self._people.compute(read, self._request, question)

    async def compute(self, work: Callable[[], T]) -> T:
        """What takes long without the database. Raises Problem and ClientGone as People does."""
        return await self._people.compute(work, self._request)


async def _state(request: Request) -> State:
    return state_of(request)


async def _now(request: Request) -> datetime:
    return state_of(request)["clock"]()


async def _reader(request: Request) -> Reader:
    state = state_of(request)
    return Reader(state["store"], state["people"], request)


StateDep = Annotated[State, Depends(_state)]
ReaderDep = Annotated[Reader, Depends(_reader)]
RowId = Annotated[int, Path(ge=1, lt=2**62)]
Now = Annotated[datetime, Depends(_now)]
"""The time when the parameters before it were resolved: a handler declares it after the body."""
