"""The process that draws, from the router's side: started on demand, ended when idle, killed when it hangs.

Whatever happens to it, the worst for the router is a chart that is not drawn.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import util

from alert_router.charts.spec import ChartSpec, to_json
from alert_router.charts.wire import DRAWN, HEADER, MAX_IMAGE_BYTES, READY, REQUEST, packed

log = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "alert_router.charts.worker")
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "MPLCONFIGDIR", "PYTHONPATH", "VIRTUAL_ENV")
"""Of the environment: the process needs no secret."""


class ChartError(Exception):
    """The chart was not drawn. The text says why."""


class ChartLate(ChartError):
    """It took longer than it may."""


class ChartEnded(ChartError):
    """The process was killed, or crashed."""


@dataclass(frozen=True, slots=True)
class Times:
    start_s: float = 20.0
    """Until the process can draw: the first start on a machine also looks for its fonts."""
    draw_s: float = 3.0
    idle_s: float = 60.0


def is_installed() -> bool:
    """Whether charts can be drawn here (the extra `charts`). Imports nothing."""
    return util.find_spec("matplotlib") is not None


class ChartProcess:
    """Draws one chart at a time."""

    def __init__(self, command: Sequence[str] = COMMAND, times: Times | None = None) -> None:
        self._command = command
        self._times = times or Times()
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """None while there is no process."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def draw(self, spec: ChartSpec) -> bytes:
        """A PNG. Raises ChartError."""
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            was_there = self.pid is not None
            try:
                return await self._drawn(to_json(spec))
            except ChartEnded:
                if not was_there:
                    raise
                # It may have been killed since the last chart.
                return await self._drawn(to_json(spec))
            finally:
                self._idle = asyncio.get_running_loop().call_later(self._times.idle_s, self._kill)

    async def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        await self._end()

    async def _drawn(self, request: bytes) -> bytes:
        try:
            process = await self._started()
            async with asyncio.timeout(self._times.draw_s):
                kind, content = await _exchanged(process, request)
        except TimeoutError:
            await self._end()
            raise ChartLate(f"not drawn within {self._times.draw_s:g} s") from None
        except (OSError, EOFError) as error:
            await self._end()
            raise ChartEnded(f"the process ended ({type(error).__name__})") from None
        except ChartError:
            await self._end()
            raise
        except BaseException:  # cancelled between request and answer: the next answer would be this one's
            self._kill()
            raise
        if kind != DRAWN:
            raise ChartError(content.decode(errors="replace"))
        return content

    async def _started(self) -> asyncio.subprocess.Process:
        """One that lives and is ready."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
        try:
            async with asyncio.timeout(self._times.start_s):
                kind, _ = await _received(self._process)
        except TimeoutError:
            raise ChartLate(f"not ready within {self._times.start_s:g} s") from None
        if kind != READY:
            raise ChartError("it did not start")
        return self._process

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _end(self) -> None:
        self._kill()
        if self._process is not None:
            await self._process.wait()
        self._process = None


async def _exchanged(process: asyncio.subprocess.Process, request: bytes) -> tuple[bytes, bytes]:
    writer = process.stdin
    if writer is None:
        raise EOFError
    writer.write(packed(REQUEST, request))
    await writer.drain()
    return await _received(process)


async def _received(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """The next frame: its kind and its content."""
    reader = process.stdout
    if reader is None:
        raise EOFError
    kind, length = HEADER.unpack(await reader.readexactly(HEADER.size))
    if length > MAX_IMAGE_BYTES:
        raise ChartError(f"an answer of {length} bytes")
    return kind, await reader.readexactly(length)


def _environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # One thread: each would reserve memory of its own.
    return {**passed_on, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
