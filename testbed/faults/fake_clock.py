"""A time of day that can be stepped under a running program, by libfaketime; its monotonic clock goes on."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)
SHARED = Path("/dev/shm")  # noqa: S108 - where libfaketime puts its own


@dataclass(slots=True)
class Clockwork:
    file: Path
    library: str | None
    wrong_by_s: float = 0.0

    @property
    def environment(self) -> Mapping[str, str]:
        if self.library is None:
            return {}
        return {
            "LD_PRELOAD": self.library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Guessed wrongly, every timed wait for Python's lock returns at once, and threads spin.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
        }

    def step(self, by_s: float) -> bool:
        """False when there is no such library on this machine."""
        self.wrong_by_s += by_s
        # In one piece: the program reads it at any moment.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{self.wrong_by_s:+.0f}\n")
        fresh.replace(self.file)
        return self.library is not None

    def forget(self, pid: int) -> None:
        """libfaketime leaves two files in shared memory when its program is killed."""
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            with contextlib.suppress(OSError):
                (SHARED / name).unlink()


def found(folder: Path) -> Clockwork:
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    clockwork = Clockwork(folder / "clock", library)
    clockwork.step(0.0)
    return clockwork
