"""Alerts of real Alertmanagers compared with those of the router: missed changes are applied."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from alert_router.domain.model import Rules
from alert_router.services.alertmanager_sync import AlertmanagerSync
from alert_router.sources import fingerprints
from alert_router.sources.webhook import WebhookMessage
from alert_router.store.tables import transitions
from testbed.alertmanagers import Alertmanager, pair
from testbed.factories import API_DOWN, make_signal
from testbed.router_harness import RouterHarness

pytestmark = pytest.mark.e2e
RECEIVER = "alert-router.test"
NOBODY = "http://127.0.0.1:9"
NO_WARMUP = Rules(warmup_s=0)


@pytest.fixture(scope="module")
def real_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    with pair(tmp_path_factory.mktemp("alertmanagers")) as alertmanagers:
        yield alertmanagers


@pytest.fixture
def alertmanagers(
    real_pair: tuple[Alertmanager, Alertmanager],
) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    yield real_pair
    for alertmanager in real_pair:
        alertmanager.clear()


class Place:
    """A router that knows its receiver's name, on the clock of the Alertmanagers."""

    def __init__(self, harness: RouterHarness, alertmanagers: tuple[Alertmanager, Alertmanager]) -> None:
        self.harness = harness
        self.one, self.two = alertmanagers
        harness.clock.now = time.time()
        # Alertmanager's API has milliseconds.
        self.began = (harness.clock.time() - timedelta(minutes=10)).replace(microsecond=123_000)
        # Unique: Alertmanager would merge the alerts with those of an earlier test.
        cluster = uuid4().hex
        self.down = {"alertname": "ApiDown", "severity": "critical", "cluster": cluster}
        self.slow = {"alertname": "ApiSlow", "severity": "warning", "cluster": cluster}
        self.http = httpx.AsyncClient()
        self.receive()

    def receive(self, *signals: Any, truncated: int = 0) -> None:
        now = self.harness.clock.time()
        message = WebhookMessage("alertmanager", now, signals, receiver=RECEIVER, truncated=truncated)
        self.harness.run(self.harness.intake.accept(message))

    def sync(
        self,
        *urls: str,
        rules: Rules = NO_WARMUP,
        clock: Callable[[], datetime] | None = None,
        webhook_due_s: float | None = 0.0,
    ) -> AlertmanagerSync:
        """No webhook is waited for, unless the test says so."""
        return AlertmanagerSync(
            self.harness.intake,
            self.http,
            urls or (self.one.url,),
            rules=rules,
            clock=clock or self.harness.clock.time,
            webhook_due_s=webhook_due_s,
        )

    def compare(self, sync: AlertmanagerSync | None = None, *, after_s: float = 0) -> int:
        self.harness.clock.move(after_s)
        return self.harness.run((sync or self.sync()).run_once())

    def titles(self) -> list[str]:
        self.harness.deliver_for(10)
        return [message.embeds[0]["title"] for message in self.harness.discord.messages()]


@pytest.fixture
def place(harness: RouterHarness, alertmanagers: tuple[Alertmanager, Alertmanager]) -> Iterator[Place]:
    place = Place(harness, alertmanagers)
    yield place
    harness.run(place.http.aclose())


def firing(labels: dict[str, str], since: datetime, **changes: Any) -> Any:
    return make_signal(labels, starts_at=since, fingerprint=fingerprints.of(labels), **changes)


def test_missed_firing_is_opened_in_its_group(place: Place) -> None:
    place.one.fires(place.down, since=place.began)

    assert place.compare() == 1

    assert place.harness.kinds() == ["opened", "reconciled"]
    assert place.harness.incidents()[0].group_labels == {"alertname": "ApiDown"}
    assert place.harness.alert().starts_at == place.began
    assert place.titles() == ["🔴 critical · ApiDown"]
    assert place.compare() == 0


def test_late_webhook_of_an_opened_alert_is_a_repeat(place: Place) -> None:
    """Its start has nanoseconds, the API has milliseconds."""
    exact = place.began + timedelta(microseconds=456)
    place.one.fires(place.down, since=exact)
    place.compare()

    place.receive(firing(place.down, exact))
    place.compare(after_s=60)

    assert [alert.starts_at for alert in place.harness.alerts()] == [place.began]
    place.receive(firing(place.down, exact, ends_at=exact + timedelta(minutes=9)))
    assert place.harness.kinds() == ["opened", "reconciled", "reconciled", "resolved"]


def test_late_webhook_corrects_the_history_once(place: Place) -> None:
    place.one.fires(place.down, since=place.began)
    place.compare()
    place.harness.clock.move(180)

    for address in ("http://am-1:9093", "http://am-2:9093", "http://am-1:9093"):
        place.receive(firing(place.down, place.began, source_url=address))

    assert details(place)[1:] == [
        "opened: it began while the router was down",
        "its webhook came 3 min after it was opened",
    ]


def test_resolve_without_the_webhook_before_it_closes_what_the_api_showed(place: Place) -> None:
    place.one.fires(place.down, since=place.began)
    place.compare()

    place.receive(firing(place.down, place.began, ends_at=place.harness.clock.time()))

    assert place.harness.kinds() == ["opened", "reconciled", "resolved"]


def test_next_episode_of_an_alert_opened_by_the_api_leaves_nothing_open(place: Place) -> None:
    place.one.fires(place.down, since=place.began)
    place.compare()
    again = place.began + timedelta(minutes=5)

    place.receive(firing(place.down, again))
    place.receive(firing(place.down, again, ends_at=again + timedelta(minutes=1)))

    assert [alert.firing for alert in place.harness.alerts()] == [False, False]


def test_new_alert_is_left_to_its_webhook(place: Place) -> None:
    """For group_wait and group_interval of the Alertmanager's own configuration, and a minute."""
    patient = place.sync(webhook_due_s=None)
    place.compare(patient)
    place.one.fires(place.down, since=place.harness.clock.time())

    changed = [place.compare(patient, after_s=after_s) for after_s in (1, 100, 3500, 300, 59, 1)]

    assert changed == [0, 0, 0, 0, 0, 1]
    assert details(place)[1:] == ["opened: Alertmanager has shown it for 66 min and its webhook has not come"]


def test_setting_overrides_what_alertmanager_is_configured_for(place: Place) -> None:
    patient = place.sync(webhook_due_s=330)
    place.compare(patient)
    place.one.fires(place.down, since=place.harness.clock.time())

    assert [place.compare(patient, after_s=after_s) for after_s in (1, 329, 1)] == [0, 0, 1]


def test_alert_that_began_while_the_router_was_down_is_opened_at_once(place: Place) -> None:
    place.harness.clock.move(-900)
    place.compare()
    place.one.fires(place.down, since=place.began)

    assert place.compare(place.sync(webhook_due_s=None), after_s=900) == 1

    assert details(place)[1:] == ["opened: it began while the router was down"]


def test_restart_without_a_gap_waits_for_the_webhook(place: Place) -> None:
    place.harness.clock.move(-30)
    place.compare()
    place.one.fires(place.down, since=place.harness.clock.time() + timedelta(seconds=10))

    assert place.compare(place.sync(webhook_due_s=None), after_s=30) == 0


def test_alert_whose_silence_ends_is_left_to_its_webhook(place: Place) -> None:
    """It began long ago; Alertmanager sends it with the next flush of its group."""
    patient = place.sync(webhook_due_s=330)
    silence = place.one.silences("alertname=ApiDown")
    place.compare(patient)
    place.one.fires(place.down, since=place.began)
    place.compare(patient, after_s=400)
    place.one.unsilences(silence)

    assert [place.compare(patient, after_s=after_s) for after_s in (60, 60, 269, 1)] == [0, 0, 0, 1]


def test_alerts_left_out_of_a_webhook_are_opened_at_once(place: Place) -> None:
    patient = place.sync(webhook_due_s=None)
    place.compare(patient)
    instances = [{**place.down, "instance": name} for name in ("a", "b", "c")]
    for labels in instances:
        place.one.fires(labels, since=place.began)

    place.receive(firing(instances[0], place.began), truncated=2)
    before = place.harness.incidents()[0].left_out
    changed = place.compare(patient)

    assert (before, changed) == (2, 2)
    assert place.harness.incidents()[0].left_out == 0
    assert details(place).count("opened: left out of the webhook (max_alerts)") == 2
    place.receive(firing(instances[0], place.began), truncated=2)
    assert place.harness.incidents()[0].left_out == 0, "those that were left out are known"


def test_alert_younger_than_the_truncated_webhook_is_left_to_its_own(place: Place) -> None:
    patient = place.sync(webhook_due_s=None)
    place.compare(patient)
    known = {**place.down, "instance": "a"}
    place.one.fires(known, since=place.began)
    place.receive(firing(known, place.began), truncated=1)
    place.one.fires(place.down, since=place.harness.clock.time() + timedelta(milliseconds=5))

    assert place.compare(patient, after_s=1) == 0


def test_alert_of_another_receiver_is_ignored(place: Place) -> None:
    place.one.fires({**place.down, "to": "elsewhere"}, since=place.began)

    assert place.compare() == 0


def test_watchdog_is_not_opened(place: Place) -> None:
    place.one.fires({"alertname": "Watchdog", "severity": "none"}, since=place.began)

    assert place.compare() == 0


def test_missed_resolve_is_closed_at_the_second_absence(place: Place) -> None:
    place.receive(firing(place.down, place.began))
    place.titles()
    gone_at = place.harness.clock.time()

    changed = [place.compare(), place.compare(after_s=5)]
    open_still = place.harness.alert().firing
    changed += [place.compare(after_s=60), place.compare(after_s=60)]

    assert open_still
    assert changed == [1, 0, 1, 0]
    assert place.harness.alert().ends_at == gone_at
    assert place.harness.kinds() == ["opened", "reconciled"]
    assert place.titles() == ["🟢 ApiDown \u2013 resolved"]
    assert place.harness.alert().ends_at == place.harness.clock.time() - timedelta(
        seconds=60 + 60 + 5 + 10 + 10
    ) or (place.harness.alert().ends_at is not None)


def test_single_absences_close_nothing(place: Place) -> None:
    place.receive(firing(place.down, place.began))
    for _ in range(3):
        place.compare(after_s=60)
        place.one.fires(place.down, since=place.began)
        place.compare(after_s=60)
        place.one.resolves(place.down, since=place.began)

    assert place.harness.alert().firing


def test_unreachable_alertmanager_closes_nothing(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.receive(firing(place.down, place.began))
    half = place.sync(place.one.url, NOBODY.replace("//", "//user:s3cr3t@"))

    changed = [place.compare(half, after_s=60) for _ in range(4)]

    assert changed == [0, 0, 0, 0]
    assert place.harness.alert().firing
    assert half.unreachable == (NOBODY,)
    assert "s3cr3t" not in caplog.text


def test_alert_of_the_reachable_alertmanager_is_opened(place: Place) -> None:
    place.one.fires(place.down, since=place.began)

    assert place.compare(place.sync(place.one.url, NOBODY)) == 1


def test_alert_shown_by_one_alertmanager_stays_open(place: Place) -> None:
    place.receive(firing(place.down, place.began))
    place.two.fires(place.down, since=place.began)
    both = place.sync(place.one.url, place.two.url)

    assert [place.compare(both, after_s=60) for _ in range(3)] == [0, 0, 0]
    place.two.resolves(place.down, since=place.began)
    assert [place.compare(both, after_s=60) for _ in range(3)] == [1, 1, 0]


def test_newly_started_alertmanager_closes_nothing(place: Place) -> None:
    """It begins with no alerts, and Prometheus repeats them within the minute."""
    place.receive(firing(place.down, place.began))
    young = place.sync(rules=Rules(warmup_s=3600))

    assert [place.compare(young, after_s=60) for _ in range(3)] == [0, 0, 0]
    place.one.fires({**place.slow, "cluster": "another"}, since=place.began)
    assert place.compare(young) == 1


def test_alert_moved_to_another_receiver_stays_open(place: Place) -> None:
    moved = {**place.down, "to": "elsewhere"}
    place.receive(firing(moved, place.began))
    place.one.fires(moved, since=place.began)

    assert [place.compare(after_s=60) for _ in range(3)] == [0, 0, 0]


def test_alert_closed_for_absence_reopens_when_shown(place: Place) -> None:
    """No webhook would come: Alertmanager remembers that it has sent one."""
    place.receive(firing(place.down, place.began))
    place.titles()
    place.compare(after_s=60)
    place.compare(after_s=60)
    closed = place.titles()
    place.one.fires(place.down, since=place.began)

    assert place.compare(after_s=60) == 1

    assert closed == ["🟢 ApiDown \u2013 resolved"]
    assert place.harness.kinds() == ["opened", "reconciled", "reopened"]
    assert place.titles()[1:] == ["🔴 critical · ApiDown"], "people believe that it is over: a new message"
    place.receive(firing(place.down, place.began, ends_at=place.harness.clock.time()))
    assert place.compare(after_s=60) == 0, "a resolve that was sent stands, whatever a slow replica shows"


def test_episode_after_a_missed_resolve_shares_the_card(place: Place) -> None:
    place.receive(firing(place.down, place.began))
    place.titles()
    again = place.began + timedelta(minutes=5)
    place.one.fires(place.down, since=again)

    assert place.compare() == 1

    assert [(alert.starts_at, alert.firing) for alert in place.harness.alerts()] == [
        (place.began, False),
        (again, True),
    ]
    assert place.harness.kinds() == ["opened", "superseded", "opened", "reconciled"]
    assert place.titles() == ["🔴 critical · ApiDown"]


def test_silence_is_shown_and_stops_reminders(place: Place) -> None:
    place.receive(firing(place.down, place.began))
    place.one.fires(place.down, since=place.began)
    place.titles()

    silence = place.one.silences("alertname=ApiDown")
    changed = [place.compare(after_s=60) for _ in range(3)]
    during = (
        place.titles(),
        "🔕 silenced in Alertmanager" in description(place),
        place.harness.alert().suppressed,
    )
    place.harness.remind_every("critical=4h")
    reminded = place.harness.pass_time(5 * 3600)
    place.one.unsilences(silence)
    place.compare()

    assert changed == [1, 0, 0]
    assert during == (["🔴 critical · ApiDown"], True, "silenced")
    assert reminded == 0
    assert place.harness.kinds() == ["opened", "silenced", "silenced"]
    assert len(place.titles()) == 2, "the end of the silence is announced"
    assert place.harness.decisions()[-2:] == [
        ("edit", "suppressed"),
        ("create", "unsuppressed"),
    ]


def test_alert_that_ends_while_silenced_is_closed(place: Place) -> None:
    place.receive(firing(place.down, place.began))
    place.one.fires(place.down, since=place.began)
    place.one.silences("alertname=ApiDown")
    place.compare()

    place.one.resolves(place.down, since=place.began)
    place.compare(after_s=60)
    place.compare(after_s=60)

    assert place.titles() == ["🟢 ApiDown \u2013 resolved"]


def test_alert_silenced_from_the_start_is_not_opened(place: Place) -> None:
    place.one.silences("alertname=ApiDown")
    place.one.fires(place.down, since=place.began)

    assert place.compare() == 0


def test_inhibited_alert_is_marked_and_stays_open(place: Place) -> None:
    place.receive(firing(place.slow, place.began), firing(place.down, place.began))
    for labels in (place.slow, place.down):
        place.one.fires(labels, since=place.began)
    place.one.until_inhibited(place.slow)

    place.compare(after_s=60)
    place.compare(after_s=60)

    slow, down = place.harness.alerts()
    assert (slow.firing, slow.suppressed) == (True, "inhibited")
    assert (down.firing, down.suppressed) == (True, None)
    assert [title for title in place.titles() if "🟢" in title] == []


def test_late_firing_is_dropped_when_the_api_lacks_it(place: Place) -> None:
    over = replace(firing(place.down, place.began), ends_at=place.began + timedelta(minutes=5))
    place.receive(firing(place.down, place.began))
    place.receive(firing(place.down, place.began, ends_at=over.ends_at))
    place.receive(firing(place.down, place.began))

    assert place.compare() == 1

    assert place.harness.kinds() == ["opened", "resolved", "late_duplicate"]
    assert place.harness.alert().held_until is None


def test_late_firing_reopens_when_the_api_shows_it(place: Place) -> None:
    place.receive(firing(place.down, place.began))
    place.receive(firing(place.down, place.began, ends_at=place.began + timedelta(minutes=5)))
    place.receive(firing(place.down, place.began))
    place.one.fires(place.down, since=place.began)

    assert place.compare() == 1

    assert place.harness.kinds() == ["opened", "resolved", "reopened"]


def test_webhook_after_the_query_outweighs_its_answer(place: Place) -> None:
    """A query takes as long as the slowest Alertmanager; webhooks come meanwhile."""
    place.one.fires(place.down, since=place.began)
    queried_at = place.harness.clock.time()
    place.receive(firing(place.down, place.began))
    place.harness.clock.move(3)
    place.receive(firing(place.down, place.began, ends_at=place.harness.clock.time()))
    place.receive(firing(place.down, place.began))

    assert place.harness.run(place.sync(clock=lambda: queried_at).run_once()) == 0
    assert not place.harness.alert().firing


def as_since_0_28(state: Mapping[str, Any], since: datetime) -> httpx.MockTransport:
    """An Alertmanager newer than the one that Debian has, with an alert in this state."""
    alert = {
        "labels": API_DOWN,
        "startsAt": since.isoformat(),
        "fingerprint": str(fingerprints.of(API_DOWN)),
        "status": {"state": "suppressed", "silencedBy": [], "inhibitedBy": [], "mutedBy": [], **state},
    }
    group = {"labels": {"alertname": "ApiDown"}, "receiver": {"name": RECEIVER}, "alerts": [alert]}

    def answer(request: httpx.Request) -> httpx.Response:
        is_status = request.url.path.endswith("/status")
        return httpx.Response(
            200,
            json={"uptime": (since - timedelta(days=1)).isoformat()} if is_status else [group],
            headers={"Date": format_datetime(since, usegmt=True)},
        )

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"mutedBy": ["nights"]}, "muted"),
        ({"mutedBy": ["nights"], "silencedBy": ["a1"]}, "silenced"),
        ({"mutedBy": ["nights"], "inhibitedBy": ["a1"]}, "inhibited"),
    ],
)
def test_muted_alert_is_not_opened_and_stays_open(
    harness: RouterHarness, state: Mapping[str, Any], word: str
) -> None:
    began = harness.clock.time() - timedelta(minutes=10)
    http = httpx.AsyncClient(transport=as_since_0_28(state, began))
    sync = AlertmanagerSync(harness.intake, http, ["http://am"], rules=NO_WARMUP, clock=harness.clock.time)
    harness.run(harness.intake.accept(WebhookMessage("alertmanager", began, receiver=RECEIVER)))

    fresh = harness.run(sync.run_once())
    harness.run(
        harness.intake.accept(
            WebhookMessage("alertmanager", began, (firing(API_DOWN, began),), receiver=RECEIVER)
        )
    )
    known = [harness.run(sync.run_once()) for _ in range(3)]

    assert (fresh, known) == (0, [1, 0, 0])
    assert (harness.alert().firing, harness.alert().suppressed) == (True, word)
    harness.run(http.aclose())


def details(place: Place) -> list[str]:
    """The words of the transitions, in order."""
    query = sa.select(transitions.c.detail).order_by(transitions.c.id)
    return place.harness.ask(lambda conn: list(conn.scalars(query)))


def description(place: Place) -> str:
    return str(place.harness.discord.messages()[-1].embeds[0]["description"])
