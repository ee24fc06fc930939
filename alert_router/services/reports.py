"""What a direct report changes: alerts, the runs of its job, the marks on charts; all in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alert_router.domain import index_keys, lifecycle, runs
from alert_router.domain.lifecycle import Change, SignalKind
from alert_router.domain.model import Alert, Signal, Transition, TransitionKind
from alert_router.domain.runs import Run
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.sources.event_signals import RUN_FAILURES, EventSignals
from alert_router.store import alerts as alert_rows
from alert_router.store import marks
from alert_router.store import runs as run_rows

DUPLICATES = (SignalKind.REPEAT, SignalKind.LATE, SignalKind.HOLD)
"""The kinds of signals that bring nothing new."""
MAX_TEXT_CHARS = 20_000
"""Of a description with the failures of several tasks."""


@dataclass(frozen=True, slots=True)
class EventReceipt:
    alert_id: int | None
    """None where the report makes no alert: a mark, a run that started or went well."""
    new: bool


def apply(work: UnitOfWork, event: EventSignals, now: datetime) -> EventReceipt:
    key = event.signal.event_key
    known = alert_rows.id_by_event(work.conn, key) if key else None
    if known is not None:
        return EventReceipt(known, new=_add_task(work, event, known, now))
    work.load([event.signal, *event.resolves])
    resolving = [signal for signal in event.resolves if _resolves(work, signal)]
    opens = event.always_opens or not (resolving or event.never_opens)
    kept = _keep(work, event)
    past = run_rows.before(work.conn, event.run) if event.run and (resolving or opens) else []
    signals = _in_words([*([event.signal] if opens else []), *resolving], event.run, past)
    # One key, one transition: the first change of the event carries its identity.
    changes = [
        work.apply_signal(replace(signal, event_key=None if i else key), now)
        for i, signal in enumerate(signals)
    ]
    if not changes:
        return EventReceipt(None, new=kept)
    return EventReceipt(changes[0].alert.id, new=changes[0].kind not in DUPLICATES)


def _resolves(work: UnitOfWork, signal: Signal) -> bool:
    known = work.newest(signal)
    return known is not None and known.firing and lifecycle.classify(known, signal) is SignalKind.RESOLVE


def _keep(work: UnitOfWork, event: EventSignals) -> bool:
    """Whether its run, or its mark, is new."""
    kept = run_rows.save(work.conn, event.run) if event.run else False
    if event.mark:
        kept = marks.add(work.conn, event.mark, key=event.signal.event_key) or kept
    return kept


def _in_words(signals: Iterable[Signal], run: Run | None, past: Sequence[Run]) -> list[Signal]:
    """With what is new about the run, beside those before it."""
    if run is None:
        return list(signals)
    edge, values = runs.edge(past, run), runs.compared(past, run)
    return [_with_words(signal, edge, values) for signal in signals]


def _with_words(signal: Signal, edge: str, values: str) -> Signal:
    if not signal.annotations:  # a resolve: what it says is its reporter's
        says = edge and signal.labels["alertname"] in RUN_FAILURES
        words = f" {edge[0].upper()}{edge[1:]}." if says else ""
        measured = f" {values}." if values else ""
        return replace(signal, reporter=f"{signal.reporter}{words}{measured}")
    added = {"values": values} if values else {}
    if edge and "summary" in signal.annotations:
        added["summary"] = f"{signal.annotations['summary']}: {edge}"
    return replace(signal, annotations={**signal.annotations, **added})


def _add_task(work: UnitOfWork, event: EventSignals, alert_id: int, now: datetime) -> bool:
    """Another task of the run failed in another way: kept beside the first, once, in the same alert."""
    alert = alert_rows.by_id(work.conn, alert_id)
    text = event.signal.annotations.get("description", "")
    if alert is None or not event.signal.firing or not _is_other(alert, event.task, text):
        return False
    key = index_keys.hash_if_long(f"{event.signal.event_key}:task {event.task}")
    if alert_rows.id_by_event(work.conn, key) is not None:
        return False
    work.add_alerts([alert])
    known = alert.annotations.get("description", "")
    description = f"{known}\n{event.task}: {text}"[:MAX_TEXT_CHARS]
    updated = replace(alert, annotations={**alert.annotations, "description": description})
    detail = f"{event.task}: {event.signal.annotations.get('log', text)}"
    transition = Transition(alert.id, now, TransitionKind.UPDATED, alert.source, detail, key)
    work.apply(Change(SignalKind.UPDATE, (updated,), (transition,)), work.group_labels_of(alert), now)
    return True


def _is_other(alert: Alert, task: str, text: str) -> bool:
    is_same = task == alert.annotations.get("task", "") or text in alert.annotations.get("description", "")
    return bool(task) and not is_same
