import numpy as np
import pytest

from backend.regmodel.data.calendar import local_times
from backend.regmodel.data.counts import hour_number
from backend.regmodel.tests.conftest import at


@pytest.mark.parametrize(
    ("utc", "paris_hour", "paris_weekday"),
    [
        ("2020-09-06T22", 0, 0),  # summer time: midnight in Paris, and already Monday
        ("2020-12-06T23", 0, 0),  # winter time
        ("2020-10-25T00", 2, 6),  # the hour that is lived twice ...
        ("2020-10-25T01", 2, 6),  # ... once more
        ("2021-03-28T01", 3, 6),  # and the one that is skipped
    ],
)
def test_local_times_follow_paris_daylight_saving(utc: str, paris_hour: int, paris_weekday: int) -> None:
    local = local_times(np.array([hour_number(at(utc))]))

    assert (local.hour[0], local.weekday[0]) == (paris_hour, paris_weekday)


def test_public_and_school_holidays_are_known() -> None:
    days = ["2021-04-05T10", "2020-12-24T10", "2020-09-15T10"]  # Easter Monday, a school holiday, neither

    local = local_times(np.array([hour_number(at(day)) for day in days]))

    assert local.holiday.tolist() == [1, 0, 0]
    assert local.school_holiday.tolist() == [0, 1, 0]


def test_school_holidays_outside_the_table_are_nan() -> None:
    local = local_times(np.array([hour_number(at("2035-12-25T10"))]))

    assert np.isnan(local.school_holiday[0])
    assert local.holiday[0] == 1
