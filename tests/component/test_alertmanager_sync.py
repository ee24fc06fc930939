"""What real Alertmanagers have, against what we have: nothing stays missed, and a silence is no end."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from alert_router.domain.model import Rules
from alert_router.services.alertmanager_sync import Reconcile
from alert_router.services.intake import Batch
from alert_router.sources import fingerprints
from testbed.alertmanagers import Alertmanager, pair
from testbed.factories import API_DOWN, make_signal
from testbed.router_harness import RouterHarness

pytestmark = pytest.mark.e2e
RECEIVER = "alert-router.test"
NOBODY = "http://127.0.0.1:9"
NO_WARMUP = Rules(warmup_s=0)


@pytest.fixture(scope="module")
def real_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    with pair(tmp_path_factory.mktemp("alertmanagers")) as made:
        yield made


@pytest.fixture
def alertmanagers(
    real_pair: tuple[Alertmanager, Alertmanager],
) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    yield real_pair
    for one in real_pair:
        one.clear()


class Place:
    """A router that knows its receiver's name, on the time of day of the Alertmanagers."""

    def __init__(self, harness: RouterHarness, alertmanagers: tuple[Alertmanager, Alertmanager]) -> None:
        self.harness = harness
        self.one, self.two = alertmanagers
        harness.clock.now = time.time()
        # Alertmanager's API tells milliseconds.
        self.began = (harness.clock.time() - timedelta(minutes=10)).replace(microsecond=123_000)
        # Of one's own: Alertmanager would merge them with an earlier test's.
        cluster = uuid4().hex
        self.down = {"alertname": "ApiDown", "severity": "critical", "cluster": cluster}
        self.slow = {"alertname": "ApiSlow", "severity": "warning", "cluster": cluster}
        self.http = httpx.AsyncClient()
        self.hears()

    def hears(self, *signals: Any) -> None:
        batch = Batch(signals, self.harness.clock.time(), receiver=RECEIVER)
        self.harness.run(self.harness.intake.accept(batch))

    def comparing(self, *urls: str, rules: Rules = NO_WARMUP) -> Reconcile:
        return Reconcile(self.harness.intake, self.http, urls or (self.one.url,), rules=rules)

    def looks(self, reconcile: Reconcile | None = None, *, after_s: float = 0) -> int:
        self.harness.clock.move(after_s)
        return self.harness.run((reconcile or self.comparing()).turn(self.harness.clock.time()))

    def told(self) -> list[str]:
        self.harness.deliver_for(10)
        return [message.embeds[0]["title"] for message in self.harness.discord.messages()]


@pytest.fixture
def place(harness: RouterHarness, alertmanagers: tuple[Alertmanager, Alertmanager]) -> Iterator[Place]:
    made = Place(harness, alertmanagers)
    yield made
    harness.run(made.http.aclose())


def firing(labels: dict[str, str], since: datetime, **changes: Any) -> Any:
    return make_signal(labels, starts_at=since, fingerprint=fingerprints.of(labels), **changes)


def test_a_firing_we_missed_is_opened_in_its_group_and_marked(place: Place) -> None:
    place.one.fires(place.down, since=place.began)

    assert place.looks() == 1

    assert place.harness.kinds() == ["opened", "reconciled"]
    assert place.harness.incidents()[0].group_labels == {"alertname": "ApiDown"}
    assert place.harness.alert().starts_at == place.began
    assert place.told() == ["🔴 ApiDown"]
    assert place.looks() == 0


def test_the_webhook_of_what_was_opened_tells_no_second_episode(place: Place) -> None:
    """It tells the start in nanoseconds, the API in milliseconds."""
    exact = place.began + timedelta(microseconds=456)
    place.one.fires(place.down, since=exact)
    place.looks()

    place.hears(firing(place.down, exact))
    place.looks(after_s=60)

    assert [alert.starts_at for alert in place.harness.alerts()] == [place.began]
    place.hears(firing(place.down, exact, ends_at=exact + timedelta(minutes=9)))
    assert place.harness.kinds() == ["opened", "reconciled", "resolved"]


def test_one_that_has_just_begun_is_left_to_its_webhook(place: Place) -> None:
    place.one.fires(place.down, since=place.harness.clock.time())

    assert place.looks() == 0
    assert place.looks(after_s=61) == 1


def test_what_is_routed_to_somebody_else_is_not_ours(place: Place) -> None:
    place.one.fires({**place.down, "to": "elsewhere"}, since=place.began)

    assert place.looks() == 0


def test_a_watchdog_is_no_alert(place: Place) -> None:
    place.one.fires({"alertname": "Watchdog", "severity": "none"}, since=place.began)

    assert place.looks() == 0


def test_a_resolve_we_missed_is_closed_at_the_second_absence_and_marked(place: Place) -> None:
    place.hears(firing(place.down, place.began))
    place.told()
    gone_at = place.harness.clock.time()

    changed = [place.looks(), place.looks(after_s=5)]
    open_still = place.harness.alert().firing
    changed += [place.looks(after_s=60), place.looks(after_s=60)]

    assert open_still
    assert changed == [1, 0, 1, 0]
    assert place.harness.alert().ends_at == gone_at
    assert place.harness.kinds() == ["opened", "reconciled"]
    assert place.told() == ["🟢 ApiDown \u2013 resolved"]
    assert place.harness.alert().ends_at == place.harness.clock.time() - timedelta(
        seconds=60 + 60 + 5 + 10 + 10
    ) or (place.harness.alert().ends_at is not None)


def test_one_absence_among_sightings_means_nothing(place: Place) -> None:
    place.hears(firing(place.down, place.began))
    for _ in range(3):
        place.looks(after_s=60)
        place.one.fires(place.down, since=place.began)
        place.looks(after_s=60)
        place.one.resolves(place.down, since=place.began)

    assert place.harness.alert().firing


def test_an_alertmanager_that_is_down_is_not_one_without_alerts(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.hears(firing(place.down, place.began))
    half = place.comparing(place.one.url, NOBODY.replace("//", "//user:s3cr3t@"))

    changed = [place.looks(half, after_s=60) for _ in range(4)]

    assert changed == [0, 0, 0, 0]
    assert place.harness.alert().firing
    assert half.away == (NOBODY,)
    assert "s3cr3t" not in caplog.text


def test_what_the_one_that_answers_shows_is_taken(place: Place) -> None:
    place.one.fires(place.down, since=place.began)

    assert place.looks(place.comparing(place.one.url, NOBODY)) == 1


def test_what_one_of_two_still_has_is_not_over(place: Place) -> None:
    place.hears(firing(place.down, place.began))
    place.two.fires(place.down, since=place.began)
    both = place.comparing(place.one.url, place.two.url)

    assert [place.looks(both, after_s=60) for _ in range(3)] == [0, 0, 0]
    place.two.resolves(place.down, since=place.began)
    assert [place.looks(both, after_s=60) for _ in range(3)] == [1, 1, 0]


def test_an_alertmanager_that_has_just_started_closes_nothing(place: Place) -> None:
    """It begins with no alerts, and Prometheus repeats them within the minute."""
    place.hears(firing(place.down, place.began))
    shipped = place.comparing(rules=Rules(warmup_s=3600))

    assert [place.looks(shipped, after_s=60) for _ in range(3)] == [0, 0, 0]
    place.one.fires({**place.slow, "cluster": "another"}, since=place.began)
    assert place.looks(shipped) == 1


def test_what_goes_to_another_receiver_now_is_not_over(place: Place) -> None:
    moved = {**place.down, "to": "elsewhere"}
    place.hears(firing(moved, place.began))
    place.one.fires(moved, since=place.began)

    assert [place.looks(after_s=60) for _ in range(3)] == [0, 0, 0]


def test_what_was_closed_for_its_absence_reopens_when_it_is_shown_again(place: Place) -> None:
    """No webhook would come: Alertmanager remembers that it has told us."""
    place.hears(firing(place.down, place.began))
    place.told()
    place.looks(after_s=60)
    place.looks(after_s=60)
    closed = place.told()
    place.one.fires(place.down, since=place.began)

    assert place.looks(after_s=60) == 1

    assert closed == ["🟢 ApiDown \u2013 resolved"]
    assert place.harness.kinds() == ["opened", "reconciled", "reopened"]
    assert place.told() == ["🔴 ApiDown"]
    place.hears(firing(place.down, place.began, ends_at=place.harness.clock.time()))
    assert place.looks(after_s=60) == 0, "an end that we were told stands, whatever a slow replica shows"


def test_a_new_episode_behind_a_missed_resolve_is_told_in_the_same_card(place: Place) -> None:
    place.hears(firing(place.down, place.began))
    place.told()
    again = place.began + timedelta(minutes=5)
    place.one.fires(place.down, since=again)

    assert place.looks() == 1

    assert [(alert.starts_at, alert.firing) for alert in place.harness.alerts()] == [
        (place.began, False),
        (again, True),
    ]
    assert place.harness.kinds() == ["opened", "superseded", "opened", "reconciled"]
    assert place.told() == ["🔴 ApiDown"]


def test_a_silence_is_marked_on_the_card_and_is_no_end_nor_a_reminder(place: Place) -> None:
    place.hears(firing(place.down, place.began))
    place.one.fires(place.down, since=place.began)
    place.told()

    silence = place.one.silences("alertname=ApiDown")
    changed = [place.looks(after_s=60) for _ in range(3)]
    during = place.told(), fields(place).get("Quiet"), place.harness.alert().suppressed
    reminded = place.harness.pass_time(5 * 3600, remind_every_s={"critical": 4 * 3600})
    place.one.unsilences(silence)
    place.looks()
    place.told()

    assert changed == [1, 0, 0]
    assert during == (["🔴 ApiDown"], "silenced", "silenced")
    assert reminded == 0
    assert place.harness.kinds() == ["opened", "silenced", "silenced"]
    assert "Quiet" not in fields(place)
    assert place.harness.pass_time(0, remind_every_s={"critical": 4 * 3600}) == 1


def test_what_ends_under_a_silence_is_closed_though_no_webhook_says_so(place: Place) -> None:
    place.hears(firing(place.down, place.began))
    place.one.fires(place.down, since=place.began)
    place.one.silences("alertname=ApiDown")
    place.looks()

    place.one.resolves(place.down, since=place.began)
    place.looks(after_s=60)
    place.looks(after_s=60)

    assert place.told() == ["🟢 ApiDown \u2013 resolved"]


def test_a_silence_from_the_start_is_respected(place: Place) -> None:
    place.one.silences("alertname=ApiDown")
    place.one.fires(place.down, since=place.began)

    assert place.looks() == 0


def test_an_inhibited_alert_is_marked_so_and_is_no_end(place: Place) -> None:
    place.hears(firing(place.slow, place.began), firing(place.down, place.began))
    for labels in (place.slow, place.down):
        place.one.fires(labels, since=place.began)
    place.one.until_inhibited(place.slow)

    place.looks(after_s=60)
    place.looks(after_s=60)

    slow, down = place.harness.alerts()
    assert (slow.firing, slow.suppressed) == (True, "inhibited")
    assert (down.firing, down.suppressed) == (True, None)
    assert [title for title in place.told() if "🟢" in title] == []


def test_a_late_firing_is_decided_at_once_by_asking(place: Place) -> None:
    over = replace(firing(place.down, place.began), ends_at=place.began + timedelta(minutes=5))
    place.hears(firing(place.down, place.began))
    place.hears(firing(place.down, place.began, ends_at=over.ends_at))
    place.hears(firing(place.down, place.began))

    assert place.looks() == 1

    assert place.harness.kinds() == ["opened", "resolved", "late_duplicate"]
    assert place.harness.alert().held_until is None


def test_a_late_firing_that_is_true_reopens_at_once(place: Place) -> None:
    place.hears(firing(place.down, place.began))
    place.hears(firing(place.down, place.began, ends_at=place.began + timedelta(minutes=5)))
    place.hears(firing(place.down, place.began))
    place.one.fires(place.down, since=place.began)

    assert place.looks() == 1

    assert place.harness.kinds() == ["opened", "resolved", "reopened"]


def test_what_was_heard_after_we_looked_is_not_overruled_by_what_we_saw(place: Place) -> None:
    """The look takes as long as the slowest Alertmanager; webhooks come meanwhile."""
    place.one.fires(place.down, since=place.began)
    looked_at = place.harness.clock.time()
    place.hears(firing(place.down, place.began))
    place.harness.clock.move(3)
    place.hears(firing(place.down, place.began, ends_at=place.harness.clock.time()))
    place.hears(firing(place.down, place.began))

    assert place.harness.run(place.comparing().turn(looked_at)) == 0
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
        asked_for_status = request.url.path.endswith("/status")
        return httpx.Response(
            200,
            json={"uptime": (since - timedelta(days=1)).isoformat()} if asked_for_status else [group],
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
def test_what_a_time_interval_mutes_is_not_told_and_is_no_end(
    harness: RouterHarness, state: Mapping[str, Any], word: str
) -> None:
    began = harness.clock.time() - timedelta(minutes=10)
    http = httpx.AsyncClient(transport=as_since_0_28(state, began))
    reconcile = Reconcile(harness.intake, http, ["http://am"], rules=NO_WARMUP)
    harness.run(harness.intake.accept(Batch((), began, receiver=RECEIVER)))

    fresh = harness.run(reconcile.turn(harness.clock.time()))
    harness.run(harness.intake.accept(Batch((firing(API_DOWN, began),), began, receiver=RECEIVER)))
    known = [harness.run(reconcile.turn(harness.clock.time())) for _ in range(3)]

    assert (fresh, known) == (0, [1, 0, 0])
    assert (harness.alert().firing, harness.alert().suppressed) == (True, word)
    harness.run(http.aclose())


def fields(place: Place) -> dict[str, str]:
    return {one["name"]: one["value"] for one in place.harness.discord.messages()[-1].embeds[0]["fields"]}
