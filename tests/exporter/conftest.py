from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exporter.bench import Bench, Started


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def exporter(bench: Bench) -> Iterator[Started]:
    with bench.started() as started:
        yield started
