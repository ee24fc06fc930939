"""The picture is well-formed and shows what the results say; how it looks is for eyes."""

from xml.etree import ElementTree as ET

from testbed.year import picture
from testbed.year.cast import alert, judged, week, year
from testbed.year.results import Score
from testbed.year.svg import Scale

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawn: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(drawn).iter(f"{SVG}text")]  # noqa: S314


def count(drawn: str, name: str) -> int:
    return len(list(ET.fromstring(drawn).iter(f"{SVG}{name}")))  # noqa: S314


def test_every_training_and_every_deployment_has_its_mark() -> None:
    plain = picture.drawn(year())
    trained = (
        week(0, trained=True, deployment="skip_no_improvement"),
        week(1, trained=True, deployment="deploy"),
    )

    marked = picture.drawn(year(weeks=trained))

    assert count(marked, "circle") - count(plain, "circle") == 3


def test_every_kind_of_alert_has_its_lane_and_what_ended_at_once_a_diamond() -> None:
    alerts = (
        alert(1, begins=0, ends=1),
        alert(2, begins=0, ends=0, alertname="ModelPerformanceCritical", severity="critical"),
    )

    drawn = picture.drawn(year(alerts=alerts))

    assert {"HighDrift", "Performance Critical"} <= set(texts(drawn))
    assert count(drawn, "polygon") == 1


def test_what_began_on_the_last_monday_has_not_ended_at_once() -> None:
    drawn = picture.drawn(year(alerts=(alert(1, begins=1),)))

    assert count(drawn, "polygon") == 0


def test_the_events_of_the_year_are_named() -> None:
    assert "Christmas" in texts(picture.drawn(year()))


def test_a_score_below_the_panel_is_written_at_its_edge() -> None:
    awful = Score(r2=-1.75, rmse=80.0)

    assert "-1.8 ↓" in texts(picture.drawn(year(judged=(judged(0), judged(1, kept=awful)))))


def test_a_year_without_scores_can_be_drawn() -> None:
    unknown = (week(0, measured=Score(), drift_share=None),)

    drawn = picture.drawn(year(weeks=unknown, judged=()))

    assert {"R²", "RMSE", "drift share"} <= set(texts(drawn))


def test_a_value_outside_its_scale_is_put_at_the_edge() -> None:
    scale = Scale(0.0, 1.0, 100.0, 0.0)

    assert [scale(value) for value in (-3.0, 0.0, 0.25, 1.0, 9.0)] == [100.0, 100.0, 75.0, 0.0, 0.0]
