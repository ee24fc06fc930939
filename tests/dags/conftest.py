"""Fixtures of the pipeline's tests: a warehouse, the fake Paris API, a fake router.

They run in the pipeline's own environment: .venv-airflow/bin/python -m pytest tests/dags
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import sqlalchemy as sa

from dags.pipeline import warehouse
from testbed.fakes.paris import server, year
from testbed.fakes.paris.publication import PROMPT
from testbed.fakes.paris.state import ParisState
from testbed.fakes.paris.year import Year
from testbed.pipeline.fake_router import NOON, FakeRouter

if find_spec("airflow") is None:
    # Collected in another room's environment: these tests run in their own, where Airflow must be present.
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def warehouse_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'warehouse.db'}"


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[sa.Engine]:
    with warehouse.opened(warehouse_url) as opened:
        yield opened


@pytest.fixture
def paris() -> ParisState:
    """Six counters and four months, without delays and nulls unless a test sets them."""
    return ParisState(four_months(), NOON, PROMPT)


@cache
def four_months() -> Year:
    return year.generated(days=120)


@pytest.fixture
def paris_url(paris: ParisState) -> Iterator[str]:
    with server.running(paris) as url:
        yield url


@pytest.fixture
def router() -> FakeRouter:
    return FakeRouter()
