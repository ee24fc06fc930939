"""Takes signals in: decides what they mean and keeps it, with the wish to tell, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from alert_router.domain import digest_policy, lifecycle
from alert_router.domain.lifecycle import SignalKind
from alert_router.domain.model import ChannelName, Incident, Receipt, Rules, Signal, severity_rank
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.store import alerts as alert_rows
from alert_router.store import card_queue, digests, quarantine, receivers, senders
from alert_router.store import incidents as incident_rows
from alert_router.store.card_queue import CardRequest
from alert_router.store.quarantine import Refused
from alert_router.store.writer import Writer

DUPLICATES = frozenset({SignalKind.REPEAT, SignalKind.LATE, SignalKind.HOLD})
"""The verdicts that tell us nothing new."""

FLAPPING = 5
"""An incident that came back so often is told about more quietly..."""
FLAPPING_EDIT_S = 60.0
"""...by gathering its changes for so long."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one webhook brought: what was understood and what was not. Both are kept, or neither."""

    signals: tuple[Signal, ...]
    now: datetime
    refused: tuple[Refused, ...] = ()
    receiver: str = ""
    """The name under which Alertmanager sent it."""
    heartbeat: bool = False
    """It brought the Watchdog: monitoring sees."""


@dataclass(frozen=True, slots=True)
class Report:
    """A direct report: it ends the open alerts it answers, or, where there are none, stands for itself."""

    signal: Signal
    now: datetime
    ends: tuple[Signal, ...] = ()
    stands: bool = False
    """It stands for itself whatever it ends."""


@dataclass(frozen=True, slots=True)
class Change:
    """A decision taken inside the transaction, on what is true there."""

    decide: Callable[[sa.Connection, UnitOfWork], int]
    now: datetime


@dataclass(frozen=True, slots=True)
class Told:
    alert_id: int
    new: bool


class Intake:
    """The only way in. When a call returns, what it was given is on the disk; when it raises, nothing is."""

    def __init__(
        self,
        writer: Writer,
        *,
        rules: Rules,
        channels: Sequence[ChannelName],
        wake: Callable[[], None],
        doubt: Callable[[], None] = lambda: None,
    ) -> None:
        """wake: called when there is something to tell; doubt: when a signal is held."""
        self._writer = writer
        self._rules = rules
        self._channels = channels
        self._wake = wake
        self._doubt = doubt

    async def accept(self, batch: Batch) -> Receipt:
        """Raises Unavailable: the caller must answer 503 so that the source sends it again."""
        receipt = await self._writer.submit(self._accept, batch)
        self._wake()
        if receipt.held:
            self._doubt()
        return receipt

    async def report(self, report: Report) -> Told:
        told = await self._writer.submit(self._report, report)
        self._wake()
        return told

    async def change(self, change: Change) -> int:
        """Apply a decision that came from no signal; how many alerts or incidents it changed."""
        changed = await self._writer.submit(self._change, change)
        if changed:
            self._wake()
        return changed

    def _accept(self, conn: sa.Connection, batches: Sequence[Batch]) -> list[Receipt]:
        books = UnitOfWork(conn, self._rules)
        books.open([signal for batch in batches for signal in batch.signals])
        receipts = [self._receipt(books, batch) for batch in batches]
        self._close(conn, books, batches[-1].now)
        quarantine.keep(conn, [refused for batch in batches for refused in batch.refused])
        if any(batch.heartbeat for batch in batches):
            senders.heard(conn, "alertmanager", batches[-1].now)
        for name in {batch.receiver for batch in batches} - {""}:
            receivers.heard(conn, name, batches[-1].now)
        return receipts

    def _receipt(self, books: UnitOfWork, batch: Batch) -> Receipt:
        steps = [self._take(books, signal, batch.now) for signal in batch.signals]
        duplicates = sum(step.verdict in DUPLICATES for step in steps)
        return Receipt(
            accepted=len(steps) - duplicates,
            duplicates=duplicates,
            quarantined=sum(refused.alerts for refused in batch.refused),
            held=sum(step.verdict is SignalKind.HOLD for step in steps),
        )

    def _take(self, books: UnitOfWork, signal: Signal, now: datetime) -> lifecycle.Step:
        step = lifecycle.advance(
            books.newest(signal), signal, now, rules=self._rules, new_id=books.new_alert_id
        )
        books.apply(step, signal.group_labels, now)
        return step

    def _report(self, conn: sa.Connection, reports: Sequence[Report]) -> list[Told]:
        return [self._tell(conn, report) for report in reports]

    def _tell(self, conn: sa.Connection, report: Report) -> Told:
        key = report.signal.event_key
        known = alert_rows.of_event(conn, key) if key else None
        if known is not None:
            return Told(known, new=False)
        books = UnitOfWork(conn, self._rules)
        books.open([report.signal, *report.ends])
        ended = [signal for signal in report.ends if _answers(books, signal)]
        own = [report.signal] if report.stands or not ended else []
        # One key, one fact: the first thing the report changes carries its identity.
        steps = [
            self._take(books, replace(signal, event_key=None if i else key), report.now)
            for i, signal in enumerate([*own, *ended])
        ]
        self._close(conn, books, report.now)
        return Told(steps[0].alert.id, new=steps[0].verdict not in DUPLICATES)

    def _change(self, conn: sa.Connection, changes: Sequence[Change]) -> list[int]:
        return [self._apply(conn, change) for change in changes]

    def _apply(self, conn: sa.Connection, change: Change) -> int:
        books = UnitOfWork(conn, self._rules)
        changed = change.decide(conn, books)
        self._close(conn, books, change.now)
        return changed

    def _close(self, conn: sa.Connection, books: UnitOfWork, now: datetime) -> None:
        wishes = [wish(incident, channel) for incident in books.write() for channel in self._channels]
        for one in wishes:
            if one.generation > 1:
                card_queue.reuse_unsent_card(conn, one)
        card_queue.enqueue(conn, wishes, now)
        if wishes:
            digests.touch(conn, card_queue.digests_of(conn, wishes), now, every_s=digest_policy.EDIT_EVERY_S)


def adopt(conn: sa.Connection, channel: ChannelName, now: datetime) -> int:
    """Have the channel tell what fires and was told elsewhere only: it has become the main one; how many."""
    untold = incident_rows.untold(conn, channel)
    card_queue.enqueue(conn, [wish(incident, channel) for incident in untold], now)
    return len(untold)


def wish(incident: Incident, channel: ChannelName) -> CardRequest:
    critical = incident.is_firing and severity_rank(incident.severity) >= severity_rank("critical")
    return CardRequest(
        incident_id=incident.id,
        channel=channel,
        generation=incident.generation,
        create_priority=card_queue.NEW_CRITICAL if critical else card_queue.NEW,
        edit_priority=card_queue.EDIT if incident.is_firing else card_queue.RESOLVE,
        edit_delay_s=FLAPPING_EDIT_S if incident.flaps >= FLAPPING else 0.0,
    )


def _answers(books: UnitOfWork, signal: Signal) -> bool:
    known = books.newest(signal)
    return known is not None and known.firing and lifecycle.judge(known, signal) is SignalKind.RESOLVE
