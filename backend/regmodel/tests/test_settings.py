"""Settings from the environment, and secrets from files."""

from pathlib import Path

import pytest
from pydantic_settings import SettingsError

from backend.regmodel.settings import Settings
from backend.regmodel.tests.conftest import small_settings


@pytest.fixture
def secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "api_key"
    path.write_text("s3cret\n")
    monkeypatch.setenv("REGMODEL_API_KEY_FILE", str(path))
    return path


def api_key(settings: Settings) -> str | None:
    return settings.api_key.get_secret_value() if settings.api_key else None


@pytest.mark.usefixtures("secret_file")
def test_secret_is_read_from_its_file() -> None:
    assert api_key(Settings()) == "s3cret"


@pytest.mark.usefixtures("secret_file")
def test_secret_and_its_file_together_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGMODEL_API_KEY", "another")

    with pytest.raises(
        SettingsError, match="REGMODEL_API_KEY and REGMODEL_API_KEY_FILE are both set"
    ) as error:
        Settings()
    assert "another" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_unusable_secret_file_is_an_error(secret_file: Path, content: bytes | None) -> None:
    secret_file.unlink()
    if content is not None:
        secret_file.write_bytes(content)

    with pytest.raises(SettingsError, match="REGMODEL_API_KEY_FILE: "):
        Settings()


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "API_KEY_FILE", "DATA_DIR", "LISTEN", "MAX_ROWS"):
        monkeypatch.setenv(f"REGMODEL_{name}", "")

    settings = Settings()

    assert api_key(settings) is None
    assert settings.data_dir is None
    assert settings.host_and_port == ("127.0.0.1", 8000)


@pytest.mark.usefixtures("secret_file")
def test_empty_secret_beside_its_file_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGMODEL_API_KEY", "")

    assert api_key(Settings()) == "s3cret"


def test_api_key_is_not_in_the_repr_of_settings(tmp_path: Path) -> None:
    assert "s3cret" not in repr(small_settings(tmp_path, api_key="s3cret"))
