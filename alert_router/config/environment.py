"""What environment variables say about channels and routes: the whole configuration when there is no file."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

from pydantic import SecretStr

from alert_router.config import durations, values, webhook_urls
from alert_router.config.configuration import DEFAULT_POLICY, Channel, Configuration
from alert_router.config.problems import ConfigError, Problem, suggestion
from alert_router.domain.model import DISCORD, FALLBACK, PREVIEW, ChannelName
from alert_router.domain.notify_values import Policy
from alert_router.domain.routes import Mentions, Route, RoutePolicy
from alert_router.domain.severity import Severities, Severity

VARIABLES = {DISCORD: "DISCORD_WEBHOOK_URL", FALLBACK: "DISCORD_FALLBACK_WEBHOOK_URL"}
MENTIONS = "ALERT_ROUTER_MENTIONS"
REMIND_EVERY = "ALERT_ROUTER_REMIND_EVERY"

T = TypeVar("T")


def single(
    webhook_url: SecretStr | None = None,
    *,
    fallback_webhook_url: SecretStr | None = None,
    mentions: str = "",
    remind_every: str | None = None,
    base: Policy = DEFAULT_POLICY,
) -> Configuration:
    """One route to the channel `discord`, or to the preview without a webhook. Raises ConfigError.

    mentions: such as "critical=role:777,critical=user:42,error=here".
    remind_every: such as "critical=4h,warning=1d", or "none".
    """
    named, warnings = channels(webhook_url, fallback_webhook_url)
    if remind_every is not None:
        spans, doubts = reminders(remind_every)
        base, warnings = replace(base, remind_every=spans), warnings + doubts
    return Configuration(
        channels=MappingProxyType({**named, PREVIEW: Channel(PREVIEW, None)}),
        route=Route(
            DISCORD if webhook_url else PREVIEW,
            RoutePolicy(notify=base, mentions=mentions_by_severity(mentions)),
        ),
        warnings=warnings,
    )


def channels(
    webhook_url: SecretStr | None, fallback_webhook_url: SecretStr | None
) -> tuple[Mapping[ChannelName, Channel], tuple[Problem, ...]]:
    """The channels `discord` and `fallback`, as far as they are set, and warnings. Raises ConfigError."""
    named: dict[ChannelName, Channel] = {}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for name, secret in ((DISCORD, webhook_url), (FALLBACK, fallback_webhook_url)):
        if secret is None:
            continue
        url, warning = webhook_urls.cleaned(secret.get_secret_value())
        warnings += [Problem(VARIABLES[name], 0, 0, warning)] if warning else []
        try:
            named[name] = Channel(name, SecretStr(webhook_urls.check(url)), from_environment=True)
        except ValueError as error:
            problems.append(Problem(VARIABLES[name], 0, 0, str(error)))
    if problems:
        raise ConfigError(problems)
    if named.keys() == VARIABLES.keys():
        named[DISCORD] = replace(named[DISCORD], fallback=FALLBACK)
    return named, tuple(warnings)


def reminders(text: str) -> tuple[Mapping[Severity, timedelta], tuple[Problem, ...]]:
    """Of "critical=4h,warning=1d", and warnings; "none" is none at all. Raises ConfigError.

    An unknown word ranks here as it does on an alert. A known word for the same severity wins over it.
    """
    pairs = [] if text.strip() == "none" else _pairs(REMIND_EVERY, text, durations.parse)
    severities = Severities()
    spans = {
        severities.rank(word): span for word, span in sorted(pairs, key=lambda p: severities.is_known(p[0]))
    }
    warnings = [
        Problem(REMIND_EVERY, 0, 0, _unknown(word, f" ranks as {severities.rank(word).word}"))
        for word, _ in pairs
        if not severities.is_known(word)
    ]
    return MappingProxyType(spans), tuple(warnings)


def mentions_by_severity(text: str) -> Mapping[Severity, Mentions]:
    """Of "critical=role:777,error=here"; a severity may stand there more than once. Raises ConfigError."""
    severities = Severities()
    pairs = _pairs(MENTIONS, text, _mention)
    unknown = [word for word, _ in pairs if not severities.is_known(word)]
    if unknown:
        raise ConfigError(Problem(MENTIONS, 0, 0, _unknown(word)) for word in unknown)
    mentions: dict[Severity, Mentions] = {}
    for word, more in pairs:
        before = mentions.get(severities.rank(word), Mentions())
        mentions[severities.rank(word)] = Mentions(
            before.roles + more.roles, before.users + more.users, before.here or more.here
        )
    return MappingProxyType(mentions)


def _mention(text: str) -> Mentions:
    kind, _, snowflake = text.partition(":")
    match kind:
        case "here" if not snowflake:
            return Mentions(here=True)
        case "role":
            return Mentions(roles=(values.snowflake(snowflake),))
        case "user":
            return Mentions(users=(values.snowflake(snowflake),))
        case _:
            raise ValueError(f'"{text}" must look like role:777, user:42 or here')


def _pairs(variable: str, text: str, parse: Callable[[str], T]) -> list[tuple[str, T]]:
    """Of "word=value,...". Raises ConfigError."""
    pairs: list[tuple[str, T]] = []
    problems: list[Problem] = []
    for part in filter(None, map(str.strip, text.split(","))):
        word, _, value = (piece.strip() for piece in part.partition("="))
        try:
            pairs.append((word, parse(value)))
        except ValueError as error:
            problems.append(Problem(variable, 0, 0, f"{part}: {error}"))
    if problems:
        raise ConfigError(problems)
    return pairs


def _unknown(word: str, consequence: str = "") -> str:
    return f'unknown severity "{word}"{consequence}{suggestion(word, values.SEVERITIES)}'
