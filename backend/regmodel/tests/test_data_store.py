"""Counts that are posted while the service runs."""

from pathlib import Path

import numpy as np
import pytest

from backend.regmodel.data.counts import Counts, hour_number
from backend.regmodel.data.observations import Observation, TooWide
from backend.regmodel.data.source import Source
from backend.regmodel.jobs.data_store import DataStore
from backend.regmodel.tests.conftest import at

HOUR = "2021-09-12T08"
"""After the generated year has ended."""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(data_dir=None, observations=tmp_path / "observations.db", generated_counters=14)


def seen(counts: Counts, counter: str, hour: str) -> float:
    row = np.array([hour_number(at(hour))])
    return float(counts.at(row, counts.columns_of([counter]))[0])


def test_posted_counts_are_the_same_before_and_after_a_restart(source: Source) -> None:
    store = DataStore(source)
    known = store.history.counts.counters[0]

    store.add([Observation(known, at(HOUR), 5.0), Observation("new", at(HOUR), 7.0)])
    store.add([Observation(known, at(HOUR), 6.0), Observation(known, at("2020-10-01T08"), 8.0)])

    restarted = DataStore(source).history
    for counts in (store.history.counts, restarted.counts):
        assert seen(counts, known, HOUR) == 6.0
        assert seen(counts, known, "2020-10-01T08") == 8.0
        assert seen(counts, "new", HOUR) == 7.0
    assert np.array_equal(store.history.counts.grid, restarted.counts.grid, equal_nan=True)
    assert np.allclose(store.history.week_mean, restarted.week_mean, equal_nan=True)


def test_every_post_changes_the_data_version(source: Source) -> None:
    store = DataStore(source)
    before = store.for_workers().version

    store.add([Observation("new", at(HOUR), 7.0)])

    assert store.for_workers().version > before


def test_too_wide_counts_are_neither_used_nor_stored(source: Source) -> None:
    store = DataStore(source)
    before = store.for_workers()
    far = [Observation(f"c{number}", at("2006-01-01T00"), 1.0) for number in range(200)]

    with pytest.raises(TooWide, match="214 counters over"):
        store.add(far)
    with pytest.raises(TooWide, match="214 counters over"):
        store.for_workers(far)

    assert store.for_workers() == before
    assert not source.observations.exists()
