"""When a chart is drawn, and of which time."""

from datetime import datetime, timedelta

import pytest

from alert_router.domain import pictures
from testbed.factories import at, make_alert

DRAWN = ("subject", at(0))


@pytest.mark.parametrize(
    ("drawn", "subject", "now", "firing", "is_new", "due"),
    [
        (None, "subject", at(0), True, True, True),
        (DRAWN, "subject", at(5), True, False, False),
        (DRAWN, "subject", at(5), True, True, False),
        (DRAWN, "subject", at(10), True, True, True),
        (DRAWN, "subject", at(10), True, False, False),
        (DRAWN, "subject", at(10), False, True, False),
        (DRAWN, "another", at(0.5), True, False, False),
        (DRAWN, "another", at(1), True, False, True),
        (DRAWN, "another", at(0.5), False, False, True),
    ],
    ids=[
        "none yet",
        "the same",
        "new message soon after",
        "new message later",
        "edit later",
        "new message after the end",
        "one more joins at once",
        "one more joins",
        "over",
    ],
)
def test_chart_is_due(
    drawn: tuple[str, datetime] | None, subject: str, now: datetime, firing: bool, is_new: bool, due: bool
) -> None:
    assert pictures.is_due(drawn, subject, now, firing=firing, is_new=is_new) is due


def test_subject_changes_with_the_expression_and_with_each_alert() -> None:
    one, two = make_alert(id=1), make_alert(id=2)

    subjects = {
        pictures.subject_of("a", [one]),
        pictures.subject_of("b", [one]),
        pictures.subject_of("a", [one, two]),
        pictures.subject_of("a", [make_alert(id=1, ends_at=at(9))]),
    }

    assert len(subjects) == 4
    assert pictures.subject_of("a", [one, two]) == pictures.subject_of("a", [two, one])


def test_firing_alert_is_shown_from_an_hour_before_to_the_present() -> None:
    window = pictures.window_of([make_alert(starts_at=at(0)), make_alert(starts_at=at(5))], at(20))

    assert (window.start, window.end) == (at(-60), at(20))


@pytest.mark.parametrize(("now", "end"), [(at(31), at(31)), (at(500), at(40))])
def test_alert_that_is_over_is_shown_until_a_little_after_its_end(now: datetime, end: datetime) -> None:
    assert pictures.window_of([make_alert(ends_at=at(30))], now).end == end


def test_alert_of_months_is_shown_for_its_last_week() -> None:
    window = pictures.window_of([make_alert(starts_at=at(0))], at(0) + timedelta(days=90))

    assert window.end - window.start == pictures.MAX_SPAN
