"""The configuration in effect: what the file, or the one-variable setup, comes down to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from pydantic import SecretStr

from alert_router.config.problems import Problem
from alert_router.domain import routes
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import ChannelName
from alert_router.domain.notify_values import Policy
from alert_router.domain.routes import Route
from alert_router.domain.severity import Severities, Severity

CHURN_LABELS = frozenset({"pod", "uid", "pod_ip", "container_id", "replica", "pod_template_hash"})
"""Labels of Kubernetes that change when a pod is replaced."""
NOISE_LABELS = frozenset(
    {
        *("uid", "pod_ip", "host_ip", "pod_template_hash", "container_id", "container", "endpoint", "job"),
        *("prometheus", "prometheus_replica", "replica", "monitor", "rule_group", "rule_uid", "ref_id"),
        *("datasource_uid", "grafana_folder"),
    }
)
"""Labels that tell people little at night."""
DEFAULT_POLICY = Policy(remind_every=MappingProxyType({Severity.CRITICAL: timedelta(hours=4)}))


@dataclass(frozen=True, slots=True)
class Forum:
    title: str
    """A Jinja template."""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Ids by severity and status: critical, error, warning, info, firing, resolved, acknowledged."""


@dataclass(frozen=True, slots=True)
class Channel:
    name: ChannelName
    webhook_url: SecretStr | None
    """None: the page /preview."""
    webhook_url_file: Path | None = None
    """Where the URL was read from."""
    from_environment: bool = False
    thread_id: str | None = None
    username: str | None = None
    avatar_url: str | None = None
    forum: Forum | None = None
    fallback: ChannelName | None = None


@dataclass(frozen=True, slots=True)
class IncidentRules:
    group_by: tuple[str, ...] | None = None
    """None: the group labels that the source sent."""
    churn_labels: frozenset[str] = CHURN_LABELS


@dataclass(frozen=True, slots=True)
class PrometheusTarget:
    """A Prometheus for the alerts that all of its matchers match."""

    url: str
    matchers: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class CardRules:
    noise_labels: frozenset[str] = NOISE_LABELS
    """Shown on a card only where an alert has no others."""


@dataclass(frozen=True, slots=True)
class Configuration:
    channels: Mapping[ChannelName, Channel]
    route: Route
    severities: Severities = field(default_factory=Severities)
    extra_words: Mapping[Severity, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The words of the file, which `severities` knows beside those that are shipped."""
    incidents: IncidentRules = field(default_factory=IncidentRules)
    cards: CardRules = field(default_factory=CardRules)
    prometheus: tuple[PrometheusTarget, ...] = ()
    """The first that matches is asked; PROMETHEUS_URL where none does."""
    file: Path | None = None
    warnings: tuple[Problem, ...] = ()
    """What is valid and probably not meant."""
    has_quiet_hours: bool = field(init=False)
    """Whether any route has."""

    def __post_init__(self) -> None:
        quiet = any(route.policy.quiet_hours is not None for route in routes.walk(self.route))
        object.__setattr__(self, "has_quiet_hours", quiet)


def diff(old: Configuration, new: Configuration) -> str:
    """What changed, in words for a line in the log: "channels: +night, ~ops; routes: 3, were 2"."""
    before, after = old.channels, new.channels
    channels = [
        *(f"+{name}" for name in sorted(after.keys() - before.keys())),
        *(f"-{name}" for name in sorted(before.keys() - after.keys())),
        *(f"~{name}" for name in sorted(after.keys() & before.keys()) if before[name] != after[name]),
    ]
    parts = [f"channels: {', '.join(channels)}"] if channels else []
    if old.route != new.route:
        parts.append(f"routes: {_count(routes.walk(new.route))}, were {_count(routes.walk(old.route))}")
    if old.severities != new.severities:
        parts.append("severities")
    if old.incidents != new.incidents:
        parts.append("incidents")
    if old.cards != new.cards:
        parts.append("cards")
    if old.prometheus != new.prometheus:
        parts.append("prometheus")
    return "; ".join(parts) or "nothing changed"


def _count(items: Iterable[object]) -> int:
    return sum(1 for _ in items)
