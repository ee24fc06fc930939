"""Two routers and two Alertmanagers, one of each killed again and again: one card an incident, to its end."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import httpx
import pytest
import sqlalchemy as sa

from alert_router.store.tables import deliveries
from testbed.fakes.discord import RunningDiscord, faults
from testbed.ha_pair import HOLD_S, Lasting, Pair, Prometheus
from testbed.processes import Process, until
from testbed.router_harness import NewDatabase

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]
ROUNDS = int(os.environ.get("HA_ROUNDS", "3"))
PER_ROUND = 6
SEED = int(os.environ.get("HA_SEED", "7"))
INCIDENT = re.compile(r"incident (\d+)")


@pytest.fixture
def database_url(new_database: NewDatabase) -> Iterator[str]:
    with new_database("postgresql") as url:
        yield url


@pytest.fixture
def pair(
    tmp_path: Path, database_url: str, discord: RunningDiscord, start: Callable[[Process], Process]
) -> Iterator[Pair]:
    pair = Pair.started(tmp_path, database_url, discord.webhook_url(), start)
    with closing(pair.routers[0]), closing(pair.routers[1]):
        yield pair


@pytest.mark.timeout(60 + 40 * ROUNDS)
def test_killed_replicas_neither_lose_nor_repeat_an_incident(
    pair: Pair, discord: RunningDiscord, database_url: str
) -> None:
    chance = Random(SEED)  # noqa: S311 - the same kills in every run
    with Prometheus(pair.urls) as prometheus:
        # Both are alive and Discord is slow: neither may send a card that the other has claimed.
        discord.state.faults.sometimes(1.0, faults.slow(0.2), seed=SEED)
        for number in range(PER_ROUND):
            prometheus.fire(f"Calm{number}")
        until(lambda: pair.all_delivered and _shows(pair, prometheus), "both deliver", within_s=30)
        discord.state.faults.clear()
        for round_ in range(ROUNDS):
            # Only alerts in the history: Alertmanager never sends one that ends before its first webhook.
            for name in chance.sample(prometheus.firing, len(prometheus.firing) // 2):
                prometheus.resolve(name)
            for number in range(PER_ROUND):
                prometheus.fire(f"Incident{round_:02}x{number}")
            pair.kill_one_of_each(chance)
            # One may die with the knowledge that it sent a firing, and then its peer sends no
            # resolve: what ends meanwhile may wait until it is back.
            until(lambda: _fires(pair, prometheus), "the remaining router has all firing alerts", within_s=60)
            pair.restart()
        for name in prometheus.firing[1:]:
            prometheus.resolve(name)
        # Longer than a late "firing" is held: whatever the pair still contradicts has shown by then.
        end = Lasting(lambda: pair.all_delivered and _shows(pair, prometheus), 1.5 * HOLD_S)
        until(end, "the final state is delivered, and stays", within_s=90)

    assert pair.times_in_history() == Counter(prometheus.wanted.keys())
    assert pair.history() == prometheus.wanted
    creates = {
        record.stored or "": discord.state.message(record.stored or "") for record in discord.state.creates
    }
    recorded = _recorded(database_url)
    # A router killed between Discord's answer and its own commit has no record of its create.
    unrecorded = creates.keys() - recorded
    assert len(unrecorded) <= pair.router_kills
    incidents = {alert["incident_id"]: alert["status"] for alert in pair.alive.alerts()}
    cards = Counter(
        _incident(creates[message_id].embeds[0]["footer"]["text"]) for message_id in creates.keys() & recorded
    )
    assert cards == Counter(dict.fromkeys(incidents, 1))
    for message_id in creates.keys() & recorded:
        embed = creates[message_id].embeds[0]
        status = incidents[_incident(embed["footer"]["text"])]
        assert ("resolved" in embed["title"]) == (status == "resolved"), embed["title"]
    print(f"{len(incidents)} incidents, {len(creates)} creates, {pair.router_kills} kills of a router")  # noqa: T201


def _shows(pair: Pair, prometheus: Prometheus) -> bool:
    with suppress(httpx.HTTPError):
        return pair.history() == prometheus.wanted
    return False


def _fires(pair: Pair, prometheus: Prometheus) -> bool:
    with suppress(httpx.HTTPError):
        history = pair.history()
        return all(history.get(name) == "firing" for name in prometheus.firing)
    return False


def _recorded(database_url: str) -> set[str]:
    """The messages whose create a router has recorded."""
    engine = sa.create_engine(database_url)
    query = sa.select(deliveries.c.message_id).where(
        deliveries.c.action == "create", deliveries.c.outcome == "sent"
    )
    with engine.connect() as conn:
        message_ids = set(conn.scalars(query))
    engine.dispose()
    return message_ids


def _incident(footer: str) -> int:
    match = INCIDENT.search(footer)
    assert match is not None, footer
    return int(match[1])
