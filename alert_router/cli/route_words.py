"""The answers of `routes test` for people and, as JSON, for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from alert_router.config import Configuration
from alert_router.config.durations import format_duration
from alert_router.domain.model import PREVIEW, Labels, Mentions
from alert_router.domain.notify_values import Reason
from alert_router.domain.routes import Step
from alert_router.services.replay_report import NIGHT_BEGINS, NIGHT_ENDS, ChannelReport, ReplayReport, words
from alert_router.services.route_test import ChannelAnswer, RouteAnswer

MAX_UNHEARD = 20
NOBODY = "nobody"


def answer_lines(answer: RouteAnswer, configuration: Configuration) -> Iterator[str]:
    yield f"severity  {answer.severity.word}"
    for channel in answer.channels:
        seen = configuration.channels[channel.channel].webhook_url
        yield ""
        yield f"channel   {channel.channel}  ({channel.route})"
        for name, text in _facts(channel, reaches_people=seen is not None):
            yield f"  {name:<11} {text}"
    yield ""
    yield "why"
    for step in answer.trace:
        yield f"  {step.route.name:<24} {_step_words(step)}"


def _facts(channel: ChannelAnswer, *, reaches_people: bool) -> Iterator[tuple[str, str]]:
    yield "mentions", words(channel.mentions) or NOBODY
    if not reaches_people:
        yield "seen", f"on the page /{PREVIEW} only"
    if channel.quiet_until is not None:
        yield "quiet hours", f"now; a new message waits until {channel.quiet_until:%Y-%m-%d %H:%M} UTC"
    yield "renotify", _waits(channel)
    yield "reminders", f"every {_span(channel.remind_every)}" if channel.remind_every else "none"
    if channel.escalation:
        to = channel.escalation
        mentioning = f", mentioning {words(to.mentions) or NOBODY}"
        yield "escalation", f"to {to.channel} after {_span(to.after)} unacknowledged{mentioning}"
    if channel.notify_resolved:
        yield "resolved", "a new message"
    if channel.silent:
        yield "sound", "none"


def _waits(channel: ChannelAnswer) -> str:
    if not channel.waits:
        return "never: more alerts of the incident are edits"
    first, *later = map(_span, channel.waits)
    return f"{first} after the last message" + (f"; when it flaps {', '.join(later)}" if later else "")


def _step_words(step: Step) -> str:
    return f"{step.result}: {step.mismatch}" if step.mismatch else str(step.result)


def answer_json(answer: RouteAnswer, labels: Labels) -> dict[str, Any]:
    return {
        "labels": dict(labels),
        "severity": answer.severity.word,
        "channels": [_channel_json(channel) for channel in answer.channels],
        "trace": [
            {
                "route": step.route.name,
                "result": step.result.name.lower(),
                "mismatch": str(step.mismatch) if step.mismatch else None,
            }
            for step in answer.trace
        ],
    }


def _channel_json(channel: ChannelAnswer) -> dict[str, Any]:
    to = channel.escalation
    return {
        "channel": channel.channel,
        "route": channel.route,
        "mentions": _mentions_json(channel.mentions),
        "silent": channel.silent,
        "renotify_after_seconds": [wait.total_seconds() for wait in channel.waits],
        "remind_every_seconds": channel.remind_every.total_seconds() if channel.remind_every else None,
        "notify_resolved": channel.notify_resolved,
        "quiet_until": channel.quiet_until.isoformat() if channel.quiet_until else None,
        "escalation": to
        and {
            "channel": to.channel,
            "after_seconds": to.after.total_seconds(),
            "mentions": _mentions_json(to.mentions),
        },
    }


def _mentions_json(mentions: Mentions) -> dict[str, Any]:
    return {"roles": list(mentions.roles), "users": list(mentions.users), "here": mentions.here}


def report_lines(report: ReplayReport) -> Iterator[str]:
    night = f"{NIGHT_BEGINS}-{NIGHT_ENDS} {report.zone}"
    yield f"{report.alerts} alerts from {report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC"
    yield ""
    yield f"{'channel':<20} {'messages':>8} {'at night':>9}   mentions    (night: {night})"
    for channel in report.channels:
        yield f"{channel.channel:<20} {channel.messages:>8} {channel.at_night:>9}   {_counts(channel)}"
        for reason, count in channel.by_reason.items():
            yield f"{'':<20} {count:>8}   {Reason(reason).words}"
    yield ""
    unheard = sum(group.alerts for group in report.unheard)
    if not unheard:
        yield "Every alert was shown by a new message to people."
        return
    yield f"{unheard} alerts were in no new message that people get:"
    for group in report.unheard[:MAX_UNHEARD]:
        channels = ", ".join(group.channels)
        yield f"{group.alerts:>8}  {group.alertname} ({group.severity}) in {channels}"
    if len(report.unheard) > MAX_UNHEARD:
        yield f"          and {len(report.unheard) - MAX_UNHEARD} more names"


def _counts(channel: ChannelReport) -> str:
    return "; ".join(f"{mention or NOBODY} {count}" for mention, count in channel.by_mention.items())


def report_json(report: ReplayReport) -> Mapping[str, Any]:
    return {**asdict(report), "since": report.since.isoformat(), "until": report.until.isoformat()}


def _span(span: timedelta) -> str:
    return format_duration(span)
