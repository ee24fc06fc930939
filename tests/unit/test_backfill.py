"""Samples of ALERTS become episodes; what the history has is left out."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from alert_router.domain import backfill
from alert_router.domain.backfill import COARSE, FINE, Episode, Known, Samples, Window
from testbed.factories import NOON, at

API_DOWN = {"alertname": "ApiDown", "instance": "api-1"}
START = NOON.timestamp()
WINDOW = Window(START, START + 3600, 60, START + 3600)


def times(*minutes: float) -> list[float]:
    return [START + 60 * minute for minute in minutes]


def found(*minutes: float) -> list[tuple[float, float]]:
    samples = Samples(WINDOW)
    samples.add(API_DOWN, times(*minutes))
    return _in_minutes(samples.episodes())


def _in_minutes(episodes: Iterable[Episode]) -> list[tuple[float, float]]:
    return [
        ((one.starts_at - NOON) / timedelta(minutes=1), (one.ends_at - NOON) / timedelta(minutes=1))
        for one in episodes
    ]


@pytest.mark.parametrize(
    ("minutes", "episodes"),
    [
        ((5, 6, 7), [(5, 8)]),
        ((5,), [(5, 6)]),
        ((5, 8), [(5, 9)]),
        ((5, 9), [(5, 6), (9, 10)]),
        ((7, 5, 6), [(5, 8)]),
        ((58, 59, 60), []),
        ((5, 60), [(5, 6)]),
        ((-5, 70), []),
        ((), []),
    ],
    ids=[
        "run",
        "one sample",
        "gap of two steps",
        "gap of three",
        "any order",
        "still fires",
        "earlier and present",
        "outside",
        "none",
    ],
)
def test_runs_of_samples_are_episodes(
    minutes: tuple[float, ...], episodes: list[tuple[float, float]]
) -> None:
    assert found(*minutes) == episodes


def test_answers_that_meet_are_one_episode() -> None:
    samples = Samples(WINDOW)

    for minutes in ((30, 31), (26, 27, 28)):
        samples.add({"alertstate": "firing", **API_DOWN}, times(*minutes))

    assert samples.episodes() == [Episode(API_DOWN, at(26), at(32))]


def test_labels_become_such_as_a_database_stores() -> None:
    samples = Samples(WINDOW)

    samples.add({"alertname": "A\x00\ud800", "job": ""}, times(1))
    samples.add({"job": "without a name"}, times(1))

    assert [one.labels for one in samples.episodes()] == [{"alertname": "A�?"}]


def test_what_began_after_the_absence_is_left_to_the_router() -> None:
    samples = Samples(Window(START, START + 3600, 60, until=START + 600))

    samples.add(API_DOWN, times(9, 20))

    assert _in_minutes(samples.episodes()) == [(9, 10)]


@pytest.mark.parametrize(
    ("away", "step_s", "span"),
    [
        (timedelta(minutes=2), None, None),
        (timedelta(minutes=3), FINE, timedelta(minutes=3)),
        (timedelta(hours=7), COARSE, timedelta(hours=7)),
        (timedelta(days=60), COARSE, backfill.MOST),
        (None, COARSE, backfill.MOST),
        (-timedelta(hours=1), None, None),
    ],
    ids=["short", "minutes", "hours", "months", "first start", "clock set back"],
)
def test_window_is_the_absence(away: timedelta | None, step_s: float | None, span: timedelta | None) -> None:
    window = backfill.window(None if away is None else NOON - away, NOON)

    assert (window and window.step_s) == step_s
    assert (window and timedelta(seconds=window.end - window.start)) == span


EPISODE = Episode(API_DOWN, at(5), at(8))
OTHERS = {
    "other instance": ({**API_DOWN, "instance": "api-2"}, (5, 8)),
    "fewer labels": ({"alertname": "ApiDown"}, (5, 8)),
    "before": (API_DOWN, (1, 3)),
    "after": (API_DOWN, (10, 12)),
}
SAME = {
    "same": (API_DOWN, (5, 8)),
    "external labels": ({**API_DOWN, "cluster": "eu"}, (4.5, 7.2)),
    "shorter": (API_DOWN, (4.2, 4.8)),
    "still fires": (API_DOWN, (1, float("inf"))),
}


@pytest.mark.parametrize(
    ("known", "is_unknown"),
    [(known, True) for known in OTHERS.values()] + [(known, False) for known in SAME.values()],
    ids=[*OTHERS, *SAME],
)
def test_known_episodes_are_left_out(
    known: tuple[dict[str, str], tuple[float, float]], *, is_unknown: bool
) -> None:
    labels, (first, last) = known
    span = (START + 60 * first, START + 60 * last)

    assert backfill.unknown([EPISODE], [Known(labels, [span])], 60) == ([EPISODE] if is_unknown else [])
