"""Whatever two replicas of Alertmanager send, in any order, the final state is correct."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import example, given

from alert_router.domain import alertmanager_diff, lifecycle
from alert_router.domain.alertmanager_diff import Finding
from alert_router.domain.lifecycle import Change
from alert_router.domain.model import Alert, Status, TransitionKind
from testbed.factories import RULES, at, signal_applier
from testbed.replicas import Episode, Notification, Story, stories

HOLD = timedelta(seconds=RULES.hold_s)
SHORT_S = RULES.hold_s / 50
"""Between two notifications: no story lasts longer than the hold."""
ONE = Episode(at(0), at(10))
TWO = Episode(at(20), at(30))
OPEN = Episode(at(40), None)


def notification(episode: Episode, *, firing: bool, after_s: float = 10) -> Notification:
    return Notification(after_s, episode, firing)


LATE_FIRING = Story(
    [ONE],
    [
        notification(ONE, firing=firing, after_s=after_s)
        for firing, after_s in ((True, 1), (False, 1), (True, 130), (False, 130))
    ],
)
"""What a pair with a short group_interval really sends: the second replica comes when the first is done."""
MISSED_RESOLVE = Story(
    [ONE, OPEN],
    [notification(ONE, firing=True), notification(OPEN, firing=True), notification(ONE, firing=False)],
)
LONG_AFTER = Story(
    [ONE, TWO],
    [notification(episode, firing=firing) for episode in (ONE, TWO) for firing in (True, False)]
    + [notification(ONE, firing=True, after_s=500), notification(ONE, firing=False, after_s=500)],
)


class Known:
    """The alerts of one fingerprint, as the store would have them."""

    def __init__(self) -> None:
        self.alerts: dict[int, Alert] = {}
        self.changes: list[Change] = []
        self._apply = signal_applier()

    @property
    def newest(self) -> Alert | None:
        return max(self.alerts.values(), key=lambda alert: alert.starts_at, default=None)

    def receive(self, notification: Notification, now: datetime) -> None:
        self.pass_time(now)
        self._store(self._apply(self.newest, notification.signal(), now))

    def pass_time(self, now: datetime) -> None:
        for alert in list(self.alerts.values()):
            change = lifecycle.apply_time(alert, now, rules=RULES)
            if change is not None:
                self._store(change)

    def kinds(self) -> Iterator[TransitionKind]:
        return (transition.kind for change in self.changes for transition in change.transitions)

    def has_final_state_of(self, story: Story) -> bool:
        newest, last = self.newest, story.last
        assert newest is not None
        status = Status.FIRING if last.ends_at is None else Status.RESOLVED
        return (newest.starts_at, newest.ends_at, newest.status) == (last.starts_at, last.ends_at, status)

    def _store(self, change: Change) -> None:
        self.changes.append(change)
        self.alerts.update({alert.id: alert for alert in change.alerts})


def receive_all(story: Story) -> Known:
    """Everything that was sent, and the hold after it."""
    known, now = Known(), story.earliest_arrival
    for now, notification in story.moments():
        known.receive(notification, now)
    known.pass_time(now + HOLD)
    return known


@given(stories(max_gap_s=400))
@example(LATE_FIRING)
@example(MISSED_RESOLVE)
def test_final_state_is_correct_after_the_hold(story: Story) -> None:
    assert receive_all(story).has_final_state_of(story)


@given(stories(max_gap_s=SHORT_S, both_see_the_last=False))
def test_replica_within_the_hold_may_miss_the_last_episode(story: Story) -> None:
    known = receive_all(story)

    assert known.has_final_state_of(story)
    assert TransitionKind.REOPENED not in known.kinds()


def test_unanswered_firing_of_an_earlier_episode_reopens() -> None:
    """It may as well be a replica that has merged the episodes and is the only one left: ADR 6."""
    known = receive_all(LONG_AFTER)

    assert known.newest is not None
    assert (known.newest.starts_at, known.newest.firing) == (TWO.starts_at, True)
    assert list(known.kinds()).count(TransitionKind.REOPENED) == 1


def test_alertmanager_api_settles_a_late_firing_at_once() -> None:
    known, now = Known(), at(0)
    for now, notification in LONG_AFTER.moments():
        known.receive(notification, now)
        newest = known.newest
        assert newest is not None
        finding = alertmanager_diff.classify(newest, None, now, complete=True, rules=RULES)
        if newest.held_until is not None:
            assert finding is Finding.LATE_DUPLICATE
            change = alertmanager_diff.apply_finding(finding, newest, None, now)
            known.alerts[newest.id] = change.alert
    known.pass_time(now + HOLD)

    assert known.has_final_state_of(LONG_AFTER)
    assert TransitionKind.REOPENED not in known.kinds()


def test_wrongly_reopened_alert_is_closed_by_two_absences() -> None:
    newest, now = receive_all(LONG_AFTER).newest, at(1000)
    assert newest is not None

    first = alertmanager_diff.classify(newest, None, now, complete=True, rules=RULES)
    absent = replace(newest, absent_since=now)
    second = alertmanager_diff.classify(absent, None, now + timedelta(minutes=1), complete=True, rules=RULES)

    assert (first, second) == (Finding.ABSENT, Finding.MISSED_RESOLVE)
    assert not alertmanager_diff.apply_finding(second, absent, None, now).alert.firing


@given(stories(max_gap_s=400))
@example(LONG_AFTER)
def test_every_stored_episode_is_real_and_unique(story: Story) -> None:
    known = receive_all(story)

    starts = [alert.starts_at for alert in known.alerts.values()]
    assert len(set(starts)) == len(starts)
    assert set(starts) <= {episode.starts_at for episode in story.episodes}


@given(stories(max_gap_s=400))
def test_only_the_newest_alert_of_a_label_set_fires(story: Story) -> None:
    known = receive_all(story)

    assert [a for a in known.alerts.values() if a.firing and a is not known.newest] == []
    assert [a for a in known.alerts.values() if a.ends_at and a.ends_at < a.starts_at] == []


@given(stories(max_gap_s=400))
@example(LATE_FIRING)
def test_resolve_from_any_replica_resolves_at_once(story: Story) -> None:
    known = Known()

    for now, notification in story.moments():
        known.receive(notification, now)

        newest = known.newest
        assert newest is not None
        if notification.episode == story.last and not notification.firing:
            assert not newest.firing


@given(stories(max_gap_s=400))
def test_notifications_sent_again_add_no_episode(story: Story) -> None:
    known = receive_all(story)
    before = len(known.alerts)

    for now, notification in story.moments():
        known.receive(notification, now + timedelta(days=1))
    known.pass_time(story.earliest_arrival + timedelta(days=9))

    assert len(known.alerts) == before
