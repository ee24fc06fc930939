from collections.abc import Iterator

import pytest

from testbed.exporter.bench import Bench, Started


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench.quick() as bench:
        yield bench


@pytest.fixture
def exporter(bench: Bench) -> Iterator[Started]:
    with bench.started() as started:
        yield started
