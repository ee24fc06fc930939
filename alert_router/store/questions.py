"""What people ask of the database: a few at a time, for a limited time, and only while somebody waits."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from alert_router.store.engine import MAX_QUESTION_S, Store, TookTooLong, unavailable_as_such

STEPS = 10_000
"""Of SQLite's virtual machine between two looks at the clock: about a millisecond."""
QUESTION = "question"


@dataclass(slots=True, eq=False)
class Question:
    """Shared by the thread that asks and the loop, which may give it up."""

    deadline: float = field(default_factory=lambda: time.monotonic() + MAX_QUESTION_S)
    given_up: Event = field(default_factory=Event)

    @property
    def is_over(self) -> bool:
        return self.given_up.is_set() or time.monotonic() > self.deadline


@contextmanager
def asked(store: Store, question: Question) -> Iterator[sa.Connection]:
    """A snapshot to query. Raises TookTooLong once the question is over, in the midst of a statement too."""
    with unavailable_as_such(), store.questions.connect() as conn:
        conn.info[QUESTION] = question
        try:
            with _watched(conn, question):
                yield conn
        finally:
            del conn.info[QUESTION]


@contextmanager
def _watched(conn: sa.Connection, question: Question) -> Iterator[None]:
    driver: Any = conn.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.set_progress_handler(lambda: int(question.is_over), STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, STEPS)
        return
    rest_ms = max(int((question.deadline - time.monotonic()) * 1000), 1)
    conn.exec_driver_sql(f"SET LOCAL statement_timeout = {rest_ms}")
    yield


def end_between_statements(engine: sa.Engine) -> None:
    """A question of many short statements has the same limit as one long one."""

    @event.listens_for(engine, "before_cursor_execute")
    def check(conn: sa.Connection, *_: object) -> None:
        question = conn.info.get(QUESTION)
        if question is not None and question.is_over:
            raise TookTooLong("a question was over", "did not answer in time")
