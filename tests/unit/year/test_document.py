"""The measured places of the document."""

import pytest

from testbed.year import document
from testbed.year.cast import BAD, alert, judged, week, year
from testbed.year.document import PlaceMissing
from testbed.year.plot import DOCUMENT, is_documented

TEXT = (
    "Words.\n"
    + "\n".join(f"<!-- measured: {name} -->\nSTALE\n<!-- end -->" for name in document.BLOCKS)
    + "\nEnd."
)


def test_what_was_measured_replaces_what_stood_there_and_nothing_else() -> None:
    told = document.brought_up_to_date(TEXT, year(judged=(judged(0, kept=BAD),)))

    assert "STALE" not in told
    assert told.startswith("Words.\n")
    assert told.endswith("\nEnd.")
    assert "| weeks with R² below 0.65 | 0 | 1 |" in told


def test_a_second_time_changes_nothing() -> None:
    once = document.brought_up_to_date(TEXT, year())

    assert document.brought_up_to_date(once, year()) == once


def test_a_document_that_lost_a_place_is_refused() -> None:
    with pytest.raises(PlaceMissing, match="summary"):
        document.brought_up_to_date(TEXT.replace("measured: summary", "measured: summery"), year())


def test_the_summary_counts_episodes_and_not_rows() -> None:
    alerts = (alert(1, begins=0, ends=1), alert(2, begins=1))

    told = document.brought_up_to_date(TEXT, year(alerts=alerts))

    assert "1 episodes of alerts (HighDrift 1) from 2 reports; 0 trainings announced" in told


def test_a_loss_is_called_a_loss() -> None:
    told = document.brought_up_to_date(TEXT, year(judged=(judged(0, adaptive=BAD),)))

    assert "worse in 1" in told
    assert "largest loss -0.400" in told


def test_the_documents_own_places_are_all_there() -> None:
    assert document.brought_up_to_date(DOCUMENT.read_text(), year())


def test_only_the_whole_year_of_the_city_by_the_default_model_is_documented() -> None:
    whole = tuple(week(number) for number in range(49))

    assert is_documented(year(weeks=whole))
    assert not is_documented(year(weeks=whole[:4]))
    assert not is_documented(year(weeks=whole, source="generated"))
    assert not is_documented(year(weeks=whole, model_type="hgb"))
