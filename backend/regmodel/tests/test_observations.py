import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from backend.regmodel.data import observations
from backend.regmodel.data.observations import Observation
from backend.regmodel.tests.conftest import NOON


def test_second_writer_of_observations_waits(tmp_path: Path) -> None:
    path = tmp_path / "observations.db"
    with closing(sqlite3.connect(path)) as another, ThreadPoolExecutor(1) as pool:
        another.execute(observations.SCHEMA)
        another.execute("BEGIN IMMEDIATE")

        waiting = pool.submit(observations.write, path, [Observation("bridge", NOON, 7)])
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        another.rollback()
        waiting.result(timeout=30)

    assert observations.read(path).counters == ("bridge",)
