from pathlib import Path

import pytest

from dags.pipeline import settings
from dags.pipeline.settings import SettingsError


def test_nothing_set_is_a_pipeline_on_this_machine() -> None:
    found = settings.from_environment({})

    assert found.warehouse_url.get_secret_value().startswith("sqlite:///")
    assert found.paris_url.startswith("https://opendata.paris.fr/")
    assert (found.model_url, found.router_url) == ("http://127.0.0.1:8000", "http://127.0.0.1:8010")
    assert found.router_token is None


def test_a_secret_can_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n")

    found = settings.from_environment({"ALERT_ROUTER_TOKEN_FILE": str(file)})

    assert found.router_token is not None
    assert found.router_token.get_secret_value() == "abc"
    assert "abc" not in repr(found)


def test_a_secret_given_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="both set"):
        settings.from_environment({"ALERT_ROUTER_TOKEN": "a", "ALERT_ROUTER_TOKEN_FILE": str(tmp_path)})


def test_a_secret_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingsError, match="ALERT_ROUTER_TOKEN_FILE"):
        settings.from_environment({"ALERT_ROUTER_TOKEN_FILE": "/nowhere/token"})


@pytest.mark.parametrize("name", ["BIKE_MODEL_API_URL", "ALERT_ROUTER_URL", "BIKE_PARIS_API_URL"])
def test_an_address_that_is_none_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings.from_environment({name: "model:8000"})


def test_a_slash_at_the_end_of_an_address_makes_no_difference() -> None:
    assert (
        settings.from_environment({"ALERT_ROUTER_URL": "http://router:8010/"}).router_url
        == "http://router:8010"
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings.from_environment({"BIKE_MODEL_TYPE": ""}).model_type == "rf"
