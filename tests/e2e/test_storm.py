"""A storm through the real process, to a strict Discord with every limit on."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from testbed.fakes.discord import openapi
from testbed.processes import until
from testbed.storm.alerts import storm
from testbed.storm.through_router import StormBench, storm_bench

SIZE = 200

pytestmark = pytest.mark.e2e


@pytest.fixture
def bench(tmp_path: Path, database_url: str) -> Iterator[StormBench]:
    with storm_bench(tmp_path, {"ALERT_ROUTER_DATABASE_URL": database_url}) as bench:
        yield bench


def test_storm_is_notified_and_resolved_within_the_rate_limits(bench: StormBench) -> None:
    alerts = storm(SIZE)
    critical = [alert for alert in alerts if alert.critical]

    bench.send(alerts, over_s=0)
    bench.wait_until(lambda shown: shown.total >= SIZE, "every alert is notified")
    firing = bench.notifications()
    bench.send(alerts, ended=datetime.now(UTC), over_s=0)
    bench.wait_until(lambda shown: shown.resolved, "every message shows that it is resolved")
    until(lambda: bench.router.all_delivered, "no card is pending", within_s=60)

    assert firing.total == bench.notifications().total == SIZE
    assert len(firing.digests) == 1
    assert firing.critical_singles(alerts) == len(critical) == 4
    assert bench.history() == Counter(alert.instance for alert in alerts)
    assert bench.ledger() == {"wanted": SIZE, "delivered": SIZE, "pending": 0, "dead": 0}
    assert bench.discord.state.limited == 0
    assert len(bench.discord.state.creates) == len(bench.notifications().messages)
    assert not [
        error
        for create in bench.discord.state.creates
        for error in openapi.validate_execute(create.payload) or ()
    ]
