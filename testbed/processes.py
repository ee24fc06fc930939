"""Real processes that are started, waited for, and always stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

POLL_S = 0.1
STOP_S = 30.0


class NotReadyError(Exception):
    """Something did not happen in time; the text says what, and shows the end of the log."""


def until(condition: Callable[[], bool], what: str, *, within_s: float) -> float:
    """Wait for the condition; the seconds it took. Raises NotReadyError."""
    started = time.monotonic()
    pause = threading.Event()
    while not condition():
        if time.monotonic() - started > within_s:
            raise NotReadyError(f"{what}: not within {within_s:g} s")
        pause.wait(POLL_S)
    return time.monotonic() - started


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def binary(*names: str) -> str | None:
    """The first of these commands that is installed."""
    return next((path for name in names if (path := shutil.which(name))), None)


@dataclass(slots=True)
class Process:
    """One program, its log and the address that says it is ready."""

    name: str
    command: Sequence[str]
    ready_url: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    _running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C is ours to handle, and what the program starts ends with it.
            self._running = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | self.environment,
                cwd=self.folder,
                start_new_session=True,
            )

    def wait_ready(self, within_s: float = 60.0) -> None:
        def ready() -> bool:
            if not self.alive:
                raise NotReadyError(f"{self.name} ended by itself:\n{self.log_end()}")
            return answers(self.ready_url)

        try:
            until(ready, f"{self.name} answers at {self.ready_url}", within_s=within_s)
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{self.log_end()}") from None

    @property
    def pid(self) -> int:
        """Of the program as it runs, or ran last."""
        assert self._running is not None, f"{self.name} was never started"
        return self._running.pid

    @property
    def alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def stop(self) -> None:
        self._signal(signal.SIGTERM)
        if self._running is not None:
            try:
                self._running.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """As if the power had gone."""
        self._signal(signal.SIGKILL)
        if self._running is not None:
            self._running.wait()

    def log_end(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if self.alive and self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, number)
