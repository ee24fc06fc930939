"""The registry of models: versions of the summary, one file each, and the models beside them.

`versions/00000007.json` is created exclusively: the second of two writers reads again and repeats its change,
so concurrent writers lose nothing. `summary.json` is a copy of the newest version under a fixed name.
"""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import joblib

from backend.regmodel.model.forecaster import Forecaster
from backend.regmodel.registry.storage import Storage
from backend.regmodel.registry.summary import Summary

log = logging.getLogger(__name__)

KEEP_VERSIONS = 50
MAX_TRIES = 200

Change = Callable[[Summary], Summary]


class RegistryError(Exception):
    """The registry cannot be read or written; the message says why."""


@dataclass(frozen=True, slots=True)
class Registry:
    storage: Storage

    def current(self) -> Summary:
        versions = self._versions()
        return Summary() if not versions else self._read(versions[-1])

    def change(self, change: Change, now: datetime) -> Summary:
        """Apply the change to the newest summary; `change` is called again when another writer was first.

        When this returns, the new version is stored; an exception of `change` propagates and stores nothing.
        """
        for _ in range(MAX_TRIES):
            before = self.current()
            after = change(before)
            if after == before:
                return before
            after = after.model_copy(update={"version": before.version + 1, "written_at": now})
            if self.storage.create(_version_name(after.version), _as_json(after)):
                self._clean_up(before, after)
                return after
        raise RegistryError(f"{MAX_TRIES} other writers were faster; is something else writing in a loop?")

    def save(self, run_id: str, forecaster: Forecaster) -> None:
        buffer = io.BytesIO()
        joblib.dump(forecaster, buffer, compress=("zlib", 1))
        self.storage.replace(_model_name(run_id), buffer.getvalue())

    def load(self, run_id: str) -> Forecaster:
        """Unpickles: the registry must be writable by this service only. Raises RegistryError or OSError."""
        content = self.storage.read(_model_name(run_id))
        if content is None:
            raise RegistryError(f"the file of model {run_id} is gone")
        try:
            loaded = joblib.load(io.BytesIO(content))
        except Exception as error:
            # A truncated pickle, or one of another version, raises any exception.
            raise RegistryError(
                f"the file of model {run_id} cannot be read: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(loaded, Forecaster):
            raise RegistryError(f"the file of model {run_id} holds a {type(loaded).__name__}")
        return loaded

    def _versions(self) -> list[int]:
        return [int(name[:-5]) for name in self.storage.names("versions") if name[:-5].isdigit()]

    def _read(self, version: int) -> Summary:
        content = self.storage.read(_version_name(version))
        if content is None:
            raise RegistryError(f"version {version} of the summary is gone")
        try:
            return Summary.model_validate_json(content)
        except ValueError as error:
            raise RegistryError(f"version {version} of the summary cannot be read: {error}") from error

    def _clean_up(self, before: Summary, after: Summary) -> None:
        """The change is stored: a failure from here on must not reach the caller as a failed change."""
        try:
            self._publish(after)
            self._remove_old(before, after)
        except Exception:
            log.exception("version %d is stored; the next change cleans up", after.version)

    def _publish(self, summary: Summary) -> None:
        """Copy to summary.json, and repeat while a newer version has appeared: the newest must win."""
        while True:
            self.storage.replace("summary.json", _as_json(summary))
            newest = self.current()
            if newest.version <= summary.version:
                return
            summary = newest

    def _remove_old(self, before: Summary, after: Summary) -> None:
        for version in self._versions()[:-KEEP_VERSIONS]:
            self.storage.remove(_version_name(version))
        kept = {model.run_id for model in after.models}
        for model in before.models:
            if model.run_id not in kept:
                self.storage.remove(f"models/{model.run_id}")


def _version_name(version: int) -> str:
    return f"versions/{version:08d}.json"


def _model_name(run_id: str) -> str:
    return f"models/{run_id}/model.joblib"


def _as_json(summary: Summary) -> bytes:
    return summary.model_dump_json(indent=1).encode()
