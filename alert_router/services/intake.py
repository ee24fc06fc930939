"""Takes signals in: stores what they change, with the requests for cards, in one transaction."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import TypeVar

import sqlalchemy as sa

from alert_router.config import ConfigurationHolder
from alert_router.domain.lifecycle import SignalKind
from alert_router.domain.model import Receipt, Rules
from alert_router.services import adoption, notifier, reports
from alert_router.services.reports import DUPLICATES, EventReceipt
from alert_router.services.unit_of_work import UnitOfWork
from alert_router.sources.event_signals import EventSignals
from alert_router.sources.webhook import WebhookMessage
from alert_router.store import quarantine, senders
from alert_router.store.writer import Writer

T = TypeVar("T")
MAX_RECEIVERS = 1_000
"""Names that are remembered; a sender may make up more."""


class Intake:
    """The only way in. When a call returns, its signals are on the disk; when it raises, nothing is."""

    def __init__(
        self,
        writer: Writer,
        *,
        rules: Rules,
        configuration: ConfigurationHolder,
        wake: Callable[[], None],
        on_hold: Callable[[], None] = lambda: None,
    ) -> None:
        """wake: called when cards have changed.

        on_hold: called when only Alertmanager's API knows: a signal is held, or alerts were left out.
        """
        self._writer = writer
        self._rules = rules
        self._holder = configuration
        self._wake = wake
        self._on_hold = on_hold
        self._receivers = {""}
        """Those that are recorded."""

    async def accept(self, message: WebhookMessage) -> Receipt:
        """Raises Unavailable: the caller must answer 503 so that the source sends it again."""
        receipt = await self._writer.run_batched(self._accept, message)
        if len(self._receivers) < MAX_RECEIVERS:
            self._receivers.add(message.receiver)
        self._wake()
        if receipt.held or message.truncated:
            self._on_hold()
        return receipt

    async def report(self, event: EventSignals, now: datetime) -> EventReceipt:
        receipt = await self._writer.run(lambda conn: self._report(conn, event, now))
        self._wake()
        return receipt

    async def adopt(self, now: datetime) -> int:
        """Route all that fires anew, by the configuration in effect, and decide about it; how many alerts."""
        adopted = await self._writer.run(lambda conn: self.adopt_in(conn, now))
        self._wake()
        return adopted

    def adopt_in(self, conn: sa.Connection, now: datetime) -> int:
        """The same in a transaction of the caller's: at the start, before the writer runs."""
        return adoption.adopt(conn, self._rules, self._holder.current, now)

    async def change(self, decide: Callable[[UnitOfWork], int], now: datetime) -> int:
        """Run a decision inside the transaction; how many alerts or incidents it changed."""
        changed = await self._writer.run(lambda conn: self._change(conn, decide, now))
        if changed:
            self._wake()
        return changed

    async def act(self, decide: Callable[[UnitOfWork], T], now: datetime) -> T:
        """The same for what a person does, with its answer."""

        def run(conn: sa.Connection) -> T:
            work = UnitOfWork(conn, self._rules, self._holder.current)
            answer = decide(work)
            self._save(work, now)
            return answer

        answer = await self._writer.run(run)
        self._wake()
        return answer

    def _accept(self, conn: sa.Connection, messages: Sequence[WebhookMessage]) -> list[Receipt]:
        now = messages[-1].received_at
        work = UnitOfWork(conn, self._rules, self._holder.current)
        work.load(chain.from_iterable(map(attrgetter("signals"), messages)))
        receipts = list(map(partial(_apply, work), messages))
        self._save(work, now)
        self._record_rest(conn, messages, now)
        return receipts

    def _report(self, conn: sa.Connection, event: EventSignals, now: datetime) -> EventReceipt:
        work = UnitOfWork(conn, self._rules, self._holder.current)
        receipt = reports.apply(work, event, now)
        self._save(work, now)
        return receipt

    def _change(self, conn: sa.Connection, decide: Callable[[UnitOfWork], int], now: datetime) -> int:
        work = UnitOfWork(conn, self._rules, self._holder.current)
        changed = decide(work)
        return changed + self._save(work, now)

    def _save(self, work: UnitOfWork, now: datetime) -> int:
        """How many new messages are made because of the time alone."""
        touched = work.save()
        if not (touched.incidents or touched.due):
            return 0
        return notifier.notify_people(work.conn, touched, self._holder.current, now)

    def _record_rest(self, conn: sa.Connection, messages: Iterable[WebhookMessage], now: datetime) -> None:
        """What the messages bring beside signals."""
        receivers: set[str] = set()
        for message in messages:
            receivers.add(message.receiver)
            if message.refused:
                quarantine.keep(conn, message.refused)
            if message.heartbeat:
                senders.record_heartbeat(conn, message.source, now)
        for name in receivers - self._receivers:
            senders.record_receiver(conn, name, now)


def _apply(work: UnitOfWork, message: WebhookMessage) -> Receipt:
    kinds: Counter[SignalKind] = Counter()
    for signal in message.signals:
        kinds[work.apply_signal(signal, message.received_at).kind] += 1
    work.set_left_out(message.signals, message.truncated)
    duplicates = sum(map(kinds.__getitem__, DUPLICATES))
    return Receipt(
        accepted=kinds.total() - duplicates,
        duplicates=duplicates,
        quarantined=sum(map(attrgetter("alerts"), message.refused)),
        held=kinds[SignalKind.HOLD],
    )
