"""The placeholders of the document."""

import pytest

from testbed.year import document
from testbed.year.cast import BAD, alert, evaluated, week, year
from testbed.year.document import MissingPlaceholder
from testbed.year.plot import DOCUMENT, is_documented

TEXT = (
    "Words.\n"
    + "\n".join(f"<!-- measured: {name} -->\nSTALE\n<!-- end -->" for name in document.BLOCKS)
    + "\nEnd."
)


def test_measurements_replace_the_placeholders_only() -> None:
    text = document.updated(TEXT, year(evaluated=(evaluated(0, kept=BAD),)))

    assert "STALE" not in text
    assert text.startswith("Words.\n")
    assert text.endswith("\nEnd.")
    assert "| weeks with R² below 0.65 | 0 | 1 |" in text


def test_update_is_idempotent() -> None:
    once = document.updated(TEXT, year())

    assert document.updated(once, year()) == once


def test_missing_placeholder_is_an_error() -> None:
    with pytest.raises(MissingPlaceholder, match="summary"):
        document.updated(TEXT.replace("measured: summary", "measured: summery"), year())


def test_summary_counts_episodes_not_rows() -> None:
    alerts = (alert(1, begins=0, ends=1), alert(2, begins=1))

    text = document.updated(TEXT, year(alerts=alerts))

    assert "1 episodes of alerts (HighDrift 1) from 2 reports; 0 trainings announced" in text


def test_loss_is_named_a_loss() -> None:
    text = document.updated(TEXT, year(evaluated=(evaluated(0, adaptive=BAD),)))

    assert "worse in 1" in text
    assert "largest loss -0.400" in text


def test_document_has_all_placeholders() -> None:
    assert document.updated(DOCUMENT.read_text(), year())


def test_only_the_whole_year_with_the_default_model_is_documented() -> None:
    whole = tuple(week(number) for number in range(49))

    assert is_documented(year(weeks=whole))
    assert not is_documented(year(weeks=whole[:4]))
    assert not is_documented(year(weeks=whole, source="generated"))
    assert not is_documented(year(weeks=whole, model_type="hgb"))
