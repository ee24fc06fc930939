"""The pipeline's tests, and their cast: a warehouse, the stand-in for Paris, a router that is a list.

They run in the pipeline's own environment: .venv-airflow/bin/python -m pytest tests/dags
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from dags.utils import warehouse
from tests.standins.paris import server, year
from tests.standins.paris.publication import PROMPT
from tests.standins.paris.state import ParisState
from tests.standins.paris.year import Year

if find_spec("airflow") is None:
    # Another environment's run of all tests: these have a run of their own, in which Airflow must be there.
    collect_ignore_glob = ["test_*.py"]

NOON = datetime(2020, 11, 18, 12, tzinfo=UTC)


@pytest.fixture
def warehouse_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'warehouse.db'}"


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[sa.Engine]:
    with warehouse.opened(warehouse_url) as opened:
        yield opened


@pytest.fixture
def paris() -> ParisState:
    """Six counters and four months, without delays and nulls until a test asks for them."""
    return ParisState(four_months(), NOON, PROMPT)


@cache
def four_months() -> Year:
    return year.generated(days=120)


@pytest.fixture
def paris_url(paris: ParisState) -> Iterator[str]:
    with server.running(paris) as url:
        yield url


@dataclass
class Router:
    """Answers POST /events as it is told to, 201 when it is told nothing, and keeps what it took."""

    answers: list[int] = field(default_factory=list)
    taken: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = self.answers.pop(0) if self.answers else 201
        if status == 0:
            raise httpx.ConnectError("refused", request=request)
        if status in (200, 201):
            self.taken.append(request)
        return httpx.Response(status, text=f"answer {status}")

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)


@pytest.fixture
def router() -> Router:
    return Router()
