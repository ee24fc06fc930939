"""Whatever two replicas of Alertmanager send, in whatever order: in the end the truth is told, once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import example, given

from alert_router.domain import alertmanager_diff, lifecycle
from alert_router.domain.alertmanager_diff import Finding
from alert_router.domain.lifecycle import Step
from alert_router.domain.model import Alert, Status, TransitionKind
from testbed.factories import RULES, advancing, at
from testbed.replicas import Episode, Saying, Story, stories

HOLD = timedelta(seconds=RULES.hold_s)
SHORT_S = RULES.hold_s / 50
"""Between two sayings: no story is longer than the hold."""
ONE = Episode(at(0), at(10))
TWO = Episode(at(20), at(30))
OPEN = Episode(at(40), None)


def saying(episode: Episode, *, firing: bool, after_s: float = 10) -> Saying:
    return Saying(after_s, episode, firing)


LATE_FIRING = Story(
    [ONE],
    [
        saying(ONE, firing=firing, after_s=after_s)
        for firing, after_s in ((True, 1), (False, 1), (True, 130), (False, 130))
    ],
)
"""What a pair with a short group_interval really sends: the second replica comes when the first is done."""
MISSED_RESOLVE = Story(
    [ONE, OPEN], [saying(ONE, firing=True), saying(OPEN, firing=True), saying(ONE, firing=False)]
)
LONG_AFTER = Story(
    [ONE, TWO],
    [saying(episode, firing=firing) for episode in (ONE, TWO) for firing in (True, False)]
    + [saying(ONE, firing=True, after_s=500), saying(ONE, firing=False, after_s=500)],
)


class Known:
    """The alerts of one fingerprint, as the store would have them."""

    def __init__(self) -> None:
        self.alerts: dict[int, Alert] = {}
        self.steps: list[Step] = []
        self._advance = advancing()

    @property
    def newest(self) -> Alert | None:
        return max(self.alerts.values(), key=lambda alert: alert.starts_at, default=None)

    def hear(self, saying: Saying, now: datetime) -> None:
        self.pass_time(now)
        self._take(self._advance(self.newest, saying.signal(), now))

    def pass_time(self, now: datetime) -> None:
        for alert in list(self.alerts.values()):
            step = lifecycle.expire(alert, now, rules=RULES)
            if step is not None:
                self._take(step)

    def kinds(self) -> Iterator[TransitionKind]:
        return (fact.kind for step in self.steps for fact in step.transitions)

    def is_the_truth_of(self, story: Story) -> bool:
        newest, last = self.newest, story.last
        assert newest is not None
        status = Status.FIRING if last.ends_at is None else Status.RESOLVED
        return (newest.starts_at, newest.ends_at, newest.status) == (last.starts_at, last.ends_at, status)

    def _take(self, step: Step) -> None:
        self.steps.append(step)
        self.alerts.update({alert.id: alert for alert in step.alerts})


def tell(story: Story) -> Known:
    """Everything that was sent, and the hold after it."""
    known, now = Known(), story.told_from
    for now, one in story.moments():
        known.hear(one, now)
    known.pass_time(now + HOLD)
    return known


@given(stories(most_gap_s=400))
@example(LATE_FIRING)
@example(MISSED_RESOLVE)
def test_the_end_state_is_the_truth_once_the_hold_is_over(story: Story) -> None:
    assert tell(story).is_the_truth_of(story)


@given(stories(most_gap_s=SHORT_S, both_see_the_last=False))
def test_a_replica_within_the_hold_may_miss_even_the_last_episode(story: Story) -> None:
    known = tell(story)

    assert known.is_the_truth_of(story)
    assert TransitionKind.REOPENED not in known.kinds()


def test_an_earlier_episodes_firing_that_nobody_takes_back_within_the_hold_is_told_rather_than_dropped() -> (
    None
):
    """It may as well be a replica that has merged the episodes and is the only one left: ADR 6."""
    known = tell(LONG_AFTER)

    assert known.newest is not None
    assert (known.newest.starts_at, known.newest.firing) == (TWO.starts_at, True)
    assert list(known.kinds()).count(TransitionKind.REOPENED) == 1


def test_where_alertmanager_can_be_asked_such_a_firing_is_decided_at_once_and_tells_nobody() -> None:
    known, now = Known(), at(0)
    for now, one in LONG_AFTER.moments():
        known.hear(one, now)
        newest = known.newest
        assert newest is not None
        asked = alertmanager_diff.judge(newest, None, now, complete=True, rules=RULES)
        if newest.held_until is not None:
            assert asked is Finding.WAS_LATE
            known.alerts[newest.id] = alertmanager_diff.was_late(newest, now)[0]
    known.pass_time(now + HOLD)

    assert known.is_the_truth_of(LONG_AFTER)
    assert TransitionKind.REOPENED not in known.kinds()


def test_one_that_was_told_while_nobody_could_be_asked_is_closed_by_two_absences() -> None:
    newest, now = tell(LONG_AFTER).newest, at(1000)
    assert newest is not None

    first = alertmanager_diff.judge(newest, None, now, complete=True, rules=RULES)
    absent = replace(newest, absent_since=now)
    second = alertmanager_diff.judge(absent, None, now + timedelta(minutes=1), complete=True, rules=RULES)

    assert (first, second) == (Finding.ABSENT, Finding.MISSED_RESOLVE)
    assert not alertmanager_diff.closed(absent, now)[0].firing


@given(stories(most_gap_s=400))
@example(LONG_AFTER)
def test_no_episode_is_stored_twice_and_none_is_invented(story: Story) -> None:
    known = tell(story)

    starts = [alert.starts_at for alert in known.alerts.values()]
    assert len(set(starts)) == len(starts)
    assert set(starts) <= {episode.starts_at for episode in story.episodes}


@given(stories(most_gap_s=400))
def test_only_the_newest_alert_of_a_label_set_ever_fires_and_none_ends_before_it_starts(story: Story) -> None:
    known = tell(story)

    assert [a for a in known.alerts.values() if a.firing and a is not known.newest] == []
    assert [a for a in known.alerts.values() if a.ends_at and a.ends_at < a.starts_at] == []


@given(stories(most_gap_s=400))
@example(LATE_FIRING)
def test_the_word_of_its_end_ends_an_alert_at_once_whoever_speaks(story: Story) -> None:
    known = Known()

    for now, one in story.moments():
        known.hear(one, now)

        newest = known.newest
        assert newest is not None
        if one.episode == story.last and not one.firing:
            assert not newest.firing


@given(stories(most_gap_s=400))
def test_a_story_told_twice_adds_no_episode(story: Story) -> None:
    known = tell(story)
    before = len(known.alerts)

    for now, one in story.moments():
        known.hear(one, now + timedelta(days=1))
    known.pass_time(story.told_from + timedelta(days=9))

    assert len(known.alerts) == before
