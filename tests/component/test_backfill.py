"""Past alerts from Prometheus: stored once, announced to nobody, whatever Prometheus answers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from alert_router.config.configuration import PrometheusTarget
from alert_router.domain.matchers import parse_list
from alert_router.domain.model import Origin, Rules
from alert_router.domain.notify_words import BACKFILLED
from alert_router.prometheus.targets import Prometheuses
from alert_router.services import backfill
from alert_router.services.backfill import QUERY, Backfill
from alert_router.services.history_sums import HistorySums
from alert_router.services.presence import Presence
from alert_router.store import past_episodes, senders, timeline, why
from alert_router.store.tables import day_sums
from testbed.factories import API_DOWN, DISK_FULL, make_signal
from testbed.fakes import prometheus as fake
from testbed.fakes.prometheus import FakePrometheus
from testbed.router_harness import MadeClient, RouterHarness

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
URL = "http://prometheus:9090"


@dataclass(slots=True)
class Past:
    """The router's history, and what Prometheus remembers."""

    harness: RouterHarness
    prometheus: FakePrometheus = field(default_factory=FakePrometheus)
    task: Backfill = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        harness = self.harness
        http = httpx.AsyncClient(transport=self.prometheus.transport)
        targets = Prometheuses(http, harness.configuration, URL, harness.clock)
        self.task = Backfill(
            harness.store,
            harness.writer,
            targets,
            harness.configuration,
            Rules(),
            harness.clock.time,
            steady=harness.clock,
        )

    def fired(self, labels: dict[str, str], ago: timedelta, span: timedelta) -> None:
        start = self.harness.clock.time() - ago
        spans = [
            *self.prometheus.spans.get(QUERY, ()),
            (labels, start.timestamp(), (start + span).timestamp()),
        ]
        self.prometheus.spans[QUERY] = spans

    def fill(self) -> int:
        return self.harness.run(self.task.run_once())

    def note_presence(self) -> bool:
        return self.harness.run(Presence(self.harness.writer, self.harness.clock.time).run_once())

    @property
    def texts(self) -> list[str]:
        self.harness.deliver()
        return [message.content for message in self.harness.discord.messages()]


@pytest.fixture
def past(harness: RouterHarness) -> Past:
    return Past(harness)


@pytest.fixture
def after_an_hour(past: Past) -> Past:
    """The router ran, and was away for an hour."""
    past.fill()
    past.note_presence()
    past.harness.clock.move(3600)
    past.restart()
    return past


def test_first_start_shows_two_weeks_and_tells_nobody(past: Past) -> None:
    past.fired(API_DOWN, timedelta(days=13), 2 * HOUR)
    past.fired(DISK_FULL, timedelta(days=1), HOUR)
    past.fired(DISK_FULL, timedelta(days=20), HOUR)

    assert past.fill() == 2

    alerts = past.harness.alerts()
    assert [(one.labels, one.origin, one.firing) for one in alerts] == [
        (API_DOWN, Origin.BACKFILLED, False),
        (DISK_FULL, Origin.BACKFILLED, False),
    ]
    assert past.harness.clock.time() - alerts[0].starts_at == timedelta(days=13)
    past.harness.pass_time(3600)
    past.harness.adopt()
    assert past.texts == []
    assert past.harness.cards() == []
    ledger = past.harness.ledger()
    assert (ledger.wanted, ledger.balanced) == (0, True)


def test_second_run_finds_them(past: Past) -> None:
    past.fired(API_DOWN, 3 * HOUR, HOUR)
    past.fill()
    past.harness.clock.move(2 * HOUR.total_seconds())
    past.restart()

    assert past.fill() == 0
    assert len(past.harness.alerts()) == 1


def test_absence_of_an_hour_leaves_no_hole(after_an_hour: Past) -> None:
    after_an_hour.fired(API_DOWN, 40 * MINUTE, MINUTE)
    after_an_hour.fired(DISK_FULL, 20 * MINUTE, HOUR)

    assert after_an_hour.fill() == 1

    alert = after_an_hour.harness.alert()
    assert alert.labels == API_DOWN
    assert alert.ends_at is not None
    assert timedelta() <= alert.ends_at - alert.starts_at - MINUTE <= timedelta(seconds=15)


def test_alert_that_ended_a_moment_before_the_start_is_filled_in(after_an_hour: Past) -> None:
    after_an_hour.fired(API_DOWN, 2 * MINUTE, timedelta(seconds=115))

    assert after_an_hour.fill() == 1


def test_alert_that_was_known_is_not_doubled(past: Past) -> None:
    began = past.harness.clock.time()
    cluster = {**API_DOWN, "cluster": "eu"}
    past.fill()
    past.harness.accept(make_signal(cluster, starts_at=began))
    past.harness.clock.move(3600)
    past.restart()
    past.fired(API_DOWN, HOUR, 50 * MINUTE)

    assert past.fill() == 0
    assert past.harness.alert().labels == cluster


def test_late_resolve_of_what_was_backfilled_tells_nobody(after_an_hour: Past) -> None:
    now = after_an_hour.harness.clock.time()
    after_an_hour.fired(API_DOWN, 40 * MINUTE, 10 * MINUTE)
    after_an_hour.fill()

    late = make_signal(starts_at=now - 40 * MINUTE, ends_at=now - 30 * MINUTE)
    after_an_hour.harness.accept(late)

    assert after_an_hour.texts == []
    assert len(after_an_hour.harness.alerts()) == 1


@pytest.mark.parametrize("ago", [5 * MINUTE, timedelta()], ids=["before its end", "now"])
def test_what_fires_after_a_backfill_is_announced(after_an_hour: Past, ago: timedelta) -> None:
    after_an_hour.fired(API_DOWN, 10 * MINUTE, 8 * MINUTE)
    after_an_hour.fill()
    other = make_signal({**API_DOWN, "instance": "api-2"})
    after_an_hour.harness.accept(other)

    after_an_hour.harness.accept(make_signal(starts_at=after_an_hour.harness.clock.time() - ago))
    after_an_hour.harness.pass_time(121)

    assert len(after_an_hour.texts) == 1
    incidents = after_an_hour.harness.incidents()
    assert [one.firing for one in incidents] == [0, 2]


def test_alerts_of_a_group_are_one_incident(past: Past) -> None:
    past.fired(API_DOWN, 5 * HOUR, HOUR)
    past.fired({**API_DOWN, "instance": "api-2"}, 4.5 * HOUR, HOUR)
    past.fired(API_DOWN, 2 * HOUR, HOUR)
    past.fired(DISK_FULL, 5 * HOUR, HOUR)

    past.fill()

    by_incident = [one.incident_id for one in past.harness.alerts()]
    assert len(set(by_incident)) == 3
    first = past.harness.incidents()[by_incident[0] - 1]
    assert (first.is_firing, first.group_labels) == (False, {"alertname": API_DOWN["alertname"]})
    assert first.resolved_at is not None
    assert timedelta(hours=1.5) <= first.resolved_at - first.opened_at <= timedelta(hours=1.6)


NONSENSE: dict[str, Callable[[], httpx.Response | Exception]] = {
    "not reached": lambda: httpx.ConnectError("refused"),
    "html": lambda: httpx.Response(200, html="<h1>Log in</h1>"),
    "refused": lambda: httpx.Response(422, json={"status": "error"}),
    "vector": lambda: fake.result("vector", []),
    "endless": fake.endless,
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
def test_prometheus_that_gives_no_answer_is_asked_later(
    past: Past, answer: Callable[[], httpx.Response | Exception]
) -> None:
    past.fired(API_DOWN, 3 * HOUR, HOUR)
    past.prometheus.misbehave = answer
    assert past.fill() == 0
    asked = len(past.prometheus.requests)

    assert past.fill() == 0
    assert len(past.prometheus.requests) == asked
    past.prometheus.misbehave = lambda: None
    past.harness.clock.move(backfill.RETRY_S)

    assert past.fill() == 1


def test_what_begins_while_prometheus_is_away_is_left_to_the_router(past: Past) -> None:
    past.prometheus.misbehave = lambda: httpx.ConnectError("refused")
    past.fill()
    past.harness.clock.move(600)
    past.fired(API_DOWN, 15 * MINUTE, 2 * MINUTE)
    past.fired(DISK_FULL, 8 * MINUTE, 2 * MINUTE)
    past.prometheus.misbehave = lambda: None

    assert past.fill() == 1
    assert past.harness.alert().labels == API_DOWN


STRANGE = {
    "no labels": fake.matrix([({}, [[1, "1"]])]),
    "no points": fake.matrix([(API_DOWN, [])]),
    "other times": fake.matrix([(API_DOWN, [[-1e300, "1"], [1e300, "1"], ["x", None]])]),
    "no entries": fake.result("matrix", [1, None, {"metric": 1, "values": 2}]),
}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE)
def test_strange_series_are_passed_over(past: Past, answer: httpx.Response) -> None:
    past.prometheus.misbehave = lambda: answer

    assert past.fill() == 0
    assert past.harness.alerts() == []


def test_large_answer_is_asked_for_in_halves(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MAX_BYTES", 10_000)
    for number in range(20):
        past.fired({**API_DOWN, "instance": f"api-{number}"}, 30 * HOUR, 5 * HOUR)

    assert past.fill() == 20
    ends = {one.ends_at for one in past.harness.alerts()}
    assert len(ends) == 1


def test_newest_are_kept_where_there_are_too_many(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MAX_EPISODES", 3)
    for day in range(1, 8):
        past.fired(API_DOWN, timedelta(days=day), HOUR)

    assert past.fill() == 3

    ages = [(past.harness.clock.time() - one.starts_at).days for one in past.harness.alerts()]
    assert ages == [3, 2, 1]


def test_webhook_that_comes_meanwhile_is_not_doubled(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    past.fired(API_DOWN, 3 * HOUR, HOUR)
    began = past.harness.clock.time() - 3 * HOUR
    monkeypatch.setattr(past_episodes, "known", lambda *_: [])
    past.harness.accept(make_signal(starts_at=began, ends_at=began + HOUR))

    assert past.fill() == 0
    assert past.harness.alert().origin == Origin.WEBHOOK


def test_timeline_says_that_the_router_was_away(after_an_hour: Past) -> None:
    after_an_hour.fired(API_DOWN, 40 * MINUTE, 10 * MINUTE)
    after_an_hour.fill()
    now = after_an_hour.harness.clock.time()

    assert after_an_hour.note_presence()
    assert not after_an_hour.note_presence()

    alert = after_an_hour.harness.alert()
    moments = after_an_hour.harness.ask(lambda conn: timeline.of_alert(conn, alert, now))
    assert [(one.kind, one.at, one.until) for one in moments if one.kind == "away"] == [
        ("away", now - HOUR, now)
    ]
    [answer] = after_an_hour.harness.ask(lambda conn: why.of(conn, alert, now))
    assert answer.sentence == BACKFILLED


def test_own_marks_are_no_heartbeats(past: Past) -> None:
    past.fill()
    past.note_presence()

    assert past.harness.ask(senders.last_heartbeats) == {}


def test_every_prometheus_is_asked(past: Past) -> None:
    eu = PrometheusTarget("http://prometheus-eu:9090", parse_list('cluster="eu"'))
    past.harness.configuration.swap(replace(past.harness.configuration.current, prometheus=(eu,)))
    past.fired(API_DOWN, 3 * HOUR, HOUR)

    assert past.fill() == 1
    assert {form["host"] for form in past.prometheus.requests} == {"prometheus-eu", "prometheus"}


def test_day_of_a_backfilled_alert_counts_it(past: Past) -> None:
    past.fired(API_DOWN, timedelta(days=3), HOUR)
    past.fill()

    past.harness.run(HistorySums(past.harness.store, past.harness.writer).catch_up())

    query = sa.select(day_sums.c.day, day_sums.c.alerts, day_sums.c.ended, day_sums.c.longest_s)
    day = (past.harness.clock.time() - timedelta(days=3)).date()
    assert past.harness.ask(lambda conn: conn.execute(query).all()) == [(day, 1, 1, 3660)]


def test_pages_say_where_it_comes_from(past: Past, make_client: MadeClient) -> None:
    past.fired(API_DOWN, 3 * HOUR, HOUR)
    past.fill()
    client = make_client()

    pages = [
        client.get(path, headers={"accept": "text/html"}) for path in ("/alerts", "/alerts/1", "/incidents/1")
    ]
    [listed] = client.get("/alerts").json()["alerts"]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert "from Prometheus" in pages[0].text
    assert BACKFILLED in pages[1].text
    assert (listed["origin"], listed["notified"]) == ("backfilled", False)
