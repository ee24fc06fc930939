"""The exporter's settings from the environment. The password can also be a file, by its name with _FILE."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "AIRFLOW_EXPORTER_"
SECRETS = ("AIRFLOW_EXPORTER_PASSWORD",)


class SettingsError(Exception):
    """A setting is wrong; the text says which and why, and holds no secret."""


def _root(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    if parts.username or parts.password:
        raise ValueError("must hold no user; the user has its own settings")
    return value.rstrip("/")


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004
        raise ValueError("must be host:port, such as 127.0.0.1:9101")
    return value


def _names(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _filled(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("is empty")
    return value


class SecretFileSource(PydanticBaseSettingsSource):
    """Reads a secret NAME from the file that the variable NAME_FILE names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = field.alias or field_name
        path = os.environ.get(f"{name}_FILE") if name in SECRETS else None
        if path and os.environ.get(name):
            raise SettingsError(f"{name} and {name}_FILE are both set; keep one")
        return (_read(name, path) if path else None), name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        values = [self.get_field_value(field, field_name) for field_name, field in fields]
        return {name: value for value, name, _ in values if value is not None}


class Settings(BaseSettings):
    """An empty variable counts as not set, as docker compose passes them."""

    model_config = SettingsConfigDict(
        frozen=True,
        populate_by_name=True,
        extra="forbid",
        hide_input_in_errors=True,
        case_sensitive=True,
        env_ignore_empty=True,
        # Without a prefix a variable named like a field, such as username, would be read too.
        env_prefix=PREFIX,
    )

    airflow_url: Annotated[
        str,
        AfterValidator(_root),
        Field(alias="AIRFLOW_EXPORTER_AIRFLOW_URL", description="Where Airflow's API server answers"),
    ] = "http://127.0.0.1:8080"
    username: Annotated[
        str, Field(alias="AIRFLOW_EXPORTER_USERNAME", description="An Airflow user with the viewer role")
    ] = "exporter"
    password: Annotated[
        SecretStr,
        AfterValidator(_filled),
        Field(alias="AIRFLOW_EXPORTER_PASSWORD", description="Its password; must be set"),
    ]
    listen: Annotated[
        str,
        AfterValidator(_listen),
        Field(alias="AIRFLOW_EXPORTER_LISTEN", description="host:port to serve /metrics on"),
    ] = "127.0.0.1:9101"
    state_file: Annotated[
        Path,
        Field(
            alias="AIRFLOW_EXPORTER_STATE_FILE",
            description="Remembers which runs were counted; one file for one Airflow",
        ),
    ] = Path("airflow_exporter.db")
    refresh_s: Annotated[
        PositiveFloat,
        Field(alias="AIRFLOW_EXPORTER_REFRESH_SECONDS", description="Pause between two polls of Airflow"),
    ] = 15.0
    timeout_s: Annotated[
        PositiveFloat,
        Field(
            alias="AIRFLOW_EXPORTER_TIMEOUT_SECONDS",
            description="Airflow counts as unavailable when an answer takes longer",
        ),
    ] = 10.0
    stale_s: Annotated[
        PositiveFloat,
        Field(
            alias="AIRFLOW_EXPORTER_STALE_SECONDS",
            description="Values older than this are dropped, should a poll never end",
        ),
    ] = 300.0
    dag_ids: Annotated[
        frozenset[str],
        NoDecode,
        BeforeValidator(_names),
        Field(
            alias="AIRFLOW_EXPORTER_DAG_IDS",
            description="Only these DAGs get series, separated by commas; empty means all",
        ),
    ] = frozenset()

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, SecretFileSource(settings_cls)


def names() -> list[str]:
    return [field.alias for field in Settings.model_fields.values() if field.alias]


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Variables with the exporter's prefix that are not settings: most often a typing error."""
    known = {*names(), *(f"{name}_FILE" for name in SECRETS)}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def load() -> Settings:
    """From the environment. Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        raise SettingsError("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in details)) from None


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE: cannot be read ({type(error).__name__}): {path}") from None
