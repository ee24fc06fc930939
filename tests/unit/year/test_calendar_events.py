"""Which events of that year a span of days touches."""

from datetime import date, timedelta

from testbed.year import calendar_events
from testbed.year.calendar_events import OCCASIONS


def names(first: date, last: date) -> list[str]:
    return [one.name for one in calendar_events.between(first, last)]


def test_a_week_is_told_by_what_falls_into_it() -> None:
    assert names(date(2020, 12, 21), date(2020, 12, 27)) == ["Christmas"]
    assert names(date(2021, 2, 8), date(2021, 2, 14)) == ["2 dead sensors", "snow"]


def test_the_first_and_the_last_day_of_an_event_belong_to_it() -> None:
    day = timedelta(days=1)
    for one in OCCASIONS:
        assert one in calendar_events.between(one.start - day, one.start)
        assert one in calendar_events.between(one.end, one.end + day)
        assert one not in calendar_events.between(one.start - day, one.start - day)
        assert one not in calendar_events.between(one.end + day, one.end + day)


def test_an_ordinary_week_has_none() -> None:
    assert names(date(2020, 10, 5), date(2020, 10, 11)) == []


def test_the_events_are_in_order_and_end_after_they_begin() -> None:
    assert [one.start for one in OCCASIONS] == sorted(one.start for one in OCCASIONS)
    assert all(one.start <= one.end for one in OCCASIONS)
