"""The pipeline's settings from the environment. A secret NAME can also be given as a file, by NAME_FILE."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

SECRETS = ("BIKE_WAREHOUSE_URL", "BIKE_MODEL_API_KEY", "ALERT_ROUTER_TOKEN")
PARIS = "https://opendata.paris.fr/api/explore/v2.1/catalog/datasets/comptage-velo-donnees-compteurs"


class SettingsError(Exception):
    """A setting is wrong; the text says which and why, and holds no secret."""


Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+"), BeforeValidator(lambda url: str(url).rstrip("/"))]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid", hide_input_in_errors=True)

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
    router_url: Annotated[Url, Field(alias="ALERT_ROUTER_URL", description="Where events are told")] = (
        "http://127.0.0.1:8010"
    )
    router_token: Annotated[
        SecretStr | None, Field(alias="ALERT_ROUTER_TOKEN", description="One of the router's ingest tokens")
    ] = None

    @property
    def model_host(self) -> str:
        """host:port, without what may be secret in the URL."""
        return urlsplit(self.model_url).netloc.rpartition("@")[2]


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Raises SettingsError. An empty variable counts as not set, as docker compose passes them."""
    names = [field.alias for field in Settings.model_fields.values() if field.alias]
    given = {name: environ[name] for name in names if environ.get(name)}
    for name in SECRETS:
        if path := environ.get(f"{name}_FILE"):
            if name in given:
                raise SettingsError(f"{name} and {name}_FILE are both set; keep one")
            given[name] = _secret_file(name, path)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())) from None


def _secret_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: {error.strerror}: {path}") from None
