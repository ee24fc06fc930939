"""Polls Airflow in a thread of its own and publishes each snapshot."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.custom_exporters.poller import Poller
from monitoring.custom_exporters.snapshot import Snapshot
from monitoring.custom_exporters.token_auth import Unavailable

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


@dataclass(slots=True)
class SnapshotHolder:
    """The refresher writes it and scrapes read it. The reference is replaced whole, so it needs no lock."""

    snapshot: Snapshot = field(default_factory=Snapshot)


@dataclass(slots=True)
class Refresher:
    poller: Poller
    holder: SnapshotHolder
    clock: Clock
    pause_s: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _fault: str | None = "no poll yet"

    def start(self) -> None:
        # A daemon: a poll that waits for Airflow must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)
        self._thread.start()

    def stop(self, within_s: float) -> bool:
        """Whether it has stopped in time."""
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def refresh(self) -> None:
        """Polls once. Never raises: the next poll may succeed."""
        try:
            self.holder.snapshot = self.poller.poll(self.clock)
        except Unavailable as error:
            self._fail(f"Airflow is unavailable: {error}", up=False)
        except sqlite3.Error as error:
            self._fail(f"the state file cannot be used: {error}", up=None)
        except Exception:
            log.exception("the poll of Airflow failed")
            self._fail("the poll of Airflow failed: internal error", up=None)
        else:
            self._log_change(None)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.refresh()
            self._stop.wait(self.pause_s)

    def _fail(self, fault: str, *, up: bool | None) -> None:
        self.holder.snapshot = self.holder.snapshot.without_the_present(up=up)
        self._log_change(fault)

    def _log_change(self, fault: str | None) -> None:
        """Logs a new fault or the end of one, not its repetition."""
        if fault == self._fault:
            return
        self._fault = fault
        if fault:
            log.warning("%s", fault)
        else:
            log.info("Airflow answers")
