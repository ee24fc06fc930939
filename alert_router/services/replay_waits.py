"""When the notify rule has to be asked about an episode: saves asking it in vain. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from alert_router.domain import notify_timing
from alert_router.domain.notify_values import Episode, Policy, Posted


def earliest(
    episode: Episode, cards: Sequence[Posted], policy: Policy, now: datetime, *, acknowledged: bool
) -> datetime | None:
    """Because it began, or was the last to end, no message can be made before this moment; None: none ever.

    cards: those that the rule looks at, at least one, the newest last. Quiet hours and the hourly limit can
    only make it later.
    """
    if not episode.firing:
        over = notify_timing.OTHER_AFTER
        return _wait_over_at(over, cards, policy, now, acknowledged=False) if policy.notify_resolved else None
    base = policy.renotify_after.get(episode.severity)
    if policy.renotify is None or episode.severity < policy.renotify or base is None:
        every = None if acknowledged else policy.remind_every.get(episode.severity)
        return cards[-1].at + every if every else None
    in_window = [card for card in cards[:-1] if card.at > now - policy.flap_window]
    shown = [card.severity for card in (*in_window, cards[-1]) if card.severity is not None]
    if not shown or episode.severity > max(shown):
        return now
    return _wait_over_at(base, cards, policy, now, acknowledged=acknowledged)


def _wait_over_at(
    base: timedelta, cards: Sequence[Posted], policy: Policy, now: datetime, *, acknowledged: bool
) -> datetime:
    posted_at = cards[-1].at
    at = max(now, posted_at + notify_timing.renotify_wait(base, 1, acknowledged=acknowledged))
    while True:
        creates = notify_timing.creates_within(cards, policy.flap_window, at)
        over_at = posted_at + notify_timing.renotify_wait(base, creates, acknowledged=acknowledged)
        if at >= over_at:
            return at
        # The wait shrinks when a card leaves the window.
        leaving = (card.at + policy.flap_window for card in cards)
        at = min((moment for moment in leaving if at < moment < over_at), default=over_at)
