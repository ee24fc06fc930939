"""The picture contains the marks of the results; its look is for eyes."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from testbed.year import picture
from testbed.year.cast import alert, evaluated, week, year
from testbed.year.results import Score


def texts(figure: Figure) -> set[str]:
    figure.draw_without_rendering()
    return {text.get_text() for text in figure.findobj(Text)}


def marks(panel: Axes, marker: str) -> int:
    return sum(np.size(line.get_xdata()) for line in panel.lines if line.get_marker() == marker)


def test_every_training_and_deployment_has_a_mark() -> None:
    weeks = (
        week(0, trained=True, deployment="skip_no_improvement"),
        week(1, trained=True, deployment="deploy"),
    )

    runs = picture.draw(year(weeks=weeks)).axes[3]

    assert marks(runs, "o") == 3


def test_every_alertname_has_a_row_and_an_instant_episode_a_diamond() -> None:
    alerts = (
        alert(1, begins=0, ends=1),
        alert(2, begins=0, ends=0, alertname="ModelPerformanceCritical", severity="critical"),
    )

    figure = picture.draw(year(alerts=alerts))

    assert {"HighDrift", "Performance Critical"} <= texts(figure)
    assert (marks(figure.axes[3], "D"), len(figure.axes[3].patches)) == (1, 1 + event_shades(figure))


def test_episode_of_the_last_monday_is_a_bar() -> None:
    figure = picture.draw(year(alerts=(alert(1, begins=1),)))

    assert (marks(figure.axes[3], "D"), len(figure.axes[3].patches)) == (0, 1 + event_shades(figure))


def event_shades(figure: Figure) -> int:
    return len(figure.axes[0].patches)


def test_calendar_events_are_named() -> None:
    assert "Christmas" in texts(picture.draw(year()))


def test_score_below_the_panel_is_written_at_its_edge() -> None:
    low = Score(r2=-1.75, rmse=80.0)

    figure = picture.draw(year(evaluated=(evaluated(0), evaluated(1, kept=low))))

    assert "-1.8 ↓" in texts(figure)
    assert figure.axes[0].get_ylim()[0] >= -1.2


def test_year_without_scores_can_be_drawn() -> None:
    weeks = (week(0, measured=Score(), drift_share=None),)

    figure = picture.draw(year(weeks=weeks, evaluated=()))

    assert {"R²\n1 is perfect", "RMSE\nbicycles an hour", "drift share\nof the counters"} <= texts(figure)
