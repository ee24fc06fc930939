"""Writes a configuration as the file it could have come from, without its secrets."""

from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from typing import Any

import yaml

from alert_router.config import webhook_urls
from alert_router.config.configuration import Channel, Configuration, IncidentRules, PrometheusTarget
from alert_router.config.durations import format_duration
from alert_router.config.values import DAYS, NEVER
from alert_router.domain.model import Mentions
from alert_router.domain.quiet_hours import EVERY_DAY, QuietHours
from alert_router.domain.routes import Escalation, Route, RoutePolicy
from alert_router.domain.severity import Severity

Entries = Iterator[tuple[str, Any]]


def show(configuration: Configuration) -> str:
    """YAML: the root with every key, each route below with what differs from the one above.

    It loads to the same configuration once the tokens are put back where *** stands.
    """
    file = dict(_file(configuration))
    comments = "".join(f"# {line}\n" for line in _comments(configuration))
    return comments + yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=1000)


def _comments(configuration: Configuration) -> Iterator[str]:
    for channel in configuration.channels.values():
        if channel.from_environment and channel.webhook_url:
            url = webhook_urls.redacted(channel.webhook_url.get_secret_value())
            yield f"channel {channel.name}: {url}, from the environment"


def _file(configuration: Configuration) -> Entries:
    if configuration.extra_words:
        yield "severities", {key.word: list(words) for key, words in configuration.extra_words.items()}
    channels = {
        str(name): dict(_channel(channel))
        for name, channel in configuration.channels.items()
        if channel.webhook_url and not channel.from_environment
    }
    yield "channels", channels
    yield "route", dict(_route(configuration.route, None))
    yield "incidents", dict(_incidents(configuration.incidents))
    yield "cards", {"noise_labels": sorted(configuration.cards.noise_labels)}
    if configuration.prometheus:
        yield "prometheus", [dict(_prometheus(target)) for target in configuration.prometheus]


def _prometheus(target: PrometheusTarget) -> Entries:
    yield "url", target.url
    if target.matchers:
        yield "matchers", list(map(str, target.matchers))


def _channel(channel: Channel) -> Entries:
    if channel.webhook_url_file:
        yield "webhook_url_file", str(channel.webhook_url_file)
    elif channel.webhook_url:
        yield "webhook_url", webhook_urls.redacted(channel.webhook_url.get_secret_value())
    for key in ("thread_id", "username", "avatar_url", "fallback"):
        if value := getattr(channel, key):
            yield key, str(value)
    if channel.forum:
        yield "forum", {"title": channel.forum.title, "tags": dict(channel.forum.tags)}


def _incidents(rules: IncidentRules) -> Entries:
    if rules.group_by is not None:
        yield "group_by", list(rules.group_by)
    yield "churn_labels", sorted(rules.churn_labels)


def _route(route: Route, above: Route | None) -> Entries:
    if route.matchers:
        yield "matchers", [str(matcher) for matcher in route.matchers]
    if above is None or route.channel != above.channel:
        yield "channel", str(route.channel)
    if route.continue_:
        yield "continue", True
    inherited = dict(_policy(above.policy)) if above else {}
    yield from (entry for entry in _policy(route.policy) if above is None or inherited[entry[0]] != entry[1])
    if route.routes:
        yield "routes", [dict(_route(child, route)) for child in route.routes]


def _policy(policy: RoutePolicy) -> Entries:
    notify = policy.notify
    yield "renotify", NEVER if notify.renotify is None else notify.renotify.word
    waits = {severity: notify.renotify_after.get(severity) for severity in sorted(Severity, reverse=True)}
    yield "renotify_after", _spans(waits)
    yield "remind_every", _spans(notify.remind_every)
    yield "mentions", {severity.word: _mentions(entry) for severity, entry in policy.mentions.items()}
    yield "notify_resolved", notify.notify_resolved
    yield "escalate_after", format_duration(notify.escalate_after) if notify.escalate_after else None
    yield "escalate_to", _escalation(policy.escalate_to)
    yield "quiet_hours", _quiet_hours(policy.quiet_hours)
    yield "silent", None if policy.silent is None else policy.silent.word


def _spans(spans: Mapping[Severity, timedelta | None]) -> dict[str, str]:
    return {severity.word: format_duration(span) if span else NEVER for severity, span in spans.items()}


def _mentions(mentions: Mentions) -> dict[str, Any]:
    keys = {"roles": list(mentions.roles), "users": list(mentions.users), "here": mentions.here}
    return {key: value for key, value in keys.items() if value}


def _escalation(escalation: Escalation | None) -> dict[str, Any] | None:
    if escalation is None:
        return None
    return {"channel": str(escalation.channel), "mentions": _mentions(escalation.mentions)}


def _quiet_hours(quiet_hours: QuietHours | None) -> dict[str, Any] | None:
    if quiet_hours is None:
        return None
    days = {"days": [DAYS[day] for day in sorted(quiet_hours.days)]} if quiet_hours.days != EVERY_DAY else {}
    return {
        "zone": str(quiet_hours.zone),
        "from": _time(quiet_hours.from_),
        "to": _time(quiet_hours.to),
        **days,
        "pass": NEVER if quiet_hours.passes is None else quiet_hours.passes.word,
    }


def _time(moment: time) -> str:
    return f"{moment:%H:%M}"
