"""The card's memory: read from the tables by one indexed query; said once when it lasts long."""

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from alert_router.discord.embeds import RenderedMessage, Renderer
from alert_router.discord.templates import Templates
from alert_router.domain.memory import MAX_PAST
from alert_router.domain.model import CardState, DigestState
from alert_router.services.long_incidents import LongIncidents
from alert_router.store import memory
from alert_router.store.engine import open_store
from alert_router.store.tables import incidents
from testbed.factories import API_DOWN, DISK_FULL, Clock, make_alert, make_incident, make_signal
from testbed.router_harness import ROUTER_URL, RouterHarness

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Noting(Renderer):
    """Keeps what the cards remember."""

    memories: list[str] = field(default_factory=list)

    def render(self, state: CardState | DigestState, degraded: int = 0) -> RenderedMessage:
        if isinstance(state, CardState):
            self.memories.append(state.facts.memory)
        return Renderer.render(self, state, degraded)


def episode(
    harness: RouterHarness, minutes: float, *, by: str = "", labels: Any = API_DOWN, group: Any = None
) -> None:
    """Fires for so long, then is quiet for an hour."""
    started = harness.clock.time()
    groups = {"group_labels": group} if group is not None else {}
    harness.accept(make_signal(labels, starts_at=started, **groups))
    if by:
        harness.acknowledge(len(harness.alerts()), by=by, note="restarted the scheduler")
    harness.pass_time(60 * minutes)
    harness.accept(make_signal(labels, starts_at=started, ends_at=harness.clock.time(), **groups))
    harness.pass_time(HOUR_S)


def shown(harness: RouterHarness) -> str:
    renderer = Noting(Templates(), ROUTER_URL)
    harness.deliver(harness.another_delivery(renderer=renderer))
    return renderer.memories[-1]


def test_card_remembers_the_times_before(harness: RouterHarness) -> None:
    for _ in range(5):
        episode(harness, 12)
    episode(harness, 90, by="Ada")
    harness.deliver()

    harness.accept(make_signal(starts_at=harness.clock.time()))

    assert shown(harness) == (
        "7th time in 30 days, usually over by itself after 12 min (5 of 6), "
        "last time Ada: restarted the scheduler"
    )


def test_first_time_says_nothing(harness: RouterHarness) -> None:
    episode(harness, 5, labels=DISK_FULL)
    harness.deliver()
    harness.accept(make_signal())

    assert shown(harness) == ""


def test_what_is_older_than_a_month_is_forgotten(harness: RouterHarness) -> None:
    episode(harness, 5)
    harness.pass_time(30 * 24 * HOUR_S)
    harness.deliver()
    harness.accept(make_signal(starts_at=harness.clock.time()))

    assert shown(harness) == ""


def test_group_without_an_alertname_remembers_the_worst_label_set(harness: RouterHarness) -> None:
    group = {"cluster": "eu"}
    episode(harness, 5, labels=DISK_FULL, group=group)
    episode(harness, 5, group=group)
    harness.deliver()
    harness.accept(make_signal(starts_at=harness.clock.time(), group_labels=group))

    assert shown(harness) == "2nd time in 30 days"


def long_incidents(harness: RouterHarness) -> LongIncidents:
    return LongIncidents(harness.intake, harness.store, harness.clock.time)


def test_incident_that_outlasts_its_kind_is_said_once_by_an_edit(harness: RouterHarness) -> None:
    for _ in range(5):
        episode(harness, 12)
    harness.deliver_for(300)
    harness.accept(make_signal(starts_at=harness.clock.time()))
    harness.deliver()
    creates, long = len(harness.discord.creates), long_incidents(harness)

    marked = []
    for minutes in (0, 11, 2, 30):
        harness.pass_time(60 * minutes)
        marked.append(harness.run(long.run_once()))

    assert marked == [0, 0, 1, 0]
    assert "lasts longer than ever" in shown(harness)
    assert len(harness.discord.creates) == creates


def test_short_history_says_nothing_of_length(harness: RouterHarness) -> None:
    episode(harness, 1)
    harness.accept(make_signal(starts_at=harness.clock.time()))
    harness.pass_time(HOUR_S)

    assert harness.run(long_incidents(harness).run_once()) == 0


def test_incident_that_fires_again_is_not_long_any_more(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    with harness.store.write() as conn:
        conn.execute(sa.text("UPDATE incidents SET lasts = 'ever'"))
    harness.pass_time(60)
    harness.accept(make_signal(ends_at=harness.clock.time()))
    harness.pass_time(60)

    harness.accept(make_signal(starts_at=harness.clock.time()))

    assert harness.incidents()[0].lasts == ""


@pytest.mark.parametrize("analyzed", [False, True])
def test_memory_is_one_bounded_search_in_an_index(sqlite_url: str, clock: Clock, *, analyzed: bool) -> None:
    rows = [
        {**COMMON, "id": number, "key": f"group {number % 40}", "opened_at": clock.time()}
        for number in range(1, 4001)
    ]
    with closing(open_store(sqlite_url)) as store, store.write() as conn:
        conn.execute(sa.insert(incidents), rows)
        if analyzed:
            conn.exec_driver_sql("ANALYZE")
        incident = make_incident(id=5000, key="group 7", opened_at=clock.time())

        assert len(memory.past(conn, incident, None)) == 4000 // 40 <= MAX_PAST
        for query, index in (
            (memory.of_group(incident), "ix_incidents_key_opened_at"),
            (memory.of_label_set(make_alert()), "sqlite_autoindex_alerts"),
        ):
            plan = explained(query, conn)
            assert index in plan[0]
            assert all(line.startswith(("SEARCH", "CORRELATED")) for line in plan), plan


COMMON = {
    "group_labels": {},
    "status": "resolved",
    "severity": "critical",
    "firing": 0,
    "flaps": 0,
    "generation": 1,
    "pinged_at": make_incident().pinged_at,
}


def explained(query: sa.Select[Any], conn: sa.Connection) -> list[str]:
    text = query.compile(conn, compile_kwargs={"literal_binds": True})
    return [str(row[-1]) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
