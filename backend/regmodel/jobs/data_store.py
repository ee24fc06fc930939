"""The counts in the API process's memory, and the only code that changes them."""

import threading
from collections.abc import Sequence

from backend.regmodel.data import observations
from backend.regmodel.data.counts import EMPTY, Counts
from backend.regmodel.data.history import History
from backend.regmodel.data.observations import Observation
from backend.regmodel.data.source import Origin, Source
from backend.regmodel.jobs.tasks import Data


class DataStore:
    def __init__(self, source: Source) -> None:
        """Loads; raises DataFolderError: a wrong folder is a failed start, not a service without data."""
        self._source = source
        self._version = 1
        counts, self._origin = source.load()
        self._history = History.of(counts)
        self._changing = threading.Lock()

    @property
    def history(self) -> History:
        return self._history

    @property
    def origin(self) -> Origin:
        return self._origin

    def for_workers(self, posted: Sequence[Observation] = ()) -> Data:
        """Raises TooWide."""
        newer = observations.to_grid(posted, beside=self._recorded()) if posted else None
        return Data(self._source, self._version, self._origin, newer)

    def add(self, posted: Sequence[Observation]) -> None:
        """Stored and used by every later call when this returns; unchanged when it raises.

        Raises TooWide, sqlite3.Error or OSError.
        """
        with self._changing:
            # Memory before disk: counts that do not fit into memory must not be on disk at the next start.
            newer = observations.to_grid(posted, beside=self._recorded())
            if self._origin is Origin.GENERATED:
                changed, origin = History.of(newer), Origin.OBSERVATIONS
            else:
                changed, origin = self._history.updated(newer), self._origin
            observations.write(self._source.observations, posted)
            self._history, self._origin = changed, origin
            self._version += 1

    def _recorded(self) -> Counts:
        """What posted counts are laid over."""
        return EMPTY if self._origin is Origin.GENERATED else self._history.recorded
