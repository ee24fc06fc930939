"""Whether the database takes writes, known from real ones only: a read succeeds on a full disk, too."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from alert_router.store.engine import Unavailable, has_written

log = logging.getLogger(__name__)
STUCK_S = 10.0
"""A write that runs for longer than any lock is waited for: the disk or the network hangs."""
LOG_EVERY_S = 60.0


class WriteOutcomes:
    """The outcome of the last write. Written by the writer's thread, read by all."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        """steady: seconds; never set back."""
        self._steady = steady
        self._lock = threading.Lock()
        self._failure: str | None = None
        self._ended_at = steady()
        self._began_at: float | None = None
        self._logged_at = float("-inf")

    @contextmanager
    def observed(self) -> Iterator[Callable[[sa.Connection], None]]:
        """Around one write transaction; call what it yields before COMMIT.

        An error other than Unavailable says nothing about the database.
        """
        wrote = False

        def look(conn: sa.Connection) -> None:
            nonlocal wrote
            # PostgreSQL is asked only when it matters: the question costs a round trip.
            wrote = (self._failure is None and conn.dialect.name != "sqlite") or has_written(conn)

        self._began_at = self._steady()
        try:
            yield look
        except Unavailable as error:
            self._failed(error)
            raise
        else:
            if wrote:
                self._succeeded()
        finally:
            self._began_at = None

    @property
    def failure(self) -> str | None:
        """Why writes fail now, in words for everybody; None: the last one succeeded."""
        began_at = self._began_at
        if began_at is not None and self._steady() - began_at > STUCK_S:
            return f"has not ended a write for {self._steady() - began_at:.0f} s"
        return self._failure

    @property
    def idle_s(self) -> float:
        """Since the last write; 0 while one runs."""
        return 0.0 if self._began_at is not None else self._steady() - self._ended_at

    def _failed(self, error: Unavailable) -> None:
        now = self._steady()
        with self._lock:
            first = self._failure is None
            self._failure, self._ended_at = error.reason, now
            if not first and now - self._logged_at < LOG_EVERY_S:
                return
            self._logged_at = now
        log.error("the database takes no writes, and senders are answered 503: %s", error)

    def _succeeded(self) -> None:
        with self._lock:
            recovered, self._failure, self._ended_at = self._failure, None, self._steady()
        if recovered is not None:
            log.warning("the database takes writes again")
