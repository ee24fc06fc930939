"""The title of a card: sign, severity, name and how many."""

from collections.abc import Mapping, Sequence

from alert_router.discord import alert_facts
from alert_router.domain.model import Alert, CardState, Overview
from alert_router.domain.severity import shown_word

MAX_NAMES = 4
SEVERITY_CHARS = 20


def of_card(state: CardState, overview: Overview) -> str:
    if not state.alerts:
        return f"Incident {state.incident.id}"
    first = state.alerts[0]
    if not first.firing:
        is_moment = all(map(alert_facts.is_moment, state.alerts))
        return f"{alert_facts.RESOLVED_SIGN} {subject(state)}{'' if is_moment else ' – resolved'}"  # noqa: RUF001
    word = severity_word(state.alerts)
    head = f"{alert_facts.sign(first)} {f'{word} · ' if word else ''}{subject(state)}"
    return f"{head}{_counts(state, overview)}"


def severity_word(alerts: Sequence[Alert]) -> str:
    """The worst alert's, as its sender spells it; empty where nobody set one."""
    return (shown_word(alerts[0].labels.get("severity")) if alerts else None) or ""


def subject(state: CardState) -> str:
    """The alerts' name if they share one, else what the group is."""
    names = names_of(state)
    if len(names) < 2:  # noqa: PLR2004 - one name
        return names[0] if names else "Alert"
    group = ", ".join(f"{name}={text}" for name, text in sorted(state.incident.group_labels.items()) if text)
    return group or f"{names[0]} and {len(names) - 1} more"


def names_of(state: CardState) -> Sequence[str]:
    return list(dict.fromkeys(alert.alertname.strip() or "Alert" for alert in state.alerts))


def _counts(state: CardState, overview: Overview) -> str:
    """How many fire: nothing where it is the only alert."""
    firing, left_out = state.incident.firing, state.incident.left_out
    parts = []
    if firing > 1 or left_out or overview.resolved or len(names_of(state)) > 1:
        parts.append(f"{firing} firing{_by_name(overview.firing)}")
    if left_out:
        parts.append(f"{left_out} more that Alertmanager left out (max_alerts)")
    if overview.resolved:
        parts.append(f"{overview.resolved} resolved")
    between = ": " if len(names_of(state)) > 1 else " – "  # noqa: RUF001 - a dash, as in all titles
    return between + ", ".join(parts) if parts else ""


def _by_name(firing: Mapping[str, int]) -> str:
    """The text " (DiskFull 2, HighCpu 1)"; empty where all have one name."""
    if len(firing) < 2:  # noqa: PLR2004 - one name
        return ""
    shown = [f"{name.strip() or 'Alert'} {count}" for name, count in list(firing.items())[:MAX_NAMES]]
    left_out = len(firing) - len(shown)
    return f" ({', '.join(shown)}{f' and {left_out} more' if left_out else ''})"
