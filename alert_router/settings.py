"""Settings from the environment. Every secret NAME can also come from a file, named by NAME_FILE."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from alert_router import config
from alert_router.config import ConfigError, Configuration, Problem, environment, values, webhook_urls
from alert_router.domain import retention
from alert_router.domain.retention import Retention

SECRETS = (
    "DISCORD_WEBHOOK_URL",
    "DISCORD_FALLBACK_WEBHOOK_URL",
    "ALERT_ROUTER_DATABASE_URL",
    "ALERT_ROUTER_INGEST_TOKENS",
    "ALERT_ROUTER_USERS",
    "ALERT_ROUTER_LINK_KEY",
)
DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
"""SQLAlchemy dialects whose drivers are installed."""
PIPELINE_SETTINGS = ("ALERT_ROUTER_URL", "ALERT_ROUTER_TOKEN")
"""Settings of the DAGs, which report events: not unknown when both share one .env file."""
MIB = 1024 * 1024
MIN_KEY_CHARS = 32


class SettingsError(Exception):
    """A setting is invalid. The text names it and the reason, and holds no secret."""


def _webhook(url: SecretStr) -> SecretStr:
    """Without the invisible characters around it."""
    cleaned, _ = webhook_urls.cleaned(url.get_secret_value())
    return SecretStr(webhook_urls.check(cleaned))


def _reminders(value: str) -> str:
    _check(environment.reminders, value)
    return value


def _mentions(value: str) -> str:
    _check(environment.mentions_by_severity, value)
    return value


def _check(parse: Callable[[str], object], value: str) -> None:
    try:
        parse(value)
    except ConfigError as error:
        raise ValueError("; ".join(problem.message for problem in error.problems)) from None


def _users(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for value in values:
        name, _, password = value.get_secret_value().partition(":")
        if not name or not password:
            raise ValueError("must be name:password or name:bcrypt-hash, several with commas between")
    return values


def _lines(value: Any) -> Any:
    """A file may have a line for each."""
    return _list(value.replace("\n", ",")) if isinstance(value, str) else value


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
    """Whether the port is valid or absent. The error of urllib would quote it, and it may be a password."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _database(url: SecretStr) -> SecretStr:
    try:
        parsed = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):  # the text may quote a password that contains "/" or "@"
        parsed = None
    if parsed is None or parsed.drivername not in DATABASES:
        raise ValueError(
            "must look like sqlite:////var/lib/alert_router.db or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    return url


def _link_key(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < MIN_KEY_CHARS:
        raise ValueError(f"must have at least {MIN_KEY_CHARS} characters")
    return key


def _retention(value: str) -> str:
    retention.parse(value)
    return value


def _zone(value: str) -> str:
    values.zone(value)
    return value


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"{path} is not a folder")
    return path


RootUrl = Annotated[str, AfterValidator(_root)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True, populate_by_name=True, extra="forbid", hide_input_in_errors=True
    )

    discord_webhook_url: Annotated[
        Annotated[SecretStr, AfterValidator(_webhook)] | None,
        Field(
            alias="DISCORD_WEBHOOK_URL",
            description="Without it, cards go to /preview",
        ),
    ] = None
    fallback_webhook_url: Annotated[
        Annotated[SecretStr, AfterValidator(_webhook)] | None,
        Field(
            alias="DISCORD_FALLBACK_WEBHOOK_URL",
            description="Receives the cards that the first channel does not accept",
        ),
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
            description="Bearer tokens of senders, comma-separated; without any, only loopback is accepted",
        ),
    ] = ()
    users: Annotated[
        Annotated[tuple[SecretStr, ...], AfterValidator(_users)],
        BeforeValidator(_lines),
        Field(
            alias="ALERT_ROUTER_USERS",
            description="Who may read, act and send: name:password or name:bcrypt-hash, comma-separated",
        ),
    ] = ()
    web_config: Annotated[
        Path | None,
        Field(
            alias="ALERT_ROUTER_WEB_CONFIG",
            description="Prometheus's web.config.file: TLS, users; and scoped tokens, signatures, a proxy",
        ),
    ] = None
    web_insecure: Annotated[
        bool,
        Field(
            alias="ALERT_ROUTER_WEB_INSECURE",
            description="true: start beyond loopback without tokens or users, open to all who reach it",
        ),
    ] = False
    link_key: Annotated[
        Annotated[SecretStr, AfterValidator(_link_key)] | None,
        Field(
            alias="ALERT_ROUTER_LINK_KEY",
            description="Signs the links by which people act from a card; without it, one is made and kept "
            "in the database",
        ),
    ] = None
    external_url: Annotated[
        RootUrl,
        Field(alias="ALERT_ROUTER_EXTERNAL_URL", description="URL under which people reach this router"),
    ] = ""
    templates: Annotated[
        Annotated[Path, AfterValidator(_folder)] | None,
        Field(alias="ALERT_ROUTER_TEMPLATES", description="Folder of custom card templates"),
    ] = None
    max_body_bytes: Annotated[
        PositiveInt,
        Field(alias="ALERT_ROUTER_MAX_BODY_BYTES", description="A larger request body is rejected with 413"),
    ] = 16 * MIB
    hold_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_HOLD_SECONDS",
            description='How long a late "firing" after a "resolved" waits for its own "resolved"; set it '
            "longer than Alertmanager's group_interval",
        ),
    ] = 120.0
    flap_window_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_FLAP_WINDOW_SECONDS",
            description="An incident that fires again within this time continues in the same card",
        ),
    ] = 1800.0
    fallback_after_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_FALLBACK_AFTER_SECONDS",
            description="A card that failed and is pending for this long goes to the fallback channel",
        ),
    ] = 120.0
    remind_every: Annotated[
        str,
        AfterValidator(_reminders),
        Field(
            alias="ALERT_ROUTER_REMIND_EVERY",
            description="Reminder interval of firing incidents that nobody acknowledged, by severity: "
            "critical=4h,warning=1d; none: no reminders",
        ),
    ] = "critical=4h"
    config_file: Annotated[
        Path | None,
        Field(alias="ALERT_ROUTER_CONFIG", description="YAML file with channels and routes"),
    ] = None
    mentions: Annotated[
        str,
        AfterValidator(_mentions),
        Field(
            alias="ALERT_ROUTER_MENTIONS",
            description="Whom a new message mentions, by severity: critical=role:777,error=here",
        ),
    ] = ""
    watchdog_seconds: Annotated[
        NonNegativeFloat,
        Field(
            alias="ALERT_ROUTER_WATCHDOG_SECONDS",
            description="Alert that monitoring is blind after this long without a Watchdog; 0: never",
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
            description="Alerts missing in an Alertmanager younger than this stay open",
        ),
    ] = 180.0
    group_interval_seconds: Annotated[
        NonNegativeFloat | None,
        Field(
            alias="ALERT_ROUTER_GROUP_INTERVAL_SECONDS",
            description="How long an alert that Alertmanager's API shows waits for its webhook; without it, "
            "Alertmanager's own longest group_wait and group_interval, and a minute",
        ),
    ] = None
    channel_per_minute: Annotated[
        PositiveInt,
        Field(
            alias="ALERT_ROUTER_CHANNEL_PER_MINUTE",
            description="Requests per minute and Discord channel; Discord allows 30 without documenting it",
        ),
    ] = 30
    alertmanager_urls: Annotated[
        tuple[RootUrl, ...],
        BeforeValidator(_list),
        Field(
            alias="ALERTMANAGER_URL",
            description="URL of Alertmanager's API; several, comma-separated, for replicas",
        ),
    ] = ()
    retention_text: Annotated[
        str,
        AfterValidator(_retention),
        Field(
            alias="ALERT_ROUTER_RETENTION",
            description="How long what is stored is kept, by kind; 0: for ever. What still fires is kept",
        ),
    ] = retention.DEFAULT
    timezone: Annotated[
        str,
        AfterValidator(_zone),
        Field(
            alias="ALERT_ROUTER_TIMEZONE",
            description="Time zone of the nights and weekdays on /insights, such as Europe/Paris",
        ),
    ] = "UTC"
    prometheus_url: Annotated[
        RootUrl,
        Field(alias="PROMETHEUS_URL", description="URL of Prometheus, for values, charts and past alerts"),
    ] = ""

    prometheus_external_url: Annotated[
        RootUrl,
        Field(
            alias="PROMETHEUS_EXTERNAL_URL",
            description="Where people reach Prometheus: links of cards lead there instead of to a host that "
            "only machines can reach",
        ),
    ] = ""
    alertmanager_external_url: Annotated[
        RootUrl,
        Field(alias="ALERTMANAGER_EXTERNAL_URL", description="The same, for Alertmanager: silences"),
    ] = ""
    grafana_external_url: Annotated[
        RootUrl,
        Field(alias="GRAFANA_EXTERNAL_URL", description="The same, for Grafana: dashboards and silences"),
    ] = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only `from_environment` reads the environment; Settings(...) uses its arguments alone."""
        return (init_settings,)

    @property
    def named_users(self) -> tuple[tuple[str, str], ...]:
        """Name, and password or bcrypt hash."""
        pairs = (user.get_secret_value().partition(":") for user in self.users)
        return tuple((name, password) for name, _, password in pairs)

    @property
    def retention(self) -> Retention:
        return retention.parse(self.retention_text)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def local_url(self) -> str:
        """Where this machine reaches the router. A wildcard address is replaced: no program can open it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "localhost") else self.host  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}"

    @property
    def external_urls(self) -> Mapping[str, str]:
        """Where people reach the sources of alerts, by kind; without those that are not set."""
        urls = {
            "prometheus": self.prometheus_external_url,
            "alertmanager": self.alertmanager_external_url,
            "grafana": self.grafana_external_url,
        }
        return {kind: url for kind, url in urls.items() if url}

    @property
    def public_url(self) -> str:
        """Links in cards start with this."""
        return self.external_url or self.local_url


class EnvironmentSource(PydanticBaseSettingsSource):
    """Environment variables; a secret NAME may instead be the content of the file NAME_FILE.

    An empty variable counts as unset: docker compose passes unset ones as empty. Raises SettingsError.
    """

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        name = field.alias or field_name
        value = self._environ.get(name) or None
        path = self._environ.get(f"{name}_FILE") if name in SECRETS else None
        if value and path:
            raise SettingsError(f"{name} and {name}_FILE are both set; keep one")
        return _secret_file(name, path) if path else value, name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        values = [self.get_field_value(field, field_name) for field_name, field in fields]
        return {name: value for value, name, _ in values if value is not None}


def _secret_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: {error.strerror}: {path}") from None
    except UnicodeDecodeError:  # its text would quote the secret
        raise SettingsError(f"{name}_FILE: not a text file: {path}") from None


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Raises SettingsError, which names every invalid variable."""
    values = EnvironmentSource(Settings, environ)()
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(
            "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        ) from None


def configuration_of(settings: Settings) -> Configuration:
    """The file's channels and routes, or the one channel that the variables set. Raises ConfigError."""
    flap_window = timedelta(seconds=settings.flap_window_seconds)
    base = replace(config.DEFAULT_POLICY, flap_window=flap_window)
    if settings.config_file is None:
        return config.single(
            settings.discord_webhook_url,
            fallback_webhook_url=settings.fallback_webhook_url,
            mentions=settings.mentions,
            remind_every=settings.remind_every,
            base=base,
        )
    return config.load(
        settings.config_file,
        webhook_url=settings.discord_webhook_url,
        fallback_webhook_url=settings.fallback_webhook_url,
        mentions=settings.mentions,
        remind_every=settings.remind_every,
        base=base,
    )


def ignored_characters(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """Warnings about the invisible characters around the URLs of webhooks."""
    warnings = (
        (name, webhook_urls.cleaned(environ.get(name, ""))[1]) for name in environment.VARIABLES.values()
    )
    return tuple(Problem(name, 0, 0, warning) for name, warning in warnings if warning)


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """Names that look like settings but are not: misspelt, or a Kubernetes service link (so no error)."""
    names = {field.alias for field in Settings.model_fields.values()} | {*PIPELINE_SETTINGS}
    return sorted(
        name
        for name in environ
        if name.startswith("ALERT_ROUTER_") and name.removesuffix("_FILE") not in names
    )
