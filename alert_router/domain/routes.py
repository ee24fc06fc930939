"""The tree of routes: which channels an alert goes to, and how people are notified there. Pure.

The tree is walked as Alertmanager walks its own: children in order, the first that matches ends the walk
unless it says `continue`, and a route that matches is a target itself only when none of its children is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from alert_router.domain.matchers import Matcher
from alert_router.domain.model import ChannelName, Labels
from alert_router.domain.notify_values import Policy
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a new message notifies beside those who watch the channel."""

    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    here: bool = False

    def __bool__(self) -> bool:
        return bool(self.roles or self.users or self.here)


NOBODY = Mentions()


@dataclass(frozen=True, slots=True)
class Escalation:
    """A message in another channel for an incident that nobody acknowledged."""

    channel: ChannelName
    mentions: Mentions = NOBODY


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """How people are notified in the channel of a route."""

    notify: Policy = field(default_factory=Policy)
    mentions: Mapping[Severity, Mentions] = field(default_factory=lambda: MappingProxyType({}))
    """By exactly this severity."""
    escalate_to: Escalation | None = None
    """Set if and only if `notify.escalate_after` is."""
    quiet_hours: QuietHours | None = None
    silent: Severity | None = None
    """Up to this severity, a new message makes no sound on phones."""

    def mentions_for(self, severity: Severity) -> Mentions:
        return self.mentions.get(severity, NOBODY)

    def is_silent(self, severity: Severity) -> bool:
        return self.silent is not None and severity <= self.silent


@dataclass(frozen=True, slots=True)
class Route:
    channel: ChannelName
    policy: RoutePolicy = field(default_factory=RoutePolicy)
    """As it is in effect here: what the parents set is already in it."""
    matchers: tuple[Matcher, ...] = ()
    """All of them must match; none: everything does."""
    continue_: bool = False
    """Whether the siblings after this route are tried too when it matches."""
    routes: tuple["Route", ...] = ()
    path: tuple[int, ...] = ()
    """The position in the tree: the index among the siblings, from the root down."""

    @property
    def name(self) -> str:
        """As a reader of the file finds it: route.routes[0].routes[2]."""
        return "route" + "".join(f".routes[{index}]" for index in self.path)

    def matches(self, labels: Labels) -> bool:
        return all(matcher.matches(labels) for matcher in self.matchers)


@dataclass(frozen=True, slots=True)
class Target:
    """A channel in which an alert is shown, and the route that chose it."""

    channel: ChannelName
    policy: RoutePolicy
    route: Route


def resolve(root: Route, labels: Labels) -> tuple[Target, ...]:
    """At least one. Where several routes choose one channel, the first in the tree's order decides how."""
    targets: dict[ChannelName, Target] = {}
    for route in _matching(root, labels) or [root]:
        targets.setdefault(route.channel, Target(route.channel, route.policy, route))
    return tuple(targets.values())


def target_in(root: Route, channel: ChannelName, labels: Labels) -> Target:
    """For a sender that names the channel: the tree only decides how people are notified there.

    That is up to the route which chooses the channel for these labels, else to the root.
    """
    chosen = (target for target in resolve(root, labels) if target.channel == channel)
    return next(chosen, Target(channel, root.policy, root))


def _matching(route: Route, labels: Labels) -> list[Route]:
    if not route.matches(labels):
        return []
    targets: list[Route] = []
    for child in route.routes:
        chosen = _matching(child, labels)
        targets += chosen
        if chosen and not child.continue_:
            break
    return targets or [route]


def walk(route: Route) -> Iterator[Route]:
    """Every route of the tree, parents before children."""
    yield route
    for child in route.routes:
        yield from walk(child)


class StepResult(StrEnum):
    """What became of one route while the tree was walked."""

    TARGET = "chosen"
    CHILD_CHOSEN = "a route below is chosen"
    SAME_CHANNEL = "an earlier route has chosen this channel"
    MISMATCH = "does not match"
    NOT_REACHED = "not reached: an earlier route matched and does not continue"


@dataclass(frozen=True, slots=True)
class Step:
    route: Route
    result: StepResult
    mismatch: Matcher | None = None
    """The first matcher that does not match."""


def trace(root: Route, labels: Labels) -> tuple[Step, ...]:
    """Why `resolve` chooses its targets: a step for each route that was looked at, in the tree's order."""
    return tuple(_Tracer(root, labels).steps)


class _Tracer:
    def __init__(self, root: Route, labels: Labels) -> None:
        self._labels = labels
        self._targets = {target.route.path for target in resolve(root, labels)}
        self.steps: list[Step] = []
        self._visit(root)

    def _visit(self, route: Route) -> bool:
        mismatch = next((matcher for matcher in route.matchers if not matcher.matches(self._labels)), None)
        if mismatch is not None:
            self.steps.append(Step(route, StepResult.MISMATCH, mismatch))
            return False
        position = len(self.steps)
        child_chosen = self._visit_children(route)
        self.steps.insert(position, Step(route, self._result(route, child_chosen)))
        return True

    def _visit_children(self, route: Route) -> bool:
        chosen = ended = False
        for child in route.routes:
            if ended:
                self.steps.append(Step(child, StepResult.NOT_REACHED))
            elif self._visit(child):
                chosen, ended = True, not child.continue_
        return chosen

    def _result(self, route: Route, child_chosen: bool) -> StepResult:
        if child_chosen:
            return StepResult.CHILD_CHOSEN
        return StepResult.TARGET if route.path in self._targets else StepResult.SAME_CHANNEL
