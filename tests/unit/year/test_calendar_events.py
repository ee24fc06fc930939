"""The events of the year that overlap a span of days."""

from datetime import date, timedelta

from testbed.year import calendar_events
from testbed.year.calendar_events import CALENDAR_EVENTS


def names(first: date, last: date) -> list[str]:
    return [event.name for event in calendar_events.between(first, last)]


def test_week_has_the_events_that_overlap_it() -> None:
    assert names(date(2020, 12, 21), date(2020, 12, 27)) == ["Christmas"]
    assert names(date(2021, 2, 8), date(2021, 2, 14)) == ["2 dead sensors", "snow"]


def test_first_and_last_day_belong_to_the_event() -> None:
    day = timedelta(days=1)
    for event in CALENDAR_EVENTS:
        assert event in calendar_events.between(event.start - day, event.start)
        assert event in calendar_events.between(event.end, event.end + day)
        assert event not in calendar_events.between(event.start - day, event.start - day)
        assert event not in calendar_events.between(event.end + day, event.end + day)


def test_ordinary_week_has_no_event() -> None:
    assert names(date(2020, 10, 5), date(2020, 10, 11)) == []


def test_events_are_sorted_and_end_after_their_start() -> None:
    assert [event.start for event in CALENDAR_EVENTS] == sorted(event.start for event in CALENDAR_EVENTS)
    assert all(event.start <= event.end for event in CALENDAR_EVENTS)
