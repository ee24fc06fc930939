"""Looks at Airflow again and again in a thread of its own, and puts what it sees on the board."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.custom_exporters.poller import Survey
from monitoring.custom_exporters.snapshot import Snapshot
from monitoring.custom_exporters.token_auth import Away

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Board:
    """Where the refresher writes and scrapes read. One reference, replaced whole: no lock, nobody waits."""

    snapshot: Snapshot = field(default_factory=Snapshot)


@dataclass(slots=True)
class Refresher:
    survey: Survey
    board: Board
    clock: Clock
    pause_s: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _trouble: str | None = "nobody has looked yet"

    def start(self) -> None:
        # A daemon: a look that waits for Airflow must not keep the program from ending.
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
        """One look. Never raises: the next one may go well."""
        try:
            self.board.snapshot = self.survey.look(self.clock)
        except Away as away:
            self._fail(f"Airflow is away: {away}", up=False)
        except sqlite3.Error as error:
            self._fail(f"the state file cannot be used: {error}", up=None)
        except Exception:
            log.exception("a look at Airflow failed")
            self._fail("a look at Airflow failed, for a reason of ours", up=None)
        else:
            self._tell(None)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.refresh()
            self._stop.wait(self.pause_s)

    def _fail(self, trouble: str, *, up: bool | None) -> None:
        self.board.snapshot = self.board.snapshot.without_the_present(up=up)
        self._tell(trouble)

    def _tell(self, trouble: str | None) -> None:
        """A change is a log line; the same trouble again is not."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble:
            log.warning("%s", trouble)
        else:
            log.info("Airflow answers")
