from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import settings as hypothesis_settings

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.data.counts import Counts, hour_number
from backend.regmodel.data.generated import generated_year
from backend.regmodel.data.history import History
from backend.regmodel.settings import Settings

NOON = datetime(2021, 6, 1, 12, tzinfo=UTC)
REAL_DATA = Path(__file__).parents[3].parent / "shared" / "data"

hypothesis_settings.register_profile("backend", max_examples=50, deadline=None)
hypothesis_settings.load_profile("backend")


def at(text: str) -> datetime:
    """`2020-12-01` or `2020-12-01T08` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def flat(hours: int, counters: tuple[str, ...] = ("a",), *, start: str = "2020-09-01") -> Counts:
    """Counts of 10 at every hour."""
    return Counts(hour_number(at(start)), counters, np.full((hours, len(counters)), 10.0))


@pytest.fixture(scope="session")
def year() -> History:
    return History.of(generated_year(counters=14))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return small_settings(tmp_path)


def small_settings(folder: Path, **changes: object) -> Settings:
    return Settings.model_validate({"state_dir": folder, "generated_counters": 14, **changes})


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client
