"""The same checks on the city's real counts, where they are available."""

from dataclasses import replace

import pytest

from backend.regmodel.data.counts import Window
from backend.regmodel.data.files import read_folder
from backend.regmodel.data.history import History
from backend.regmodel.model.drift import Drift, DriftLimits, drift
from backend.regmodel.model.scores import Scores
from backend.regmodel.model.training import measure
from backend.regmodel.tests.conftest import REAL_DATA, at
from backend.regmodel.tests.test_training import AUTUMN, SPEC, trained

pytestmark = pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the real counts are not at ../shared/data")
LIMITS = DriftLimits(share=0.5, column=0.2, min_hours=72)


@pytest.fixture(scope="module")
def real() -> History:
    return History.of(read_folder(REAL_DATA))


def test_real_counts_have_56_counters_and_one_year(real: History) -> None:
    assert len(real.counts.counters) == 56
    assert real.counts.window == Window(at("2020-09-01T01"), at("2021-09-10"))
    absent = real.counts.slice(Window(at("2020-10-25T00"), at("2020-10-25T01")))
    assert len(real.counts.recorded(Window(at("2020-10-25T00"), at("2020-10-25T01")))) == 0
    assert absent.shape == (1, 56)


def test_autumn_model_is_good_in_december_and_bad_at_christmas(real: History) -> None:
    fitted = trained(real, replace(SPEC, window=AUTUMN)).forecaster

    good = measure(real, fitted, Window(at("2020-12-01"), at("2020-12-15")), min_rows=100)
    broken = measure(real, fitted, Window(at("2020-12-21"), at("2021-01-04")), min_rows=100)

    assert isinstance(good, Scores)
    assert isinstance(broken, Scores)
    assert good.r2 > 0.70
    assert broken.r2 < 0.65


@pytest.mark.parametrize(
    ("start", "end", "least", "most"),
    [
        ("2020-12-21", "2021-01-04", 0.95, 1.0),
        ("2021-03-15", "2021-03-22", 0.0, 0.2),
    ],
)
def test_drift_share_of_real_incidents(
    real: History, start: str, end: str, least: float, most: float
) -> None:
    result = drift(real.counts, reference=AUTUMN, current=Window(at(start), at(end)), limits=LIMITS)

    assert isinstance(result, Drift)
    assert least <= result.share <= most
