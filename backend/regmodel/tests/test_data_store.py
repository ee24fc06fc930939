"""Counts that are posted while the service runs."""

from pathlib import Path

import numpy as np
import pytest

from backend.regmodel.data.counts import Counts, Floats, hour_number
from backend.regmodel.data.generated import generated_year
from backend.regmodel.data.history import MONTH
from backend.regmodel.data.means import running_mean
from backend.regmodel.data.observations import Observation, TooWide
from backend.regmodel.data.source import Origin, Source
from backend.regmodel.jobs import tasks
from backend.regmodel.jobs.data_store import DataStore
from backend.regmodel.jobs.tasks import Data
from backend.regmodel.tests.conftest import at

HOUR = "2021-09-12T08"
"""After the recorded year has ended."""


def write_wide(folder: Path, counts: Counts) -> None:
    """The counts as a file of the data folder."""
    header = ",".join(("date", *counts.counters))
    hours = (np.datetime64((counts.first_hour + row) * 3600, "s") for row in range(len(counts.grid)))
    lines = (f"{hour}Z,{','.join(map(str, row))}" for hour, row in zip(hours, counts.grid, strict=True))
    folder.mkdir()
    (folder / "wide.csv").write_text("\n".join((header, *lines)))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "counts"
    write_wide(folder, generated_year(counters=14))
    return folder


@pytest.fixture
def source(data_dir: Path, tmp_path: Path) -> Source:
    """A recorded year of 14 counters."""
    return Source(data_dir=data_dir, observations=tmp_path / "observations.db", generated_counters=14)


@pytest.fixture
def no_files(tmp_path: Path) -> Source:
    return Source(data_dir=None, observations=tmp_path / "observations.db", generated_counters=14)


def count(counts: Counts, counter: str, hour: str) -> float:
    row = np.array([hour_number(at(hour))])
    return float(counts.at(row, counts.columns_of([counter]))[0])


def test_posted_counts_are_the_same_before_and_after_a_restart(source: Source) -> None:
    store = DataStore(source)
    known = store.history.counts.counters[0]

    store.add([Observation(known, at(HOUR), 5.0), Observation("new", at(HOUR), 7.0)])
    store.add([Observation(known, at(HOUR), 6.0), Observation(known, at("2020-10-01T08"), 8.0)])

    restarted = DataStore(source).history
    for counts in (store.history.counts, restarted.counts):
        assert count(counts, known, HOUR) == 6.0
        assert count(counts, known, "2020-10-01T08") == 8.0
        assert count(counts, "new", HOUR) == 7.0
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


def test_posted_counts_are_never_laid_over_the_generated_year(no_files: Source) -> None:
    store = DataStore(no_files)
    assert store.origin is Origin.GENERATED

    store.add([Observation("real", at(HOUR), 7.0)])

    for each in (store, DataStore(no_files)):
        assert each.origin is Origin.OBSERVATIONS
        assert each.history.recorded.counters == ("real",)
        assert each.history.recorded.grid.tolist() == [[7.0]]


@pytest.mark.parametrize("posts_before", [0, 1])
def test_sent_rows_are_never_laid_over_the_generated_year(no_files: Source, posts_before: int) -> None:
    store = DataStore(no_files)
    for number in range(posts_before):
        store.add([Observation(f"stored-{number}", at(HOUR), 7.0)])

    data = store.for_workers([Observation("sent", at(HOUR), 8.0)])

    stored = tuple(f"stored-{number}" for number in range(posts_before))
    assert tasks.history_of(data).recorded.counters == (*stored, "sent")


def test_workers_read_the_posted_counts(source: Source) -> None:
    store = DataStore(source)
    store.add([Observation("new", at(HOUR), 7.0)])
    data = store.for_workers()

    assert isinstance(data, Data)
    assert count(tasks.history_of(data).counts, "new", HOUR) == 7.0


def test_post_computes_only_the_rows_it_reaches(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DataStore(source)
    store.add([Observation("a", at("2026-11-28T08"), 1.0)])
    computed: list[int] = []

    def counted(values: Floats, hours: int) -> Floats:
        computed.append(len(values))
        return running_mean(values, hours)

    monkeypatch.setattr("backend.regmodel.data.means.running_mean", counted)
    store.add([Observation("a", at("2026-11-28T09"), 2.0)])

    assert len(computed) == 8, "four means, at the new row and at the old end of the grid"
    assert max(computed) <= 2 * MONTH + 2 < len(store.history.counts.grid) / 30
