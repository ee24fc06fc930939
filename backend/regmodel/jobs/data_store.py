"""The counts in the API process's memory, and the only code that changes them."""

import threading
from collections.abc import Sequence

from backend.regmodel.data import observations
from backend.regmodel.data.counts import overlay
from backend.regmodel.data.history import History
from backend.regmodel.data.observations import Observation
from backend.regmodel.data.source import Source
from backend.regmodel.jobs.tasks import Data


class DataStore:
    def __init__(self, source: Source) -> None:
        """Loads; raises DataFolderError: a wrong folder is a failed start, not a service without data."""
        self._source = source
        self._version = 1
        self._history = History.of(source.load())
        self._changing = threading.Lock()

    @property
    def history(self) -> History:
        return self._history

    @property
    def source(self) -> Source:
        return self._source

    def for_workers(self, posted: Sequence[Observation] = ()) -> Data:
        """Raises TooWide."""
        overlay = observations.to_grid(posted, beside=self._history.counts) if posted else None
        return Data(self._source, self._version, overlay)

    def add(self, observed: Sequence[Observation]) -> None:
        """Stored and used by every later call when this returns; unchanged when it raises.

        Raises TooWide, sqlite3.Error or OSError.
        """
        with self._changing:
            # Laid over what is known, as a load of the whole file would: that one takes longer every day.
            # Before it is stored: what cannot be held in memory must not wait on disk for the next start.
            known = self._history.counts
            changed = History.of(overlay(known, observations.to_grid(observed, beside=known)))
            observations.write(self._source.observations, observed)
            self._history = changed
            self._version += 1
