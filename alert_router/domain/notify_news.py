"""Which episodes of an incident are news to a channel, and which are the same trouble in a new pod. Pure."""

from collections.abc import Iterable

from alert_router.domain.notify_values import Episode, Policy, Posted, Situation
from alert_router.domain.severity import Severity


def unannounced(situation: Situation, policy: Policy) -> tuple[Episode, ...]:
    """The firing, unsuppressed episodes that no message has announced, worst first."""
    announced: dict[str, list[Episode]] = {}
    news = []
    for episode in sorted(situation.episodes, key=lambda episode: (episode.revision, episode.id)):
        if episode.suppressed:
            continue
        alike = announced.setdefault(episode.identity, [])
        if is_shown(episode, situation.current) or _is_same_trouble(episode, alike, policy):
            alike.append(episode)
        elif episode.firing:
            news.append(episode)
    return tuple(sorted(news, key=_worst_first))


def is_shown(episode: Episode, card: Posted | None) -> bool:
    return card is not None and episode.revision <= card.revision


def _is_same_trouble(episode: Episode, announced: Iterable[Episode], policy: Policy) -> bool:
    """An announced episode of another pod fires, or ended less than the wait before this one began."""
    base = policy.renotify_after.get(episode.severity)
    return any(
        other.series != episode.series
        and other.severity >= episode.severity
        and (other.ended_at is None or base is None or episode.counts_since - other.ended_at < base)
        for other in announced
    )


def renotified(news: Iterable[Episode], policy: Policy) -> list[Episode]:
    """Those at or above the severity that gets a new message."""
    lowest = policy.renotify
    return [] if lowest is None else [episode for episode in news if episode.severity >= lowest]


def audible(episodes: Iterable[Episode]) -> list[Episode]:
    """Those that fire and are not suppressed, worst first."""
    return sorted((each for each in episodes if each.firing and not each.suppressed), key=_worst_first)


def worst_firing(episodes: Iterable[Episode]) -> Episode | None:
    """The worst audible episode: a card announces its severity."""
    return next(iter(audible(episodes)), None)


def _worst_first(episode: Episode) -> tuple[int, int, int]:
    return -episode.severity, episode.revision, episode.id


def one_of_each_severity(worst_first: Iterable[Episode]) -> Iterable[Episode]:
    of_severity: dict[Severity, Episode] = {}
    for episode in worst_first:
        of_severity.setdefault(episode.severity, episode)
    return of_severity.values()


def is_over(situation: Situation) -> bool:
    return not any(episode.firing for episode in situation.episodes)
