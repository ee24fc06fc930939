"""Hours of alerts against somebody who reads only the new messages of one channel."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.domain import notify, notify_news
from alert_router.domain.notify_values import (
    Action,
    Beginning,
    Decision,
    Episode,
    Policy,
    Posted,
    Quiet,
    Reason,
    Situation,
)
from alert_router.domain.severity import Severity

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MAX_DELAY_S = 90

LATEST = {Severity.CRITICAL: 10 * MINUTE, Severity.ERROR: 15 * MINUTE, Severity.WARNING: 30 * MINUTE}
"""How late an episode may be announced, counted from its beginning."""
LATEST_ACKNOWLEDGED = {
    Severity.CRITICAL: 10 * MINUTE,
    Severity.ERROR: 50 * MINUTE,
    Severity.WARNING: 300 * MINUTE,
}
SHARE_OF_HOUR = {Severity.CRITICAL: 8, Severity.ERROR: 7, Severity.WARNING: 6}
"""So many messages within an hour excuse that one of this severity is later."""
NO_NEWS = frozenset({Reason.FIRST, Reason.QUIET_HOURS_OVER, Reason.REMINDER, Reason.RESOLVED})
"""The reasons that need no episode that nobody has announced."""

POLICIES = (
    Policy(),
    Policy(notify_resolved=True),
    Policy(remind_every={Severity.CRITICAL: 12 * MINUTE, Severity.WARNING: 2 * HOUR}),
    Policy(notify_resolved=True, remind_every=dict.fromkeys(Severity, MINUTE)),
)


@dataclass
class Reader:
    """Knows what the new messages showed, and nothing else."""

    known: set[tuple[int, int]] = field(default_factory=set)
    """Episodes, each with the revision at which it began to count."""
    messages: list[datetime] = field(default_factory=list)

    def read(self, at: datetime, shown: set[tuple[int, int]]) -> None:
        self.messages.append(at)
        self.known |= shown

    def within_the_hour(self, at: datetime) -> int:
        return sum(at - HOUR < message <= at for message in self.messages)


@dataclass
class Create:
    reads_at: datetime
    posts_at: datetime
    shows: tuple[Episode, ...] | None = None
    revision: int = 0


@dataclass
class World:
    """One incident in one channel: its rows, the worker that posts, and the clock."""

    policy: Policy
    draw: random.Random
    max_delay_s: int = MAX_DELAY_S
    now: datetime = START
    revision: int = 0
    episodes: dict[int, Episode] = field(default_factory=dict)
    posts: list[Posted] = field(default_factory=list)
    create: Create | None = None
    acknowledged: bool = False
    eligible_since: datetime = START
    """Since when neither quiet hours nor an acknowledgement have come or gone."""
    quiet: Quiet = field(default_factory=Quiet)
    due_at: datetime | None = None
    reader: Reader = field(default_factory=Reader)
    reasons: list[Reason] = field(default_factory=list)
    latest: timedelta = timedelta(0)
    """The longest that a critical alert had to wait, whatever the excuse."""

    # What is stored, and nothing else, makes the decision.

    def situation(self) -> Situation:
        return Situation(
            episodes=tuple(self.episodes.values()),
            current=self.posts[-1] if self.posts else None,
            recent=tuple(post for post in self.posts if post.at > self.now - HOUR),
            pending=self.create is not None,
            acknowledged=self.acknowledged,
            quiet=self.quiet,
        )

    def decide(self) -> Decision:
        return notify.decide(self.situation(), self.policy, self.now)

    def ask(self) -> None:
        decision = self.decide()
        assert decision.due_at is None or decision.due_at > self.now
        self.due_at = decision.due_at
        if decision.action is not Action.CREATE:
            return
        self.check_is_news(decision)
        reads_at = self.now + timedelta(seconds=self.draw.uniform(0, self.max_delay_s))
        posts_at = reads_at + timedelta(seconds=self.draw.uniform(0, min(5, self.max_delay_s)))
        self.create = Create(reads_at, posts_at)
        self.reasons.append(decision.reason)
        again = self.decide()
        assert (again.action, again.reason, again.due_at) == (Action.NONE, Reason.PENDING, None)

    # Time.

    def advance(self, until: datetime) -> None:
        while (at := min(self.wakes(), default=until)) < until:
            self.pass_time(at)
            self.wake()
        self.pass_time(until)
        self.wake()

    def wakes(self) -> list[datetime]:
        moments = [self.due_at, self.quiet.until]
        if self.create is not None:
            moments.append(self.create.posts_at if self.create.shows is not None else self.create.reads_at)
        return [moment for moment in moments if moment is not None]

    def pass_time(self, until: datetime) -> None:
        """Nothing happens in between, so nothing may become due."""
        if until > self.now:
            between = self.now + self.draw.random() * (until - self.now)
            early = replace(self.situation(), recent=tuple(self.posts))
            assert notify.decide(early, self.policy, between).action is not Action.CREATE
        self.now = max(self.now, until)
        self.check()

    def wake(self) -> None:
        if self.create is not None and self.create.shows is None and self.create.reads_at <= self.now:
            self.create.shows, self.create.revision = tuple(self.episodes.values()), self.revision
        if self.create is not None and self.create.posts_at <= self.now:
            self.post(self.create)
        if self.quiet.until is not None and self.quiet.until <= self.now:
            self.quiet = replace(self.quiet, until=None, ended_at=self.now)
            self.eligible_since = self.now
        self.ask()

    def post(self, create: Create) -> None:
        shows = create.shows or ()
        worst = notify_news.worst_firing(shows)
        self.create = None
        self.posts.append(Posted(self.now, create.revision, worst.severity if worst else None))
        self.reader.read(self.now, {(each.id, each.revision) for each in shows})
        unchanged = create.revision == self.revision
        decision = self.decide()
        assert not (unchanged and decision.action is Action.CREATE)

    # What the reader may expect.

    def check_is_news(self, decision: Decision) -> None:
        news = {(id_, self.episodes[id_].revision) for id_ in decision.news}
        assert not news & self.reader.known
        assert not {episode.id for episode in self.known_trouble()} & set(decision.news)
        calm = [*self.calm_messages(), decision.reason]
        assert decision.reason is Reason.WORSE or len(calm) <= 3
        assert news or decision.reason in NO_NEWS

    def check(self) -> None:
        assert self.reader.within_the_hour(self.now) <= 8
        if self.create is None and self.posts:
            for episode in self.due_episodes():
                self.check_is_in_time(episode)
        elif self.create is None and self.quiet.until is None:
            assert all(episode.suppressed for episode in self.episodes.values())

    def check_is_in_time(self, episode: Episode) -> None:
        # The last message lacks it only if it began while that was being sent.
        late = self.now - max(episode.counts_since, self.eligible_since, self.posts[-1].at)
        limits = LATEST_ACKNOWLEDGED if self.acknowledged else LATEST
        just_before = self.now - timedelta.resolution
        excused = self.reader.within_the_hour(just_before) >= SHARE_OF_HOUR[episode.severity]
        assert late <= limits[episode.severity] or excused
        if episode.severity is Severity.CRITICAL:
            self.latest = max(self.latest, late)

    def calm_messages(self) -> list[Reason]:
        """The reasons of the last ten minutes' messages, but for those that were worse than all before."""
        messages = zip(self.posts, self.reasons, strict=False)
        recent = [reason for post, reason in messages if self.now - post.at < 10 * MINUTE]
        return [reason for reason in recent if reason is not Reason.WORSE]

    def due_episodes(self) -> list[Episode]:
        """What the reader must hear of and has not, from this pod or another."""
        known = self.known_trouble()
        return [
            episode
            for episode in self.episodes.values()
            if episode.firing and not episode.suppressed and episode not in known
            if episode.severity >= Severity.WARNING and self.may_ring(episode)
        ]

    def known_trouble(self) -> list[Episode]:
        """What the reader has heard of, from this pod or another."""
        known: list[Episode] = []
        for episode in sorted(self.episodes.values(), key=lambda each: each.revision):
            shown = (episode.id, episode.revision) in self.reader.known
            if not episode.suppressed and (shown or self.is_same_trouble(episode, known)):
                known.append(episode)
        return known

    def may_ring(self, episode: Episode) -> bool:
        passes = self.quiet.passes
        return self.quiet.until is None or (passes is not None and episode.severity >= passes)

    def is_same_trouble(self, episode: Episode, known: list[Episode]) -> bool:
        wait = self.policy.renotify_after.get(episode.severity) or timedelta.max
        return any(
            other.ended_at is None or episode.counts_since - other.ended_at < wait
            for other in known
            if other.identity == episode.identity and other.series != episode.series
        )

    # What happens.

    def begin(self, **values: object) -> Episode:
        self.revision += 1
        counts = {"revision": self.revision, "counts_since": self.now, "firing": True, "ended_at": None}
        id_ = len(self.episodes) + 1
        blank = Episode(id_, f"s{id_}", f"t{id_}", Severity.CRITICAL, True, False, 0, START)
        return self.keep(replace(blank, **(counts | values)))  # type: ignore[arg-type]

    def keep(self, episode: Episode) -> Episode:
        self.episodes[episode.id] = episode
        return episode

    def pick(self, fits: Callable[[Episode], bool]) -> Episode | None:
        fitting = [episode for episode in self.episodes.values() if fits(episode)]
        return self.draw.choice(fitting[-6:]) if fitting else None

    def newest_of(self, series: str) -> Episode:
        return max(
            (each for each in self.episodes.values() if each.series == series), key=lambda each: each.id
        )

    def join(self) -> None:
        self.begin(severity=self.draw.choice(list(Severity)))

    def resolve(self) -> None:
        if episode := self.pick(lambda each: each.firing):
            self.keep(replace(episode, firing=False, ended_at=self.now))

    def resolve_all(self) -> None:
        for episode in list(self.episodes.values()):
            if episode.firing:
                self.keep(replace(episode, firing=False, ended_at=self.now))

    def fire_again(self) -> None:
        old = self.pick(lambda each: not self.newest_of(each.series).firing)
        if old is None:
            return
        old = self.newest_of(old.series)
        if self.draw.random() < 0.5:
            self.begin(series=old.series, identity=old.identity, severity=old.severity)
        else:
            self.begin(**{name: getattr(old, name) for name in ("id", "series", "identity", "severity")})
            self.keep(replace(self.episodes[old.id], beginning=Beginning.REOPENED))

    def supersede(self) -> None:
        if old := self.pick(lambda each: each.firing):
            self.keep(replace(old, firing=False, ended_at=self.now))
            self.begin(series=old.series, identity=old.identity, severity=old.severity)

    def replace_pod(self) -> None:
        if old := self.pick(lambda each: each.firing and not each.suppressed):
            if self.draw.random() < 0.7:
                self.keep(replace(old, firing=False, ended_at=self.now))
            if self.draw.random() < 0.5:
                self.ask()
                self.advance(self.now + timedelta(seconds=self.draw.uniform(0, 120)))
            self.begin(identity=old.identity, severity=old.severity)

    def silence(self) -> None:
        if episode := self.pick(lambda each: each.firing and not each.suppressed):
            self.keep(replace(episode, suppressed=True))

    def unsilence(self) -> None:
        if episode := self.pick(lambda each: each.firing and each.suppressed):
            self.revision += 1
            self.keep(
                replace(
                    episode,
                    suppressed=False,
                    revision=self.revision,
                    counts_since=self.now,
                    beginning=Beginning.UNSUPPRESSED,
                )
            )

    def go_quiet(self) -> None:
        if self.quiet.until is None:
            passes = self.draw.choice([None, Severity.CRITICAL])
            self.quiet = Quiet(self.now + self.draw.uniform(5, 90) * MINUTE, passes)
            self.eligible_since = self.now

    def acknowledge(self) -> None:
        self.acknowledged = not self.acknowledged
        self.eligible_since = self.now

    def restart(self) -> None:
        """What the process remembered is gone; it asks about everything that is stored."""
        due_at, self.due_at = self.due_at, None
        assert self.decide().due_at == due_at


HAPPENINGS: dict[str, int] = {
    "join": 6,
    "resolve": 6,
    "fire_again": 8,
    "supersede": 2,
    "replace_pod": 3,
    "silence": 1,
    "unsilence": 2,
    "go_quiet": 1,
    "acknowledge": 1,
    "restart": 1,
}


def play(world: World, steps: list[tuple[str, float]]) -> World:
    for name, seconds in steps:
        getattr(world, name)()
        world.ask()
        world.advance(world.now + timedelta(seconds=seconds))
    world.advance(world.now + 6 * HOUR)
    return world


def random_steps(draw: random.Random, hours: float) -> list[tuple[str, float]]:
    """Busy minutes and idle ones, in the order of chance."""
    steps: list[tuple[str, float]] = []
    while sum(seconds for _, seconds in steps) < hours * 3600:
        mean = draw.choice([3, 30, 120, 900])
        names = draw.choices(list(HAPPENINGS), list(HAPPENINGS.values()), k=draw.randint(1, 15))
        steps += [(name, draw.expovariate(1 / mean)) for name in names]
    return steps


@pytest.mark.parametrize("policy", POLICIES)
@given(
    steps=st.lists(st.tuples(st.sampled_from(list(HAPPENINGS)), st.floats(0, 2000)), max_size=40),
    seed=st.integers(0, 2**32),
)
def test_new_messages_announce_every_alert(policy: Policy, steps: list[tuple[str, float]], seed: int) -> None:
    play(World(policy, random.Random(seed)), steps)  # noqa: S311 - a seed, not a secret


def play_random_hours(seed: int) -> World:
    draw = random.Random(seed)  # noqa: S311 - a seed, not a secret
    world = World(POLICIES[seed % len(POLICIES)], draw, max_delay_s=draw.choice([0, MAX_DELAY_S]))
    return play(world, random_steps(draw, hours=5))


@pytest.mark.parametrize("seed", range(40))
def test_new_messages_announce_every_alert_over_random_hours(seed: int) -> None:
    assert play_random_hours(seed).latest <= 20 * MINUTE


def test_random_hours_contain_every_reason_for_a_message() -> None:
    reasons = {reason for seed in range(12) for reason in play_random_hours(seed).reasons}

    assert reasons == {
        Reason.FIRST,
        Reason.NEW_ALERTS,
        Reason.WORSE,
        Reason.FIRES_AGAIN,
        Reason.UNSUPPRESSED,
        Reason.QUIET_HOURS_OVER,
        Reason.REMINDER,
        Reason.RESOLVED,
    }


@pytest.mark.parametrize("period_s", [45, 61, 180, 300, 601, 1200])
@pytest.mark.parametrize("severities", [[Severity.CRITICAL], list(Severity)], ids=["critical", "rising"])
def test_flapping_alert_is_bounded_and_announced_when_it_fires_for_good(
    severities: list[Severity], period_s: float
) -> None:
    world = World(POLICIES[0], random.Random(period_s), max_delay_s=0)  # noqa: S311 - a seed, not a secret
    for severity in severities:
        world.begin(severity=severity)
        world.ask()
        world.advance(world.now + SECOND)
    while world.now < START + 3 * HOUR:
        for step in (world.resolve_all, lambda: world.begin(series="s0")):
            step()
            world.ask()
            world.advance(world.now + period_s / 2 * SECOND)

    world.advance(world.now + HOUR)

    assert not world.due_episodes()
    assert max(world.reader.within_the_hour(at) for at in world.reader.messages) <= 8
    assert world.latest <= (10 if len(severities) == 1 else 20) * MINUTE
