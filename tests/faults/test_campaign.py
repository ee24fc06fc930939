"""The fault campaign's short form, and that its judge would see what is wrong."""

import os
from pathlib import Path

import pytest

from tests.faults import campaign, clockwork, plan
from tests.faults.plan import DatabaseName

SEED = 3


@pytest.mark.e2e
@pytest.mark.timeout(400)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_whatever_goes_wrong_nothing_is_lost_or_told_wrongly(database: DatabaseName, tmp_path: Path) -> None:
    if os.environ.get("CI") and clockwork.found(tmp_path).library is None:
        pytest.fail("CI needs libfaketime")
    made = plan.made(SEED, plan.SHORT, database)

    outcome = campaign.run(made, tmp_path / "campaign")

    assert outcome.findings == [], "\n".join(outcome.figures)
