from pathlib import Path

import pytest

from monitoring.custom_exporters import settings
from monitoring.custom_exporters.settings import SettingsError

PASSWORD = {"AIRFLOW_EXPORTER_PASSWORD": "secret"}


def test_the_password_is_all_that_must_be_set() -> None:
    given = settings.from_environment(PASSWORD)

    assert (given.host, given.port) == ("127.0.0.1", 9101)
    assert given.airflow_url == "http://127.0.0.1:8080"
    assert given.dag_ids == frozenset()


def test_the_password_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")

    given = settings.from_environment({"AIRFLOW_EXPORTER_PASSWORD_FILE": str(tmp_path / "password")})

    assert given.password.get_secret_value() == "secret"


def test_dag_ids_are_a_list() -> None:
    given = settings.from_environment({**PASSWORD, "AIRFLOW_EXPORTER_DAG_IDS": "one, two,"})

    assert given.dag_ids == {"one", "two"}


def test_an_ipv6_address_can_be_listened_on() -> None:
    given = settings.from_environment({**PASSWORD, "AIRFLOW_EXPORTER_LISTEN": "[::]:9101"})

    assert (given.host, given.port) == ("::", 9101)


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
def test_a_wrong_setting_is_named_and_no_secret_is_quoted(name: str, value: str) -> None:
    base = {} if "PASSWORD" in name else PASSWORD

    with pytest.raises(SettingsError, match=name.removesuffix("_FILE")) as refused:
        settings.from_environment({**base, name: value})

    assert "secret" not in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_file_that_is_empty_is_no_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n")

    with pytest.raises(SettingsError, match="is empty"):
        settings.from_environment({"AIRFLOW_EXPORTER_PASSWORD_FILE": str(tmp_path / "password")})


def test_a_password_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="both set"):
        settings.from_environment({**PASSWORD, "AIRFLOW_EXPORTER_PASSWORD_FILE": str(tmp_path)})


def test_misspelt_names_are_found() -> None:
    names = settings.unknown_names({**PASSWORD, "AIRFLOW_EXPORTER_PASWORD": "x", "HOME": "/"})

    assert names == ["AIRFLOW_EXPORTER_PASWORD"]
