"""The timeline in words."""

from datetime import datetime, timedelta

import pytest

from alert_router.store.timeline import Moment
from alert_router.web import timeline_lines
from testbed.factories import NOON, at

BEGAN = Moment(NOON, "began", "Prometheus", "")


def moment(minute: float, kind: str, by: str = "ops", text: str = "", **more: str) -> Moment:
    return Moment(at(minute), kind, by, text, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "title", "tone"),
    [
        (BEGAN, "Began, says Prometheus", "bad"),
        (moment(1, "resolved"), "Resolved", "good"),
        (moment(1, "acknowledged", "people", "Ada"), "Acknowledged", "person"),
        (moment(1, "notified"), "New message for ops", "plain"),
        (moment(1, "not_notified"), "No new message for ops", "plain"),
        (moment(1, "silence", "Grace"), "Silenced by Grace", "muted"),
        (moment(1, "away"), "The router was away", "plain"),
        (moment(1, "delivery", outcome="create sent"), "Message posted in ops", "plain"),
        (moment(1, "delivery", outcome="edit retry"), "Message edited for ops: failed, retried", "bad"),
    ],
)
def test_each_fact_has_its_words(fact: Moment, title: str, tone: str) -> None:
    (line,) = timeline_lines.of_alert((fact,))

    assert (line.title, line.tone) == (title, tone)


@pytest.mark.parametrize(("after", "titles"), [(0.5, 1), (3.0, 2)])
def test_first_report_has_a_line_only_when_it_came_late(after: float, titles: int) -> None:
    lines = timeline_lines.of_alert((BEGAN, moment(after, "opened")))

    assert len(lines) == titles


def test_edits_in_a_row_are_one_line() -> None:
    edits = [moment(n, "delivery", outcome="edit sent") for n in (1, 2, 3)]

    lines = timeline_lines.of_alert(
        [*edits, moment(4, "resolved"), moment(5, "delivery", outcome="edit sent")]
    )

    assert [(line.at, line.count, line.last_at) for line in lines] == [
        (at(1), 3, at(3)),
        (at(4), 1, None),
        (at(5), 1, None),
    ]


def test_incident_says_once_what_its_alerts_share() -> None:
    posted = moment(1, "delivery", outcome="create sent")

    lines = timeline_lines.of_incident([("api-1", (BEGAN, posted)), ("api-2", (BEGAN, posted))])

    assert [(line.title, line.place) for line in lines] == [
        ("Began, says Prometheus", "api-1"),
        ("Began, says Prometheus", "api-2"),
        ("Message posted in ops", ""),
    ]


def test_span_of_a_silence_is_kept() -> None:
    until: datetime = NOON + timedelta(hours=1)

    (line,) = timeline_lines.of_alert((Moment(NOON, "silence", "Grace", "deploying", until),))

    assert (line.detail, line.until) == ("deploying", until)
