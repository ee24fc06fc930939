from math import nan

import pytest

from backend.regmodel.model.decision import Exam, Limits, Verdict, decide
from backend.regmodel.model.scores import NotComputed, Scores

LIMITS = Limits(min_improvement=0.01, baseline_tolerance=0.05)
NONE = NotComputed("3 recorded counter-hours")


def marks(r2: float | None) -> Scores | NotComputed:
    return NONE if r2 is None else Scores(r2=r2, rmse=10, mae=5, rows=1_000)


def exam(holdout: float | None, baseline: float | None = 0.8) -> Exam:
    return Exam(holdout=marks(holdout), baseline=marks(baseline))


@pytest.mark.parametrize(
    ("challenger", "champion", "verdict"),
    [
        (exam(0.70), None, Verdict.DEPLOY),
        (exam(None), None, Verdict.SKIP_NOT_COMPARABLE),
        (exam(0.72), exam(0.70), Verdict.DEPLOY),
        (exam(0.705), exam(0.70), Verdict.SKIP_NO_IMPROVEMENT),
        (exam(0.60), exam(0.70), Verdict.SKIP_NO_IMPROVEMENT),
        (exam(0.70), exam(None), Verdict.SKIP_NOT_COMPARABLE),
        (exam(0.90, baseline=0.74), exam(0.70), Verdict.REJECT_BASELINE_REGRESSION),
        (exam(0.90, baseline=0.76), exam(0.70), Verdict.DEPLOY),
        (exam(0.90, baseline=None), exam(0.70, baseline=None), Verdict.DEPLOY),
    ],
)
def test_a_challenger_must_gain_recently_without_losing_the_past(
    challenger: Exam, champion: Exam | None, verdict: Verdict
) -> None:
    assert decide(challenger, champion, test_mode=False, limits=LIMITS).verdict is verdict


@pytest.mark.parametrize(
    ("challenger", "champion"),
    [
        (exam(nan), None),
        (exam(nan), exam(0.70)),
        (exam(0.90), exam(nan)),
        (exam(0.90, baseline=nan), exam(0.70)),
        (exam(0.90), exam(0.70, baseline=nan)),
    ],
)
def test_what_is_no_number_never_deploys(challenger: Exam, champion: Exam | None) -> None:
    assert decide(challenger, champion, test_mode=False, limits=LIMITS).verdict is not Verdict.DEPLOY


@pytest.mark.parametrize("champion", [None, exam(0.1), exam(0.99), exam(None)])
def test_a_test_mode_model_is_never_deployed(champion: Exam | None) -> None:
    decision = decide(exam(0.95), champion, test_mode=True, limits=LIMITS)

    assert decision.verdict is Verdict.SKIP_TEST_MODE


def test_the_improvement_is_measured_on_the_holdout_or_absent() -> None:
    measured = decide(exam(0.75), exam(0.70), test_mode=False, limits=LIMITS).improvement

    assert measured == pytest.approx(0.05)
    assert decide(exam(0.75), None, test_mode=False, limits=LIMITS).improvement is None
