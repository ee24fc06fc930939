"""The same alerts as Alertmanager's own Discord receiver shows them, by its default template.

As in template/default.tmpl of Alertmanager 0.34: a title, and one description cut at 4096 characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from alert_router.domain import overview
from alert_router.domain.model import Alert, CardState, Labels

RED, GREEN = 0x992D22, 0x2ECC71
DESCRIPTION_CHARS = 4096


def payload(state: CardState) -> Mapping[str, Any]:
    firing = [alert for alert in state.alerts if alert.firing]
    resolved = [alert for alert in state.alerts if not alert.firing]
    description = "\n".join([*_section("Alerts Firing:", firing), *_section("Alerts Resolved:", resolved)])
    if len(description) > DESCRIPTION_CHARS:
        description = description[: DESCRIPTION_CHARS - 1] + "…"
    embed = {
        "title": _subject(state, len(firing))[:256],
        "description": description,
        "color": RED if firing else GREEN,
    }
    return {"content": "", "embeds": [embed]}


def _subject(state: CardState, firing: int) -> str:
    group = state.incident.group_labels
    common = overview.of(state.alerts).labels
    others = [text for name, text in sorted(common.items()) if name not in group]
    status = f"FIRING:{firing}" if firing else "RESOLVED"
    rest = f" ({' '.join(others)})" if others else ""
    return f"[{status}] {' '.join(text for _, text in sorted(group.items()))}{rest}"


def _section(title: str, alerts: Sequence[Alert]) -> Iterator[str]:
    if not alerts:
        return
    yield title
    for alert in alerts:
        yield "Labels:"
        yield from _pairs(alert.labels)
        yield "Annotations:"
        yield from _pairs(alert.annotations)
        yield f"Source: {alert.generator_url}"


def _pairs(pairs: Labels) -> Iterator[str]:
    return (f" - {name} = {text}" for name, text in sorted(pairs.items()))
