"""Settings from the environment. Every secret NAME can also be given as a file, by NAME_FILE."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    SecretStr,
    ValidationError,
)

PREFIX = "AIRFLOW_EXPORTER_"
SECRETS = ("AIRFLOW_EXPORTER_PASSWORD",)


class SettingsError(Exception):
    """A setting is wrong; the text says which and why, and holds no secret."""


def _root(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    if parts.username or parts.password:
        raise ValueError("must hold no user; the user has settings of its own")
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


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid", hide_input_in_errors=True)

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
        Field(alias="AIRFLOW_EXPORTER_REFRESH_SECONDS", description="Pause between two looks at Airflow"),
    ] = 15.0
    timeout_s: Annotated[
        PositiveFloat,
        Field(
            alias="AIRFLOW_EXPORTER_TIMEOUT_SECONDS",
            description="Airflow is away when one answer takes longer",
        ),
    ] = 10.0
    stale_s: Annotated[
        PositiveFloat,
        Field(
            alias="AIRFLOW_EXPORTER_STALE_SECONDS",
            description="Values older than this are dropped, should a look never end",
        ),
    ] = 300.0
    dag_ids: Annotated[
        frozenset[str],
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


def names() -> list[str]:
    return [field.alias for field in Settings.model_fields.values() if field.alias]


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Names that look like ours and are not: most often a typing error."""
    known = {*names(), *(f"{name}_FILE" for name in SECRETS)}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Raises SettingsError. An empty variable counts as not set, as docker compose passes them."""
    given = {name: environ[name] for name in names() if environ.get(name)}
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
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_FILE: cannot be read ({type(error).__name__}): {path}") from None
