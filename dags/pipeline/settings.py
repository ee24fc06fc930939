"""The pipeline's settings from the environment. A secret NAME can also be given as a file, by NAME_FILE."""

import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

SECRETS = ("BIKE_WAREHOUSE_URL", "BIKE_MODEL_API_KEY", "ALERT_ROUTER_TOKEN")
PARIS = "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/comptage-velo-donnees-compteurs"


class SettingsError(Exception):
    """A setting is wrong; the text says which and why, and holds no secret."""


Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+"), BeforeValidator(lambda url: str(url).rstrip("/"))]


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
        # Without a prefix a variable named like a field, such as router_url, would be read too.
        env_prefix="BIKE_",
    )

    warehouse_url: Annotated[
        SecretStr,
        Field(alias="BIKE_WAREHOUSE_URL", description="SQLAlchemy URL: SQLite, PostgreSQL, BigQuery"),
    ] = SecretStr("sqlite:///bike_warehouse.db")
    paris_url: Annotated[
        Url, Field(alias="BIKE_PARIS_API_URL", description="The data set of the counters")
    ] = PARIS
    model_url: Annotated[Url, Field(alias="BIKE_MODEL_API_URL", description="The model service")] = (
        "http://127.0.0.1:8000"
    )
    model_key: Annotated[
        SecretStr | None,
        Field(alias="BIKE_MODEL_API_KEY", description="Where the model service asks for one"),
    ] = None
    model_type: Annotated[
        str, Field(alias="BIKE_MODEL_TYPE", description="Which model is forecast and tuned")
    ] = "rf"
    train_days: Annotated[
        int, Field(alias="BIKE_TRAIN_DAYS", gt=14, description="How much of the past a model is trained on")
    ] = 365
    first_fetch_days: Annotated[
        int,
        Field(alias="BIKE_FIRST_FETCH_DAYS", gt=0, description="How far back an empty warehouse is filled"),
    ] = 90
    lookback_days: Annotated[
        int,
        Field(
            alias="BIKE_LOOKBACK_DAYS",
            gt=0,
            description="How far behind the newest hour late hours are sought",
        ),
    ] = 3
    router_url: Annotated[Url, Field(alias="ALERT_ROUTER_URL", description="Where events are posted")] = (
        "http://127.0.0.1:8010"
    )
    router_token: Annotated[
        SecretStr | None, Field(alias="ALERT_ROUTER_TOKEN", description="One of the router's ingest tokens")
    ] = None

    @property
    def model_host(self) -> str:
        """host:port, without what may be secret in the URL."""
        return urlsplit(self.model_url).netloc.rpartition("@")[2]

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


def load(**overrides: Any) -> Settings:
    """From the environment; a field in overrides wins over its variable. Raises SettingsError."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        raise SettingsError("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in details)) from None


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: {error.strerror}: {path}") from None
