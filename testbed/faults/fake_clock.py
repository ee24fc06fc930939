"""Steps the time of day of a running program by libfaketime; its monotonic clock is left alone."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
)
SHARED = Path("/dev/shm")  # noqa: S108 - libfaketime keeps its files there


@dataclass(slots=True)
class FakeClock:
    file: Path
    library: str | None
    offset_s: float = 0.0

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
        """False where libfaketime is not installed."""
        self.offset_s += by_s
        # Replaced as a whole: the program may read it at any moment.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{self.offset_s:+.0f}\n")
        fresh.replace(self.file)
        return self.library is not None

    def remove_shared_memory(self, pid: int) -> None:
        """libfaketime leaves two files in shared memory when its program is killed."""
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            with contextlib.suppress(OSError):
                (SHARED / name).unlink()


def in_folder(folder: Path) -> FakeClock:
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    clock = FakeClock(folder / "clock", library)
    clock.step(0.0)
    return clock
