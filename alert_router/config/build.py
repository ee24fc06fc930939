"""From the sections of a valid file to the configuration in effect: what is inherited is resolved here."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr

from alert_router.config.configuration import (
    CardRules,
    Channel,
    Configuration,
    Forum,
    IncidentRules,
    PrometheusTarget,
)
from alert_router.config.schema import ChannelSection, FileSection, MentionsSection, RouteSection
from alert_router.domain.matchers import Matcher
from alert_router.domain.model import PREVIEW, ChannelName, Mentions
from alert_router.domain.notify_values import Policy
from alert_router.domain.routes import Escalation, Route, RoutePolicy
from alert_router.domain.severity import Severities


def configuration(
    section: FileSection,
    *,
    urls: Mapping[str, SecretStr],
    environment: Mapping[ChannelName, Channel],
    base: RoutePolicy,
) -> Configuration:
    """urls: of the channels whose URL stands in a file of its own, by the channel's name."""
    channels = {
        ChannelName(name): _channel(ChannelName(name), channel, urls.get(name))
        for name, channel in section.channels.items()
    }
    preview = {PREVIEW: Channel(PREVIEW, None)}
    incidents = section.incidents
    rules = IncidentRules(group_by=None if incidents.group_by is None else tuple(incidents.group_by))
    if incidents.churn_labels is not None:
        rules = replace(rules, churn_labels=frozenset(incidents.churn_labels))
    noise = section.cards.noise_labels
    root = section.route
    return Configuration(
        channels=MappingProxyType({**channels, **environment, **preview}),
        route=_route(root, ChannelName(root.channel or PREVIEW), base, ()),
        severities=Severities.configured(section.severities),
        extra_words=MappingProxyType(
            {severity: tuple(words) for severity, words in section.severities.items()}
        ),
        incidents=rules,
        cards=CardRules() if noise is None else CardRules(frozenset(noise)),
        prometheus=tuple(
            PrometheusTarget(target.url.rstrip("/"), _matchers(target.matchers))
            for target in section.prometheus
        ),
    )


def _channel(name: ChannelName, section: ChannelSection, url: SecretStr | None) -> Channel:
    forum = section.forum
    return Channel(
        name,
        url or section.webhook_url,
        webhook_url_file=Path(section.webhook_url_file) if section.webhook_url_file else None,
        thread_id=section.thread_id,
        username=section.username,
        avatar_url=section.avatar_url,
        forum=Forum(forum.title, MappingProxyType(forum.tags)) if forum else None,
        fallback=ChannelName(section.fallback) if section.fallback else None,
    )


def _route(section: RouteSection, above: ChannelName, inherited: RoutePolicy, path: tuple[int, ...]) -> Route:
    channel = ChannelName(section.channel) if section.channel else above
    policy = _policy(section, inherited)
    return Route(
        channel,
        policy,
        _matchers(section.matchers),
        section.continue_,
        tuple(_route(child, channel, policy, (*path, index)) for index, child in enumerate(section.routes)),
        path,
    )


def _matchers(texts: Iterable[Iterable[Matcher]]) -> tuple[Matcher, ...]:
    return tuple(matcher for parsed in texts for matcher in parsed)


def _policy(section: RouteSection, inherited: RoutePolicy) -> RoutePolicy:
    present = section.model_fields_set
    changes: dict[str, Any] = {}
    if "mentions" in present:
        changes["mentions"] = MappingProxyType(
            {severity: mentions(entry) for severity, entry in section.mentions.items()}
        )
    if "quiet_hours" in present:
        changes["quiet_hours"] = section.quiet_hours and section.quiet_hours.rule()
    if "silent" in present:
        changes["silent"] = section.silent
    policy = replace(inherited, notify=_notify(section, inherited.notify), **changes)
    return _with_escalation(section, policy)


def _notify(section: RouteSection, inherited: Policy) -> Policy:
    present = section.model_fields_set
    changes: dict[str, Any] = {
        key: getattr(section, key) for key in ("renotify", "notify_resolved") if key in present
    }
    if "renotify_after" in present:
        waits = {**inherited.renotify_after, **section.renotify_after}
        changes["renotify_after"] = _without_never(waits)
    if "remind_every" in present:
        changes["remind_every"] = _without_never(section.remind_every)
    return replace(inherited, **changes)


def _without_never(spans: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType({severity: span for severity, span in spans.items() if span is not None})


def _with_escalation(section: RouteSection, policy: RoutePolicy) -> RoutePolicy:
    """Either both keys have a value or neither has: null in one of them switches both off."""
    present = section.model_fields_set
    after = section.escalate_after if "escalate_after" in present else policy.notify.escalate_after
    escalation = policy.escalate_to
    if "escalate_to" in present:
        to = section.escalate_to
        escalation = Escalation(ChannelName(to.channel), mentions(to.mentions)) if to else None
    if after is None or escalation is None:
        after = escalation = None
    return replace(policy, notify=replace(policy.notify, escalate_after=after), escalate_to=escalation)


def mentions(section: MentionsSection) -> Mentions:
    return Mentions(tuple(section.roles), tuple(section.users), section.here)
