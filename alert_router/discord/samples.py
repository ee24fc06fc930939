"""Sample cards in every state, to try templates on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alert_router.discord.card_view import CardView
from alert_router.discord.digest_view import DigestView
from alert_router.domain.card_facts import CardFacts, Measure
from alert_router.domain.model import (
    Alert,
    CardState,
    DigestCount,
    DigestState,
    Fingerprint,
    Incident,
    Status,
)
from alert_router.domain.severity import Severity

URL = "https://alerts.example.org"
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
MANY = 40


def cards() -> list[CardView]:
    """One alert, several, many of several names, silenced and acknowledged, partly over, over, none left."""
    one, two = _alert(1), _alert(2)
    over = replace(two, status=Status.RESOLVED, ends_at=NOW)
    many = [replace(_alert(id_), alertname=f"Sample{id_ % 2}") for id_ in range(1, MANY + 1)]
    taken = _state([replace(one, suppressed="silenced")])
    incident = replace(taken.incident, acknowledged_by="Ada", acknowledged_at=NOW, flaps=3)
    facts = CardFacts(
        {1: Measure("5.2 %", "5 %")}, "7th time in 30 days", ("12 min before: rf-41 -> rf-42",), b"PNG"
    )
    states = [
        _state([one]),
        replace(_state([one]), facts=facts),
        _state([one, two]),
        _state(many),
        replace(taken, incident=incident),
        _state([one, over]),
        replace(_state([over]), recoveries={2: "a report"}),
        _state([]),
    ]
    return [CardView(state, URL) for state in states]


def digests() -> list[DigestView]:
    """During a storm and after it."""
    counts = (DigestCount("Sample", "critical", 12, 3, Severity.CRITICAL),)
    storm = DigestState(NOW, None, 5, counts, (_alert(1),), NOW)
    return [DigestView(each, URL) for each in (storm, replace(storm, ended_at=NOW, alerts=()))]


def _alert(id_: int) -> Alert:
    started = NOW - timedelta(minutes=id_)
    labels = {"alertname": "Sample", "severity": "critical", "instance": f"host-{id_}"}
    return Alert(
        id=id_,
        source="alertmanager",
        fingerprint=Fingerprint(f"{id_:016x}"),
        alertname="Sample",
        severity="critical",
        status=Status.FIRING,
        labels=labels,
        annotations={"summary": "A sample", "description": f"This is sample {id_}."},
        starts_at=started,
        ends_at=None,
        received_at=started,
        last_seen_at=started,
        repeats=0,
        flaps=0,
        incident_id=1,
        generator_url="https://prometheus.example.org/graph",
        source_url="https://alertmanager.example.org",
        reporter="Prometheus",
        held_until=None,
        expires_at=None,
        severity_rank=Severity.CRITICAL,
    )


def _state(alerts: Sequence[Alert]) -> CardState:
    firing = sum(alert.firing for alert in alerts)
    incident = Incident(
        id=1,
        key="{}",
        group_labels={"alertname": "Sample"},
        status=Status.FIRING if firing else Status.RESOLVED,
        severity="critical",
        firing=firing,
        flaps=0,
        opened_at=NOW,
        resolved_at=None if firing else NOW,
        generation=1,
        pinged_at=NOW,
    )
    return CardState(incident, tuple(alerts), 0, 1, None)
