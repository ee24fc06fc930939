"""The file of --web.config.file: Prometheus's format for TLS and users; also tokens, signatures, a proxy.

https://prometheus.io/docs/prometheus/latest/configuration/https/
"""

import ssl
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from alert_router.config import document, explain, values
from alert_router.config.document import Document
from alert_router.config.problems import ConfigError
from alert_router.config.references import Finding
from alert_router.domain.access import EVERY_ROLE, Role, Roles

TLS_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
NO_CLIENT_CERTIFICATE = "NoClientCert"
REQUIRED = "RequireAndVerifyClientCert"
Duration = Annotated[timedelta, BeforeValidator(values.duration)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


def _hash(value: object) -> object:
    if isinstance(value, str) and not value.startswith(("$2a$", "$2b$", "$2y$")):
        raise ValueError("must be a bcrypt hash; make one with: htpasswd -nBC 10 '' | tr -d ':'")
    return value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Tls(_Section):
    cert_file: Path
    key_file: Path
    client_auth_type: Literal["NoClientCert", "RequireAndVerifyClientCert"] = "NoClientCert"
    client_ca_file: Path | None = None
    min_version: Literal["TLS12", "TLS13"] = "TLS12"


class Token(_Section):
    name: Name
    token_file: Path
    roles: Roles = frozenset({Role.SEND})
    expires: AwareDatetime | None = None


class Signature(_Section):
    name: Name
    secret_file: Path
    header: Name = "X-Grafana-Alerting-Signature"
    timestamp_header: Name = "X-Grafana-Alerting-Timestamp"
    tolerance: Duration = timedelta(minutes=5)


class Proxy(_Section):
    addresses: Annotated[tuple[IPv4Network | IPv6Network, ...], Field(min_length=1)]
    user_header: Name = "X-Forwarded-User"
    roles: Roles = frozenset({Role.READ, Role.ACT})


class WebConfig(_Section):
    tls_server_config: Tls | None = None
    http_server_config: Mapping[str, object] = {}
    """Of Prometheus; not used here."""
    basic_auth_users: Mapping[Name, Annotated[SecretStr, BeforeValidator(_hash)]] = {}
    user_roles: Mapping[Name, Roles] = {}
    tokens: tuple[Token, ...] = ()
    signatures: tuple[Signature, ...] = ()
    proxy: Proxy | None = None
    public_metrics: bool = True

    def roles_of(self, user: str) -> Roles:
        return self.user_roles.get(user, EVERY_ROLE)


def load(path: Path) -> WebConfig:
    """Relative paths start at the file's folder. Raises ConfigError."""
    source = document.read(path)
    if not isinstance(source.data, dict):
        raise ConfigError([source.problem((), "must be a mapping, such as basic_auth_users")])
    try:
        config = WebConfig.model_validate(source.data)
    except ValidationError as error:
        findings = [explain.finding(detail, WebConfig) for detail in error.errors(include_url=False)]
        raise ConfigError([source.problem(*finding) for finding in findings]) from None
    _check(source, config)
    return _resolved(config, path.parent)


def _check(source: Document, config: WebConfig) -> None:
    findings: list[Finding] = [
        (("user_roles", user), "is not among basic_auth_users")
        for user in config.user_roles
        if user not in config.basic_auth_users
    ]
    tls = config.tls_server_config
    if tls and tls.client_auth_type == REQUIRED and tls.client_ca_file is None:
        findings.append((("tls_server_config",), f"{REQUIRED} needs client_ca_file"))
    if findings:
        raise ConfigError([source.problem(*finding) for finding in findings])


def _resolved(config: WebConfig, folder: Path) -> WebConfig:
    tls = config.tls_server_config
    changes: dict[str, object] = {
        "tokens": tuple(
            token.model_copy(update={"token_file": folder / token.token_file}) for token in config.tokens
        ),
        "signatures": tuple(
            one.model_copy(update={"secret_file": folder / one.secret_file}) for one in config.signatures
        ),
    }
    if tls is not None:
        paths = {"cert_file": folder / tls.cert_file, "key_file": folder / tls.key_file}
        ca_file = {"client_ca_file": folder / tls.client_ca_file} if tls.client_ca_file else {}
        changes["tls_server_config"] = tls.model_copy(update={**paths, **ca_file})
    return config.model_copy(update=changes)
