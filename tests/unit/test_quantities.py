"""Numbers with their units, as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.domain import quantities
from alert_router.domain.quantities import BYTES, NONE, PERCENT, RATIO, SECONDS, Unit


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0519, RATIO, "5.19 %"),
        (0.05, RATIO, "5 %"),
        (95.0, PERCENT, "95 %"),
        (9000, SECONDS, "9000 s"),
        (60, SECONDS, "60 s"),
        (0, SECONDS, "0 s"),
        (0.0421, SECONDS, "42.1 ms"),
        (12_600, SECONDS, "3.5 h"),
        (3 * 86_400, SECONDS, "3 d"),
        (1.5 * 1024**3, BYTES, "1.5 GiB"),
        (12_345.6, NONE, "12,346"),
        (2_500_000, NONE, "2.5 M"),
        (-0.1064, NONE, "-0.106"),
        (1e-9, NONE, "1e-09"),
        (1e25, SECONDS, "1.2e+20 d"),
        (-1.7e308, RATIO, "-1.8e+308 %"),
        (-4, SECONDS, "-4 s"),
    ],
)
def test_number_has_its_unit_and_no_needless_digits(value: float, unit: Unit, text: str) -> None:
    assert quantities.shown(value, unit) == text


def test_value_reads_differently_from_a_limit_it_differs_from() -> None:
    assert quantities.shown_together(0.64996, 0.65, NONE) == ("0.64996", "0.65")


def test_value_that_is_its_limit_reads_alike() -> None:
    assert quantities.shown_together(5, 5, SECONDS) == ("5 s", "5 s")


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([NONE, RATIO, PERCENT, SECONDS, BYTES, quantities.PER_SECOND]),
)
def test_any_finite_number_is_shown_in_one_line(value: float, unit: Unit) -> None:
    text = quantities.shown(value, unit)

    assert text
    assert "\n" not in text
