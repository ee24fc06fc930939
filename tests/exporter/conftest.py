from collections.abc import Iterator

import pytest

from testbed.exporter.harness import ExporterHarness, RunningExporter


@pytest.fixture
def harness() -> Iterator[ExporterHarness]:
    with ExporterHarness.quick() as harness:
        yield harness


@pytest.fixture
def exporter(harness: ExporterHarness) -> Iterator[RunningExporter]:
    with harness.started() as started:
        yield started
