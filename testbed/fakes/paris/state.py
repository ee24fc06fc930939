"""The fake's state: the clock, the quota, the injected faults, the requests received."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from testbed.fakes.paris.publication import Habits, Shown, shown
from testbed.fakes.paris.queries import Query
from testbed.fakes.paris.records import ordered
from testbed.fakes.paris.year import Year


@dataclass(frozen=True, slots=True)
class Fault:
    """A faulty response: a status, or an export that breaks off in the middle."""

    status: int = 0
    retry_after_s: int | None = None
    broken_after_rows: int | None = None


@dataclass(slots=True)
class ParisState:
    year: Year
    now: datetime
    habits: Habits = field(default_factory=Habits)
    quota: int | None = None
    """Calls per simulated day; None: no limit."""
    calls: dict[str, int] = field(default_factory=dict)
    """By simulated day."""
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[str] = field(default_factory=list)
    """Path and query of every call, also of refused calls."""
    _last: tuple[tuple[datetime, Query], list[Shown]] | None = None

    def over_quota(self) -> bool:
        """Counts this call."""
        day = self.now.date().isoformat()
        self.calls[day] = self.calls.get(day, 0) + 1
        return self.quota is not None and self.calls[day] > self.quota

    def rows(self, query: Query) -> list[Shown]:
        """Every row of the query, on all pages. A fully ordered listing is computed once for all of them.

        Rows with equal sort keys come in another order in every response, as from a cluster.
        """
        if {"date", "id_compteur"} - {field for field, _ in query.order}:
            rows = list(self._shown(query))
            Random(len(self.requests)).shuffle(rows)  # noqa: S311 - repeatable on purpose
            return ordered(rows, query)
        key = (self.now, Query(query.fields, query.since, query.until, query.order, query.zone, -1, 0))
        if self._last is None or self._last[0] != key:
            self._last = (key, ordered(list(self._shown(query)), query))
        return self._last[1]

    def _shown(self, query: Query) -> Iterator[Shown]:
        return shown(self.year, self.habits, self.now, since=query.since, until=query.until)
