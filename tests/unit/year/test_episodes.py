"""Rows of the router's history, joined to what people lived through."""

from testbed.year.cast import alert, weeks_later
from testbed.year.episodes import episodes


def test_a_report_a_week_is_one_episode() -> None:
    alerts = [alert(1, begins=0, ends=1), alert(2, begins=1, ends=2), alert(3, begins=2)]

    [one] = episodes(alerts)

    assert (one.starts_at, one.ends_at, one.reports) == (weeks_later(0), None, 3)


def test_repeats_of_one_row_are_reports_as_well() -> None:
    [one] = episodes([alert(1, begins=0, ends=3, repeats=2)])

    assert one.reports == 3


def test_what_begins_after_a_pause_is_another_episode() -> None:
    found = episodes([alert(1, begins=0, ends=1), alert(2, begins=2)])

    assert [(one.starts_at, one.ends_at) for one in found] == [
        (weeks_later(0), weeks_later(1)),
        (weeks_later(2), None),
    ]


def test_alerts_of_two_names_or_two_incidents_are_not_joined() -> None:
    alerts = [
        alert(1, begins=0, ends=1),
        alert(2, begins=1, alertname="ModelPerformanceCritical"),
        alert(3, begins=1, incident_id=8),
    ]

    assert len(episodes(alerts)) == 3


def test_a_report_ended_at_once_does_not_swallow_the_next_of_the_same_moment() -> None:
    assert len(episodes([alert(1, begins=0, ends=0), alert(2, begins=0)])) == 2


def test_announcements_are_no_episodes() -> None:
    assert episodes([alert(1, begins=0, ends=0, alertname="TrainingSuccess", severity="info")]) == ()
