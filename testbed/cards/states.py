"""The states of a card, made from a sample."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from alert_router.domain import overview
from alert_router.domain.act_links import CardLinks
from alert_router.domain.card_facts import CardFacts, Measure
from alert_router.domain.model import Alert, Announcement, CardState, DigestCount, DigestState
from alert_router.domain.notify_values import Reason
from alert_router.domain.severity import Severities
from testbed.cards import chart
from testbed.cards.samples import DASHBOARD, RUNBOOKS, SAMPLES, Sample
from testbed.factories import at, make_alert, make_state

NOW = at(40)
STARTED = 0.0
FEW, MANY = 3, 40
MODELS = ("rf", "hgb", "gbt")
ACT_URL = "https://alerts.example.org/act/"
ACT_LINKS = CardLinks(acknowledge=f"{ACT_URL}1", silence=f"{ACT_URL}2")
TAKEN_LINKS = CardLinks(unacknowledge=f"{ACT_URL}3", silence=f"{ACT_URL}2")
MEMORY = "7th time in 30 days, usually over by itself after 12 min (6 of 7), last time Ada: restarted it"
CHANGES = ("12 min before: rf-41 -> rf-42", "20 min before: image 1.4.2 deployed")


def alert(name: str, id_: int = 1, **changes: object) -> Alert:
    sample = SAMPLES[name]
    is_event = sample.reporter.startswith("Airflow")
    place = MODELS[id_ - 1] if sample.differs == "model_type" and id_ <= len(MODELS) else f"db-{id_}"
    labels = {"alertname": name, "severity": sample.severity, **sample.labels}
    if id_ > 1 or sample.differs not in labels:
        labels[sample.differs] = place
    urls = {
        "generator_url": "https://prometheus.example.org/graph?g0.expr=up",
        "source_url": "https://am.example.org",
    }
    fields: dict[str, object] = {
        "id": id_,
        "annotations": _annotations(name, sample, place if id_ > 1 else ""),
        "starts_at": at(STARTED + id_ / 3),
        "reporter": sample.reporter,
        **({"source": "events", "generator_url": "", "source_url": ""} if is_event else urls),
    }
    return make_alert(labels, **(fields | changes))


def _annotations(name: str, sample: Sample, place: str) -> dict[str, str]:
    """Of the others, the summary names another place, as a rule's template does."""
    first = sample.labels.get(sample.differs, "")
    summary, description = (
        text.replace(first, place) if place and first else text
        for text in (sample.summary, sample.description)
    )
    pages = {} if sample.reporter.startswith("Airflow") else _pages(name)
    return {"summary": summary, "description": description, **pages, **sample.more}


def _pages(name: str) -> dict[str, str]:
    return {"runbook_url": f"{RUNBOOKS}/{name}.md", "dashboard_url": DASHBOARD}


def _measures(name: str, alerts: tuple[Alert, ...]) -> Mapping[int, Measure]:
    sample = SAMPLES[name]
    if not sample.value:
        return {}
    return {each.id: Measure(sample.value, sample.limit) for each in alerts}


def _chart(sample: Sample) -> bytes | None:
    """Where value and limit are numbers."""
    numbers = [re.match(r"\d+(?:\.\d+)?", text) for text in (sample.value, sample.limit)]
    value, limit = (float(number[0]) if number else None for number in numbers)
    return None if value is None or limit is None else chart.png(value, limit)


def _card(name: str, *alerts: Alert, **changes: object) -> CardState:
    shown = tuple(sorted(alerts, key=lambda each: (not each.firing, -each.severity_rank, -each.id)))
    facts = CardFacts(_measures(name, shown), chart=_chart(SAMPLES[name]))
    announcement = Announcement(Reason.FIRST, at=NOW)
    links = ACT_LINKS if shown[0].firing else CardLinks()
    fields: dict[str, object] = {"announcement": announcement, "facts": facts, "links": links, **changes}
    state: CardState = make_state(*shown[:100], **fields)
    incident = replace(state.incident, group_labels={"alertname": name})
    return replace(state, incident=incident, overview=overview.of(shown))


def one(name: str) -> CardState:
    state = _card(name, alert(name))
    return replace(state, facts=replace(state.facts, memory=MEMORY, changes=CHANGES))


def several(name: str) -> CardState:
    return _card(name, *(alert(name, id_) for id_ in range(1, FEW + 1)))


def forty(name: str) -> CardState:
    return _card(name, *(alert(name, id_) for id_ in range(1, MANY + 1)))


def mixed_names(name: str) -> CardState:
    """Of one cluster, with the alerts of another rule."""
    other = "TargetDown" if name != "TargetDown" else "DiskFull"
    alerts = [alert(name), alert(name, 2), alert(other, 3)]
    state = _card(name, *(replace(each, labels={**each.labels, "cluster": "eu"}) for each in alerts))
    measures = {id_: measure for id_, measure in state.facts.measures.items() if id_ != alerts[2].id}
    return replace(
        state,
        incident=replace(state.incident, group_labels={"cluster": "eu"}),
        facts=replace(state.facts, measures=measures),
    )


def partly_resolved(name: str) -> CardState:
    over = [alert(name, id_, ends_at=at(12 + id_)) for id_ in (2, 3)]
    return _card(name, alert(name), *over)


def resolved(name: str) -> CardState:
    over = alert(name, ends_at=at(14 + 1 / 3), annotations={**alert(name).annotations})
    state = _card(name, over, announcement=None)
    memory = "7th time in 30 days, usually over by itself after 12 min (6 of 7)"
    return replace(state, facts=replace(state.facts, memory=memory))


def resolved_after_acknowledgement(name: str) -> CardState:
    state = resolved(name)
    return replace(state, incident=replace(state.incident, acknowledged_by="Ada", acknowledged_at=at(3)))


def flapping(name: str) -> CardState:
    state = _card(name, alert(name, received_at=at(28), flaps=6), announcement=None)
    return replace(state, incident=replace(state.incident, flaps=6))


def acknowledged(name: str) -> CardState:
    state = _card(name, alert(name), announcement=None, links=TAKEN_LINKS)
    return replace(state, incident=replace(state.incident, acknowledged_by="Ada", acknowledged_at=at(9)))


def silenced(name: str) -> CardState:
    return _card(name, alert(name, suppressed="silenced"), announcement=None)


def reminder(name: str) -> CardState:
    announcement = Announcement(Reason.REMINDER, at=NOW + timedelta(hours=4))
    return _card(name, alert(name), announcement=announcement)


def digest() -> DigestState:
    counts = tuple(
        DigestCount(name, sample.severity, 40 - 2 * index, index, Severities().rank(sample.severity))
        for index, (name, sample) in enumerate(SAMPLES.items())
    )
    shown = tuple(alert(name, id_) for id_, name in enumerate(SAMPLES, start=1))
    return DigestState(
        at(1), None, 212, counts, shown, at(0), announcement=Announcement(Reason.FIRST, at=NOW)
    )


STATES: Mapping[str, Callable[[str], CardState]] = {
    state.__name__: state
    for state in (
        one,
        several,
        forty,
        mixed_names,
        partly_resolved,
        resolved,
        resolved_after_acknowledgement,
        flapping,
        acknowledged,
        silenced,
        reminder,
    )
}
MOMENTS = frozenset({"TrainingSuccess"})
"""Reports of something that happened: they never fire, so they have one state."""


def moment(name: str) -> CardState:
    over = alert(name)
    return _card(name, replace(over, status=resolved(name).alerts[0].status, ends_at=over.starts_at))


def cards() -> Mapping[tuple[str, str], CardState]:
    """By template and state."""
    many = {
        (name, state): make(name) for name in SAMPLES if name not in MOMENTS for state, make in STATES.items()
    }
    return many | {(name, "reported"): moment(name) for name in MOMENTS}
