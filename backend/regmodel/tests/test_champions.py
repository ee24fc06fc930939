"""Champions are loaded as the registry changes, and what cannot be read is looked at again."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.data.history import History
from backend.regmodel.model import forecaster
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.model.forecaster import Forecaster
from backend.regmodel.registry.champions import Champions
from backend.regmodel.registry.registry import Registry
from backend.regmodel.registry.storage import Storage
from backend.regmodel.settings import Settings
from backend.regmodel.tests.conftest import small_settings
from backend.regmodel.tests.factories import SPAN, add, promote
from backend.regmodel.tests.service_client import until


@pytest.fixture(scope="module")
def fitted(year: History) -> Forecaster:
    rows = year.counts.recorded(SPAN.window)
    return forecaster.fit(year, rows, ModelType.HGB, test_mode=True, settings={})


@pytest.fixture
def registry(settings: Settings, fitted: Forecaster) -> Registry:
    """Beside the service, as another process: it holds the champion rf-1."""
    registry = Registry(Storage.at(settings.registry))
    enter(registry, "rf-1", fitted)
    return registry


def enter(registry: Registry, run_id: str, fitted: Forecaster) -> None:
    registry.save(run_id, fitted)
    add(registry, run_id)
    promote(registry, run_id)


def champion(champions: Champions) -> str | None:
    loaded = champions.get(ModelType.RF)
    return loaded.model.run_id if loaded else None


@pytest.mark.parametrize("broken", [b"", b"no model at all", b"\x80\x05."])
def test_invalid_model_file_keeps_the_old_champion(
    registry: Registry, fitted: Forecaster, broken: bytes
) -> None:
    champions = Champions(registry)
    champions.refresh()
    enter(registry, "rf-2", fitted)
    registry.storage.replace("models/rf-2/model.joblib", broken)

    champions.refresh()
    error, kept = champions.error, champion(champions)
    registry.save("rf-2", fitted)
    champions.refresh()

    assert "rf-2" in str(error)
    assert kept == "rf-1"
    assert (champion(champions), champions.error) == ("rf-2", None)


class DriverError(Exception):
    """As gcsfs raises: no OSError, and without a word."""


def test_any_storage_error_degrades_health_until_it_passes(
    settings: Settings, registry: Registry, fitted: Forecaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> list[str]:
        raise DriverError

    settings = small_settings(Path(settings.state_dir), registry_refresh_seconds=0.01)
    with TestClient(create_app(settings)) as client:
        with monkeypatch.context() as patched:
            patched.setattr(Storage, "names", away)
            until(lambda: client.get("/health").status_code == 503 or None)
            detail = client.get("/health").json()["detail"]
        enter(registry, "rf-2", fitted)

        until(lambda: client.get("/health").json()["champions"].get("rf") == "rf-2" or None, seconds=10)

        assert detail == "DriverError"
        assert client.get("/health").status_code == 200


def test_invalid_model_file_at_start_degrades_health(
    settings: Settings, registry: Registry, fitted: Forecaster
) -> None:
    settings = small_settings(Path(settings.state_dir), registry_refresh_seconds=0.01)
    registry.storage.replace("models/rf-1/model.joblib", b"no model at all")

    with TestClient(create_app(settings)) as client:
        start = client.get("/health")
        registry.save("rf-1", fitted)

        until(lambda: client.get("/health").status_code == 200 or None, seconds=10)

    assert start.status_code == 503
    assert "rf-1" in start.json()["detail"]
