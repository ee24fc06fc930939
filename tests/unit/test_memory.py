"""What a card remembers of the times before."""

from datetime import timedelta

import pytest

from alert_router.domain import memory
from alert_router.domain.memory import MAX_PAST, Lasts, Past
from testbed.factories import at

DAY = 24 * 60


def past(days_ago: int, lasted: float | None = 12, by: str | None = None, note: str = "") -> Past:
    """lasted: in minutes; None: its end is not known."""
    began_at = at(-days_ago * DAY)
    return Past(began_at, None if lasted is None else began_at + timedelta(minutes=lasted), by, note)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ([], ""),
        ([past(1)], "2nd time in 30 days"),
        ([past(1, None), past(2, None)], "3rd time in 30 days"),
        (
            [past(1, 200, "Ada", "known"), *(past(day) for day in range(2, 8))],
            "8th time in 30 days, usually over by itself after 12 min (6 of 7), last time Ada: known",
        ),
        (
            [past(1, 5), past(2, 90, "Ada"), past(3, 30, "Bo", "known")],
            "4th time in 30 days, usually over after 30 min, earlier acknowledged by Ada",
        ),
        (
            [past(1, 5, "Ada"), past(2, 60)],
            "3rd time in 30 days, usually over after 1 h, last time acknowledged by Ada",
        ),
        (
            [past(1)] * MAX_PAST,
            "more than 200 times in 30 days, usually over by itself after 12 min (200 of 200)",
        ),
    ],
)
def test_memory_says_how_often_how_long_and_who(before: list[Past], words: str) -> None:
    assert memory.words(before) == words


def test_memory_fits_on_one_line_of_a_phone() -> None:
    before = [past(1, 10, "A" * 300, "line\n" * 200), past(2), past(3)]

    text = memory.words(before)

    assert len(text) < 220
    assert "\n" not in text


@pytest.mark.parametrize(
    ("firing", "words"), [(True, "lasts longer than usual"), (False, "lasted longer than usual")]
)
def test_memory_says_that_it_lasts_long(*, firing: bool, words: str) -> None:
    assert words in memory.words([past(1)], Lasts.USUAL, firing=firing)


@pytest.mark.parametrize(
    ("spans", "limit"),
    [
        ([], None),
        ([5, 5, 5, 5], None),
        ([1, 2, 3, 4, 50], (50, Lasts.EVER)),
        ([*range(1, 10), 100, 200], (100, Lasts.USUAL)),
        ([None, 1, 2, 3, 4], None),
    ],
)
def test_incident_is_long_when_it_outlasts_nine_of_ten(
    spans: list[float | None], limit: tuple[float, Lasts] | None
) -> None:
    found = memory.long_after([past(day, lasted) for day, lasted in enumerate(spans, start=1)])

    assert found == (None if limit is None else (timedelta(minutes=limit[0]), limit[1]))
