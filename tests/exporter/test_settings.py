import os
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring.custom_exporters import settings
from monitoring.custom_exporters.settings import Settings, SettingsError

PASSWORD = {"AIRFLOW_EXPORTER_PASSWORD": "secret"}
Load = Callable[[dict[str, str]], Settings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads the settings from this environment alone."""

    def load(environ: dict[str, str]) -> Settings:
        for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
            monkeypatch.delenv(name)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return settings.load()

    return load


def test_only_the_password_is_required(load: Load) -> None:
    loaded = load(PASSWORD)

    assert (loaded.host, loaded.port) == ("127.0.0.1", 9101)
    assert loaded.airflow_url == "http://127.0.0.1:8080"
    assert loaded.dag_ids == frozenset()


def test_password_from_a_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")

    loaded = load({"AIRFLOW_EXPORTER_PASSWORD_FILE": str(tmp_path / "password")})

    assert loaded.password.get_secret_value() == "secret"


def test_dag_ids_are_a_list(load: Load) -> None:
    loaded = load({**PASSWORD, "AIRFLOW_EXPORTER_DAG_IDS": "one, two,"})

    assert loaded.dag_ids == {"one", "two"}


def test_listen_on_ipv6(load: Load) -> None:
    loaded = load({**PASSWORD, "AIRFLOW_EXPORTER_LISTEN": "[::]:9101"})

    assert (loaded.host, loaded.port) == ("::", 9101)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AIRFLOW_EXPORTER_AIRFLOW_URL", "airflow:8080"),
        ("AIRFLOW_EXPORTER_AIRFLOW_URL", "http://user:hidden@airflow:8080"),
        ("AIRFLOW_EXPORTER_LISTEN", "9101"),
        ("AIRFLOW_EXPORTER_LISTEN", "127.0.0.1:0"),
        ("AIRFLOW_EXPORTER_REFRESH_SECONDS", "0"),
        ("AIRFLOW_EXPORTER_TIMEOUT_SECONDS", "soon"),
        ("AIRFLOW_EXPORTER_STALE_SECONDS", "-1"),
        ("AIRFLOW_EXPORTER_PASSWORD", ""),
        ("AIRFLOW_EXPORTER_PASSWORD_FILE", "/no/such/file"),
    ],
)
def test_invalid_setting_is_named_without_secrets(load: Load, name: str, value: str) -> None:
    base = {} if "PASSWORD" in name else PASSWORD

    with pytest.raises(SettingsError, match=name.removesuffix("_FILE")) as refused:
        load({**base, name: value})

    assert "secret" not in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_empty_password_file_is_refused(load: Load, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")

    with pytest.raises(SettingsError, match="is empty"):
        load({"AIRFLOW_EXPORTER_PASSWORD_FILE": str(tmp_path / "password")})


def test_password_set_twice_is_refused(load: Load, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="both set"):
        load({**PASSWORD, "AIRFLOW_EXPORTER_PASSWORD_FILE": str(tmp_path)})


def test_unknown_names_are_found() -> None:
    names = settings.unknown_names({**PASSWORD, "AIRFLOW_EXPORTER_PASWORD": "x", "HOME": "/"})

    assert names == ["AIRFLOW_EXPORTER_PASWORD"]


def test_variable_named_like_a_field_is_ignored(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("username", "somebody")

    assert load(PASSWORD).username == "exporter"


def test_empty_variable_counts_as_unset(load: Load) -> None:
    assert load({**PASSWORD, "AIRFLOW_EXPORTER_REFRESH_SECONDS": ""}).refresh_s == 15
