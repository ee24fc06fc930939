from pathlib import Path

import pytest

from dags.pipeline import settings
from dags.pipeline.settings import Settings, SettingsError


def load(monkeypatch: pytest.MonkeyPatch, **environ: str) -> Settings:
    """From this environment alone."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)
        monkeypatch.delenv(f"{field.alias}_FILE", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return settings.load()


def test_defaults_are_a_pipeline_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load(monkeypatch)

    assert defaults.warehouse_url.get_secret_value().startswith("sqlite:///")
    assert defaults.paris_url.startswith("https://opendata.paris.fr/")
    assert (defaults.model_url, defaults.router_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8010")
    assert defaults.router_token is None


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "BIKE_WAREHOUSE_URL": "sqlite:///other.db",
        "BIKE_PARIS_API_URL": "http://paris",
        "BIKE_MODEL_API_URL": "http://model",
        "BIKE_MODEL_API_KEY": "key",
        "BIKE_MODEL_TYPE": "hgb",
        "BIKE_TRAIN_DAYS": "30",
        "BIKE_FIRST_FETCH_DAYS": "45",
        "BIKE_LOOKBACK_DAYS": "5",
        "ALERT_ROUTER_URL": "http://router",
        "ALERT_ROUTER_TOKEN": "token",
    }

    loaded = load(monkeypatch, **values)

    secrets = {"warehouse_url", "model_key", "router_token"}
    dumped = {
        str(field.alias): getattr(loaded, name).get_secret_value()
        if name in secrets
        else getattr(loaded, name)
        for name, field in Settings.model_fields.items()
    }
    assert {name: str(value) for name, value in dumped.items()} == values


@pytest.mark.parametrize("name", settings.SECRETS)
def test_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text("abc\n")

    loaded = load(monkeypatch, **{f"{name}_FILE": str(file)})

    [field] = [key for key, info in Settings.model_fields.items() if info.alias == name]
    assert getattr(loaded, field).get_secret_value() == "abc"
    assert "abc" not in repr(loaded)


def test_only_secrets_have_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, BIKE_MODEL_TYPE_FILE="/nowhere").model_type == "rf"


def test_secret_set_twice_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ALERT_ROUTER_TOKEN and ALERT_ROUTER_TOKEN_FILE are both set"):
        load(monkeypatch, ALERT_ROUTER_TOKEN="a", ALERT_ROUTER_TOKEN_FILE=str(tmp_path))


def test_unreadable_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="ALERT_ROUTER_TOKEN_FILE"):
        load(monkeypatch, ALERT_ROUTER_TOKEN_FILE="/nowhere/token")


@pytest.mark.parametrize("name", ["BIKE_MODEL_API_URL", "ALERT_ROUTER_URL", "BIKE_PARIS_API_URL"])
def test_invalid_url_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(monkeypatch, **{name: "model:8000"})


def test_trailing_slash_of_a_url_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, ALERT_ROUTER_URL="http://router:8010/").router_url == "http://router:8010"


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, BIKE_MODEL_TYPE="", BIKE_TRAIN_DAYS="").model_type == "rf"


def test_variable_named_like_a_field_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, router_url="http://other").router_url == "http://127.0.0.1:8010"
