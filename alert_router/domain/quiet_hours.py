"""Times of the day at which only the worst may notify. Pure: the time is an argument."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alert_router.domain.severity import Severity

EVERY_DAY = frozenset(range(7))
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """On each of the days a period begins at `from_`; it ends at `to`, on the next day if that is earlier.

    A period begins and ends when the clock of the zone first shows the time. Where a clock change leaves that
    time out, this is the moment of the change; of a time that is shown twice, it is the first.
    """

    zone: ZoneInfo
    from_: time
    to: time
    """The same as `from_`: a day later."""
    days: frozenset[int] = EVERY_DAY
    """Days on which a period begins; Monday is 0."""
    passes: Severity | None = Severity.CRITICAL
    """The lowest severity that notifies all the same; None: none does."""

    def __post_init__(self) -> None:
        if not self.days <= EVERY_DAY or not self.days:
            raise ValueError("quiet hours need at least one day")
        if self.days == EVERY_DAY and self.from_ == self.to:
            raise ValueError("quiet hours on every day around the clock would never end")

    def until(self, now: datetime) -> datetime | None:
        """The end (UTC) of the quiet time in which this moment lies; None when it lies in none.

        Periods that touch or overlap are one quiet time.
        """
        end = None
        while (later := self._period_end(end or now)) is not None:
            end = later
        return end

    def last_end(self, now: datetime) -> datetime | None:
        """When the last quiet time before this moment ended; None during one."""
        if self.until(now) is not None:
            return None
        today = now.astimezone(self.zone).date()
        days = [day for days_ago in range(9) if (day := today - days_ago * DAY).weekday() in self.days]
        ends = (self._period(day)[1] for day in days)
        return max((end for end in ends if end <= now), default=None)

    def holds_back(self, severity: Severity, now: datetime) -> bool:
        passes = self.passes is not None and severity >= self.passes
        return not passes and self.until(now) is not None

    def _period_end(self, now: datetime) -> datetime | None:
        today = now.astimezone(self.zone).date()
        # A clock change at midnight can show a date again, or a date's period begin the day before.
        ends = [end for day in (today - DAY, today, today + DAY) if (end := self._end_on(day, now))]
        return max(ends, default=None)

    def _end_on(self, day: date, now: datetime) -> datetime | None:
        """The end of the period that begins on the day, if it contains the moment."""
        if day.weekday() not in self.days:
            return None
        start, end = self._period(day)
        return end if start <= now < end else None

    def _period(self, day: date) -> tuple[datetime, datetime]:
        last_day = day if self.from_ < self.to else day + DAY
        start, end = datetime.combine(day, self.from_), datetime.combine(last_day, self.to)
        return self._first_shown(start), self._first_shown(end)

    def _first_shown(self, wall: datetime) -> datetime:
        """The first moment at which the clock shows this time or a later one."""
        # In a gap, fold=1 reads the time with the offset after it, which gives the earlier moment.
        earliest, latest = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (1, 0))
        if self._shows(latest) == wall:
            return latest
        gap_s = range(int((latest - earliest).total_seconds()) + 1)
        return earliest + timedelta(
            seconds=bisect_left(
                gap_s, True, key=lambda s: self._shows(earliest + timedelta(seconds=s)) >= wall
            )
        )

    def _shows(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)
