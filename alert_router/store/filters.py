"""Which alerts a page lists, and in which order."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alert_router.domain.matchers import Matcher
from alert_router.domain.severity import Severity


class Standing(StrEnum):
    """The values of the filter `status`."""

    FIRING = "firing"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    """Fires, and somebody has it."""
    SILENCED = "silenced"
    """Fires, and Alertmanager is quiet about it: silenced, inhibited or muted."""

    @property
    def fires(self) -> bool:
        return self is not Standing.RESOLVED


class Order(StrEnum):
    NEWEST = "newest"
    """By receipt."""
    WORST = "worst"
    """What fires, by severity; then what fires silenced; then what is over. In each the newest first."""


@dataclass(frozen=True, slots=True)
class Filters:
    """None and () do not filter."""

    status: Standing | None = None
    severity: str | None = None
    alertname: str | None = None
    source: str | None = None
    team: str | None = None
    """The label `team`."""
    notified: bool | None = None
    """Whether a message has announced it."""
    matchers: tuple[Matcher, ...] = ()
    since: datetime | None = None
    """starts_at at or after."""
    until: datetime | None = None
    """starts_at before."""
    text: str | None = None
    """Anywhere in the name, labels and annotations, whatever the case."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """After which alert the next page begins. As text: "123"; when worst first, "2.3.123"."""

    id: int
    section: int = 0
    """3 fires, 2 fires silenced, 1 is over; 0 when newest first."""
    rank: int = 0
    """Of the severity, while it fires."""

    def __str__(self) -> str:
        return f"{self.section}.{self.rank}.{self.id}" if self.section else str(self.id)

    @property
    def place(self) -> tuple[int, int, int]:
        """The higher, the earlier in the list."""
        return self.section, self.rank, self.id

    @classmethod
    def parse(cls, text: str, order: Order) -> "Cursor":
        """Raises ValueError."""
        parts = text.split(".")
        if not all(part.isascii() and part.isdigit() and len(part) <= MAX_DIGITS for part in parts):
            raise ValueError(text)
        numbers = [int(part) for part in parts]
        if numbers[-1] > MAX_ID or len(numbers) != (1 if order is Order.NEWEST else 3):
            raise ValueError(text)
        if order is Order.NEWEST:
            return cls(numbers[0])
        section, rank, id_ = numbers
        if not 1 <= section <= FIRES or rank > MAX_RANK:
            raise ValueError(text)
        return cls(id_, section, rank)


MAX_DIGITS = 19
MAX_ID = 2**62
MAX_RANK = max(Severity)
FIRES, FIRES_SILENCED, OVER = 3, 2, 1
"""The sections of the list when it is ordered by what is worst."""
