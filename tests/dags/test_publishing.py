from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dags.pipeline import ingestion, observation_sync, settings
from dags.pipeline.model_api import ModelApi, Refused, connected
from dags.pipeline.paris_api import Count
from testbed.fakes.paris.server import serving
from testbed.pipeline import model_service
from testbed.pipeline.fake_router import NOON
from testbed.pipeline.model_service import FakeModelService

HOUR = timedelta(hours=1)


@pytest.fixture
def service() -> FakeModelService:
    return FakeModelService()


@pytest.fixture
def api(service: FakeModelService) -> Iterator[ModelApi]:
    with (
        serving(model_service.create_app(service)) as url,
        connected(settings.load(model_url=url)) as api,
    ):
        yield api


def ingested(engine: sa.Engine, *counts: Count, hours_later: int = 0) -> None:
    ingestion.ingest(engine, counts, lambda: NOON + HOUR * hours_later)


def test_counts_are_sent_once(engine: sa.Engine, api: ModelApi, service: FakeModelService) -> None:
    ingested(engine, Count("a", NOON, 1), Count("b", NOON, 2))

    sent = [observation_sync.publish(engine, api, "model") for _ in range(2)]

    assert sent == [2, 0]
    assert service.observed == {("a", NOON.isoformat()): 1, ("b", NOON.isoformat()): 2}


def test_late_and_corrected_counts_are_sent(
    engine: sa.Engine, api: ModelApi, service: FakeModelService
) -> None:
    ingested(engine, Count("a", NOON, 1))
    observation_sync.publish(engine, api, "model")

    ingested(engine, Count("a", NOON, 5), Count("b", NOON - 50 * HOUR, 2), hours_later=1)

    assert observation_sync.publish(engine, api, "model") == 2
    assert service.observed["a", NOON.isoformat()] == 5


def test_failed_send_is_repeated_next_time(
    engine: sa.Engine, api: ModelApi, service: FakeModelService
) -> None:
    ingested(engine, Count("a", NOON, 1))
    service.broken["/observations"] = 422
    with pytest.raises(Refused):
        observation_sync.publish(engine, api, "model")

    service.broken.clear()

    assert observation_sync.publish(engine, api, "model") == 1


@pytest.mark.parametrize("strange", [Count("", NOON, 5), Count("b", NOON, -1), Count("b", NOON, 1_000_001)])
def test_invalid_row_does_not_block_valid_rows(
    engine: sa.Engine, api: ModelApi, service: FakeModelService, strange: Count
) -> None:
    ingested(engine, strange, Count("a", NOON, 1))

    assert observation_sync.publish(engine, api, "model") == 1
    assert service.observed == {("a", NOON.isoformat()): 1}


def test_another_service_is_sent_everything(engine: sa.Engine, api: ModelApi) -> None:
    ingested(engine, Count("a", NOON, 1))

    assert [observation_sync.publish(engine, api, reader) for reader in ("old:8000", "new:8000")] == [1, 1]


def test_reset_service_is_sent_everything(
    engine: sa.Engine, api: ModelApi, service: FakeModelService
) -> None:
    ingested(engine, Count("a", NOON, 1), Count("b", NOON, 2))
    observation_sync.publish(engine, api, "model")

    service.champion = None
    service.observed.clear()

    assert observation_sync.publish(engine, api, "model") == 2
    assert len(service.observed) == 2


def test_empty_warehouse_has_nothing_to_send(engine: sa.Engine, api: ModelApi) -> None:
    assert observation_sync.publish(engine, api, "model") == 0
