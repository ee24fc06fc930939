"""Rows of the router's history, joined to episodes."""

from testbed.year.cast import alert, weeks_later
from testbed.year.episodes import episodes


def test_weekly_reports_are_one_episode() -> None:
    alerts = [alert(1, begins=0, ends=1), alert(2, begins=1, ends=2), alert(3, begins=2)]

    [episode] = episodes(alerts)

    assert (episode.starts_at, episode.ends_at, episode.reports) == (weeks_later(0), None, 3)


def test_repeats_of_a_row_count_as_reports() -> None:
    [episode] = episodes([alert(1, begins=0, ends=3, repeats=2)])

    assert episode.reports == 3


def test_alert_after_a_pause_is_another_episode() -> None:
    joined = episodes([alert(1, begins=0, ends=1), alert(2, begins=2)])

    assert [(episode.starts_at, episode.ends_at) for episode in joined] == [
        (weeks_later(0), weeks_later(1)),
        (weeks_later(2), None),
    ]


def test_alerts_of_different_names_or_incidents_are_not_joined() -> None:
    alerts = [
        alert(1, begins=0, ends=1),
        alert(2, begins=1, alertname="ModelPerformanceCritical"),
        alert(3, begins=1, incident_id=8),
    ]

    assert len(episodes(alerts)) == 3


def test_instant_report_is_not_joined_to_the_next() -> None:
    assert len(episodes([alert(1, begins=0, ends=0), alert(2, begins=0)])) == 2


def test_announcements_are_not_episodes() -> None:
    assert episodes([alert(1, begins=0, ends=0, alertname="TrainingSuccess", severity="info")]) == ()
