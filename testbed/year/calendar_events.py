"""What happened in Paris that year, as far as the counters tell of it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    LOCKDOWN = "lockdown"
    HOLIDAYS = "holidays"
    SNOW = "snow"
    SENSORS = "sensors"


@dataclass(frozen=True, slots=True)
class Occasion:
    name: str
    kind: Kind
    start: date
    end: date
    """The last day."""

    def touches(self, first: date, last: date) -> bool:
        return self.start <= last and first <= self.end


OCCASIONS = (
    Occasion("second lockdown", Kind.LOCKDOWN, date(2020, 10, 30), date(2020, 12, 15)),
    Occasion("2 new counters", Kind.SENSORS, date(2020, 12, 9), date(2020, 12, 9)),
    Occasion("Christmas", Kind.HOLIDAYS, date(2020, 12, 21), date(2021, 1, 3)),
    Occasion("2 dead sensors", Kind.SENSORS, date(2021, 1, 25), date(2021, 2, 24)),
    Occasion("snow", Kind.SNOW, date(2021, 2, 8), date(2021, 2, 14)),
    Occasion("2 counters absent", Kind.SENSORS, date(2021, 3, 12), date(2021, 3, 31)),
    Occasion("third lockdown", Kind.LOCKDOWN, date(2021, 4, 3), date(2021, 5, 3)),
    Occasion("2 dead sensors", Kind.SENSORS, date(2021, 5, 5), date(2021, 7, 21)),
    Occasion("August", Kind.HOLIDAYS, date(2021, 8, 2), date(2021, 8, 22)),
)
"""Read off the data, but for the lockdowns. Of the generated year these are what was put into it."""


def between(first: date, last: date) -> tuple[Occasion, ...]:
    """Both days count."""
    return tuple(one for one in OCCASIONS if one.touches(first, last))
