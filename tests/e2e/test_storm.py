"""A storm through the real process, to a strict Discord with every limit on."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testbed.fakes.discord import openapi
from testbed.processes import until
from testbed.storm.cast import storm
from testbed.storm.through_router import House, housed

SIZE = 200

pytestmark = pytest.mark.e2e


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    with housed(tmp_path, {"ALERT_ROUTER_DATABASE_URL": database_url}) as house:
        yield house


def test_a_storm_is_told_whole_within_the_limits_and_told_to_be_over(house: House) -> None:
    blows = storm(SIZE)
    critical = [blow for blow in blows if blow.critical]

    house.pour(blows, over_s=0)
    house.when(lambda told: told.total >= SIZE, "every alert is told")
    firing = house.told()
    house.pour(blows, ended=datetime.now(UTC), over_s=0)
    house.when(lambda told: told.over, "every message says that it is over")
    until(lambda: house.router.all_told, "no card waits", within_s=60)

    assert firing.total == house.told().total == SIZE
    assert len(firing.digests) == 1
    assert firing.critical_singles(blows) == len(critical) == 4
    assert house.history() == Counter(blow.instance for blow in blows)
    assert house.ledger() == {"wanted": SIZE, "delivered": SIZE, "pending": 0, "dead": 0}
    assert house.discord.state.limited == 0
    assert len(house.discord.state.creates) == len(house.told().messages)
    assert not [
        one for sent in house.discord.state.creates for one in openapi.validate_execute(sent.payload) or ()
    ]
