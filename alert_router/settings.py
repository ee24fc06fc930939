"""Settings from the environment. Every secret NAME can also be given as a file, by NAME_FILE."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

SECRETS = (
    "DISCORD_WEBHOOK_URL",
    "DISCORD_FALLBACK_WEBHOOK_URL",
    "ALERT_ROUTER_DATABASE_URL",
    "ALERT_ROUTER_INGEST_TOKENS",
)
DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
"""With the drivers that we have."""
PIPELINES = ("ALERT_ROUTER_URL", "ALERT_ROUTER_TOKEN")
"""Settings of the DAGs, which tell us events: in one .env file with ours they are no misspelling."""
SPANS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
MIB = 1024 * 1024


class SettingsError(Exception):
    """A setting is wrong; the text says which and why, and holds no secret."""


def _webhook(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    segments = parts.path.strip("/").split("/")
    _, found, rest = parts.path.partition("/webhooks/")
    if parts.scheme not in ("http", "https") or not parts.hostname or not found or len(segments) < 3:  # noqa: PLR2004
        raise ValueError("must look like https://discord.com/api/webhooks/ID/TOKEN")
    if len(rest.strip("/").split("/")) != 2:  # noqa: PLR2004 - an id and a token
        raise ValueError("must end in /webhooks/ID/TOKEN")
    return url


def _spans(value: Any) -> Any:
    """Seconds by severity, from words such as "critical=4h,warning=1d"."""
    if not isinstance(value, str):
        return value
    if value.strip() == "none":
        return {}
    found: dict[str, float] = {}
    for part in value.split(","):
        severity, equals, span = (piece.strip() for piece in part.partition("="))
        if not (equals and severity and span[:-1].isdigit() and span[-1] in SPANS):
            raise ValueError(f"{part.strip()!r} must look like critical=4h (s, m, h or d)")
        found[severity.lower()] = int(span[:-1]) * SPANS[span[-1]]
    return found


def _list(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) < 65536:  # noqa: PLR2004
        raise ValueError("must be host:port, such as 127.0.0.1:8010")
    return value


def _root(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("must be an http or https URL")
    if not _has_port(parts):
        raise ValueError("must have a port from 1 to 65535, or none")
    return value.rstrip("/")


def _has_port(parts: SplitResult) -> bool:
    """One that can be, or none. The error of urllib would show what stands there: it may be a password."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _database(url: SecretStr) -> SecretStr:
    try:
        parsed = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):  # its text may hold a password that has a "/" or "@" of its own
        parsed = None
    if parsed is None or parsed.drivername not in DATABASES:
        raise ValueError(
            "must look like sqlite:////var/lib/alert_router.db or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    return url


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"{path} is no folder")
    return path


RootUrl = Annotated[str, AfterValidator(_root)]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid", hide_input_in_errors=True)

    discord_webhook_url: Annotated[
        Annotated[SecretStr, AfterValidator(_webhook)] | None,
        Field(
            alias="DISCORD_WEBHOOK_URL",
            description="Without it, cards go to /preview",
        ),
    ] = None
    fallback_webhook_url: Annotated[
        Annotated[SecretStr, AfterValidator(_webhook)] | None,
        Field(alias="DISCORD_FALLBACK_WEBHOOK_URL", description="Tells what the first channel does not take"),
    ] = None
    database_url: Annotated[
        SecretStr,
        AfterValidator(_database),
        Field(alias="ALERT_ROUTER_DATABASE_URL", description="SQLAlchemy URL of the database"),
    ] = SecretStr("sqlite:///alert_router.db")
    listen: Annotated[
        str, AfterValidator(_listen), Field(alias="ALERT_ROUTER_LISTEN", description="host:port to serve on")
    ] = "127.0.0.1:8010"
    ingest_tokens: Annotated[
        tuple[SecretStr, ...],
        BeforeValidator(_list),
        Field(
            alias="ALERT_ROUTER_INGEST_TOKENS",
            description="Bearer tokens, comma-separated, one of which a sender shows; none: loopback only",
        ),
    ] = ()
    external_url: Annotated[
        RootUrl,
        Field(alias="ALERT_ROUTER_EXTERNAL_URL", description="Where people reach this router"),
    ] = ""
    templates: Annotated[
        Annotated[Path, AfterValidator(_folder)] | None,
        Field(alias="ALERT_ROUTER_TEMPLATES", description="A folder of your own card templates"),
    ] = None
    max_body_bytes: Annotated[
        PositiveInt,
        Field(alias="ALERT_ROUTER_MAX_BODY_BYTES", description="A larger webhook body is refused with 413"),
    ] = 4 * MIB
    hold_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_HOLD_SECONDS",
            description='How long a late "firing" after a "resolved" waits for its "resolved"; longer than '
            "Alertmanager's group_interval",
        ),
    ] = 120.0
    flap_window_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_FLAP_WINDOW_SECONDS",
            description="An incident that fires again sooner than this goes on in the same card",
        ),
    ] = 1800.0
    fallback_after_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_FALLBACK_AFTER_SECONDS",
            description="A card that has failed and waits for so long is told in the fallback channel",
        ),
    ] = 120.0
    remind_every: Annotated[
        Mapping[str, PositiveFloat],
        BeforeValidator(_spans),
        Field(
            default_factory=lambda: {"critical": 14400.0},
            alias="ALERT_ROUTER_REMIND_EVERY",
            description="When an incident still fires and nobody has acknowledged it, by severity: "
            "critical=4h,warning=1d; none: no reminders",
        ),
    ]
    watchdog_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_WATCHDOG_SECONDS",
            description="No Watchdog for so long, and the router tells that monitoring is blind; 0: never",
        ),
    ] = 300.0
    reconcile_seconds: Annotated[
        PositiveFloat,
        Field(
            alias="ALERT_ROUTER_RECONCILE_SECONDS",
            description="How often the open alerts are compared with Alertmanager's",
        ),
    ] = 60.0
    alertmanager_warmup_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_ALERTMANAGER_WARMUP_SECONDS",
            description="What a younger Alertmanager does not show is not yet known to it, and not over",
        ),
    ] = 180.0
    channel_per_minute: Annotated[
        PositiveInt,
        Field(
            alias="ALERT_ROUTER_CHANNEL_PER_MINUTE",
            description="Requests to a Discord channel in a minute; Discord allows 30 and does not say so",
        ),
    ] = 30
    alertmanager_urls: Annotated[
        tuple[RootUrl, ...],
        BeforeValidator(_list),
        Field(
            alias="ALERTMANAGER_URL",
            description="Where the router reaches Alertmanager's API; several, comma-separated, for replicas",
        ),
    ] = ()
    prometheus_url: Annotated[
        RootUrl, Field(alias="PROMETHEUS_URL", description="Where the router reaches Prometheus's API")
    ] = ""

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def public_url(self) -> str:
        """Links in cards start with this. A wildcard address is no place to go to."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "localhost") else self.host  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return self.external_url or f"http://{host}:{self.port}"


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


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Names that look like settings and are none: misspelt, or a Kubernetes service link (so no error)."""
    names = {field.alias for field in Settings.model_fields.values()} | {*PIPELINES}
    return sorted(
        name
        for name in environ
        if name.startswith("ALERT_ROUTER_") and name.removesuffix("_FILE") not in names
    )


def _secret_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: {error.strerror}: {path}") from None
