"""A clock that moves only by move(); in seconds since the epoch, as time.time()."""

NOON = 1_790_251_200.0
"""2026-09-24 12:00:00 UTC."""


class MovableClock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds
