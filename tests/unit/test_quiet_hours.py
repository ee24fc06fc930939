"""Quiet hours: across midnight, across days of the week, across clock changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.domain.quiet_hours import EVERY_DAY, QuietHours
from alert_router.domain.severity import Severity

PARIS = ZoneInfo("Europe/Paris")
WORKDAYS = frozenset(range(5))
NIGHT = QuietHours(PARIS, time(22), time(7), WORKDAYS)
ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia", "UTC"]
CLOCK_CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Paris forward, 02:00 to 03:00
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # Paris back, 03:00 to 02:00
    datetime(2026, 3, 8, 5, tzinfo=UTC),  # Havana forward, 00:00 to 01:00
    datetime(2026, 11, 1, 5, tzinfo=UTC),  # Havana back, 01:00 to 00:00
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),  # Lord Howe forward by half an hour
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia leaves a whole day out
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-23 20:59", None),  # Monday 21:59
        ("2026-11-23 21:00", "2026-11-24 06:00"),
        ("2026-11-24 00:30", "2026-11-24 06:00"),
        ("2026-11-24 05:59", "2026-11-24 06:00"),
        ("2026-11-24 06:00", None),
        ("2026-11-24 12:00", None),
        ("2026-11-28 02:00", "2026-11-28 06:00"),  # Saturday morning ends Friday's night
        ("2026-11-28 22:00", None),  # Saturday's night is not quiet
        ("2026-11-30 02:00", None),  # nor the morning after Sunday's
    ],
)
def test_night_belongs_to_the_day_on_which_it_begins(now: str, until: str | None) -> None:
    assert NIGHT.until(utc(now)) == (until and utc(until))


@pytest.mark.parametrize(
    ("from_", "to", "now", "until"),
    [
        # 2026-03-29: 02:00 CET (01:00 UTC) is 03:00 CEST.
        (time(22), time(7), "2026-03-28 23:00", "2026-03-29 05:00"),
        (time(2, 30), time(7), "2026-03-29 00:59", None),
        (time(2, 30), time(7), "2026-03-29 01:00", "2026-03-29 05:00"),
        (time(1), time(2, 30), "2026-03-29 00:30", "2026-03-29 01:00"),
        (time(2, 10), time(2, 50), "2026-03-29 01:00", None),
        # 2026-10-25: 03:00 CEST (01:00 UTC) is 02:00 CET.
        (time(22), time(7), "2026-10-24 23:00", "2026-10-25 06:00"),
        (time(2, 30), time(7), "2026-10-25 00:29", None),
        (time(2, 30), time(7), "2026-10-25 00:30", "2026-10-25 06:00"),
        (time(2, 30), time(7), "2026-10-25 01:10", "2026-10-25 06:00"),  # 02:10 again
        (time(1), time(2, 30), "2026-10-25 00:10", "2026-10-25 00:30"),
        (time(1), time(2, 30), "2026-10-25 01:10", None),  # 02:10 again
    ],
)
def test_clock_change_moves_the_edges(from_: time, to: time, now: str, until: str | None) -> None:
    assert QuietHours(PARIS, from_, to).until(utc(now)) == (until and utc(until))


@pytest.mark.parametrize(
    ("now", "ended"),
    [
        ("2026-11-24 06:00", "2026-11-24 06:00"),
        ("2026-11-24 20:00", "2026-11-24 06:00"),
        ("2026-11-24 21:00", None),  # quiet
        ("2026-11-30 20:00", "2026-11-28 06:00"),  # after a weekend without quiet hours
    ],
)
def test_last_end_is_that_of_the_last_night(now: str, ended: str | None) -> None:
    assert NIGHT.last_end(utc(now)) == (ended and utc(ended))


def test_adjoining_days_are_one_quiet_time() -> None:
    weekend = QuietHours(PARIS, time(0), time(0), frozenset({5, 6}))

    assert weekend.until(utc("2026-11-28 10:00")) == utc("2026-11-29 23:00")


@pytest.mark.parametrize("days", [frozenset[int](), EVERY_DAY, frozenset({7})])
def test_quiet_hours_must_begin_and_end(days: frozenset[int]) -> None:
    with pytest.raises(ValueError, match="quiet hours"):
        QuietHours(PARIS, time(0), time(0), days)


@pytest.mark.parametrize(
    ("passes", "severity", "held_back"),
    [
        (Severity.CRITICAL, Severity.CRITICAL, False),
        (Severity.CRITICAL, Severity.ERROR, True),
        (Severity.ERROR, Severity.CRITICAL, False),
        (None, Severity.CRITICAL, True),
    ],
)
def test_severities_pass_from_a_rank_on(
    passes: Severity | None, severity: Severity, *, held_back: bool
) -> None:
    quiet_hours = QuietHours(PARIS, time(22), time(7), passes=passes)

    assert quiet_hours.holds_back(severity, utc("2026-11-24 00:30")) == held_back
    assert not quiet_hours.holds_back(severity, utc("2026-11-24 12:30"))


TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 10, 30]))
QUIET_HOURS = st.builds(
    QuietHours,
    st.sampled_from([ZoneInfo(name) for name in ZONES]),
    TIMES,
    TIMES,
    st.frozensets(st.integers(0, 6), min_size=1, max_size=6),
)
MOMENTS = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(-2880, 2880),
)


@given(QUIET_HOURS, MOMENTS)
def test_end_is_the_first_moment_that_is_not_quiet(quiet_hours: QuietHours, now: datetime) -> None:
    end = quiet_hours.until(now)
    if end is None:
        return

    assert end > now
    assert quiet_hours.until(end) is None
    assert quiet_hours.last_end(end) == end
    minutes = int((end - now) / timedelta(minutes=1))
    for minute in range(0, minutes, 7):
        assert quiet_hours.until(now + timedelta(minutes=minute)) == end
    assert quiet_hours.until(end - timedelta(microseconds=1)) == end


@given(QUIET_HOURS, MOMENTS)
def test_quiet_is_what_a_walk_through_the_minutes_finds(quiet_hours: QuietHours, now: datetime) -> None:
    assert (quiet_hours.until(now) is not None) == _walked(quiet_hours, now)


def _walked(quiet_hours: QuietHours, now: datetime) -> bool:
    """Whether the latest time that the clock has ever shown lies in a period."""
    start = (now - timedelta(days=4)).replace(minute=0)
    ticks = [start + timedelta(minutes=minutes) for minutes in range(0, 4 * 1440 + 60, 10)]
    shown = max(
        tick.astimezone(quiet_hours.zone).replace(tzinfo=None) for tick in (*ticks, now) if tick <= now
    )
    for begin_day in (shown.date() - timedelta(days=1), shown.date()):
        begin = datetime.combine(begin_day, quiet_hours.from_)
        end = datetime.combine(begin_day, quiet_hours.to)
        end += timedelta(days=1 if quiet_hours.to <= quiet_hours.from_ else 0)
        if begin_day.weekday() in quiet_hours.days and begin <= shown < end:
            return True
    return False
