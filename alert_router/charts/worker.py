"""The process that draws: `python -m alert_router.charts.worker`.

It reads one request after the other until its input ends, which it does when the router is gone.
"""

import contextlib
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

from alert_router.charts import wire

MEMORY_BYTES = 512 * 1024 * 1024
"""Of address space; a chart of 25 lines takes 200 MB of it, 85 MB of them in memory."""
CPU_S = 300
"""A process that computes for ever without its router ends, too."""
ERROR_CHARS = 500


def main() -> None:
    _limit_itself()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Nothing that a library prints may come between the frames.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    warnings.simplefilter("ignore")
    from alert_router.charts import plot  # noqa: PLC0415 - takes a second; the limits come first
    from alert_router.charts.spec import from_json  # noqa: PLC0415

    _send(answers, wire.packed(wire.READY))
    while (request := wire.read(sys.stdin.buffer)) is not None:
        try:
            answer = wire.packed(wire.DRAWN, plot.draw(from_json(request)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next chart may be drawn
            answer = wire.packed(wire.FAILED, f"{type(error).__name__}: {error}"[:ERROR_CHARS].encode())
        _send(answers, answer)


def _send(stream: BinaryIO, frame: bytes) -> None:
    stream.write(frame)
    stream.flush()


def _limit_itself() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    # When memory runs out, the system ends this process rather than the router.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main()
