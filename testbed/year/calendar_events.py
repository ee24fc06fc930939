"""The events in Paris that year that show in the counts."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    LOCKDOWN = "lockdown"
    HOLIDAYS = "holidays"
    SNOW = "snow"
    SENSORS = "sensors"


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    name: str
    kind: Kind
    start: date
    end: date
    """The last day."""

    def touches(self, first: date, last: date) -> bool:
        return self.start <= last and first <= self.end


CALENDAR_EVENTS = (
    CalendarEvent("second lockdown", Kind.LOCKDOWN, date(2020, 10, 30), date(2020, 12, 15)),
    CalendarEvent("2 new counters", Kind.SENSORS, date(2020, 12, 9), date(2020, 12, 9)),
    CalendarEvent("Christmas", Kind.HOLIDAYS, date(2020, 12, 21), date(2021, 1, 3)),
    CalendarEvent("2 dead sensors", Kind.SENSORS, date(2021, 1, 25), date(2021, 2, 24)),
    CalendarEvent("snow", Kind.SNOW, date(2021, 2, 8), date(2021, 2, 14)),
    CalendarEvent("2 counters absent", Kind.SENSORS, date(2021, 3, 12), date(2021, 3, 31)),
    CalendarEvent("third lockdown", Kind.LOCKDOWN, date(2021, 4, 3), date(2021, 5, 3)),
    CalendarEvent("2 dead sensors", Kind.SENSORS, date(2021, 5, 5), date(2021, 7, 21)),
    CalendarEvent("August", Kind.HOLIDAYS, date(2021, 8, 2), date(2021, 8, 22)),
)
"""Read off the data, except for the lockdowns. The generated year contains the same events."""


def between(first: date, last: date) -> tuple[CalendarEvent, ...]:
    """Both days count."""
    return tuple(event for event in CALENDAR_EVENTS if event.touches(first, last))
