"""Reads what a claimed card must show, and makes its message."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from alert_router.config import Configuration
from alert_router.delivery import act_urls, announcements, card_facts
from alert_router.delivery.outcome import RenderedCard
from alert_router.discord.embeds import Renderer
from alert_router.domain import memory
from alert_router.domain.model import CardState, ChannelName, DigestState
from alert_router.domain.notify_values import Reason
from alert_router.store import card_state, digests, postings
from alert_router.store import memory as memory_rows
from alert_router.store.card_queue import Claim
from alert_router.store.card_state import Subject

MAX_NEWS = 100
"""More alerts than the first line of a digest's message is about."""


def render(
    conn: sa.Connection, claim: Claim, renderer: Renderer, configuration: Configuration, now: datetime
) -> RenderedCard:
    is_create = claim.message_id is None
    renderer = replace(renderer, noise=configuration.cards.noise_labels)
    announced = postings.read(conn, claim, now) if is_create else ()
    if claim.digest_id is not None:
        digest = _digest(conn, claim.digest_id, configuration, now, is_create=is_create)
        return RenderedCard(renderer.render(digest, claim.degraded), announced)
    state = _card(conn, claim, renderer, configuration, now)
    if state.newer_url is not None:  # one line, which links to the newer card
        return RenderedCard(renderer.render(state, claim.degraded), announced)
    facts, missing = card_facts.read(conn, state, claim, now)
    state = replace(state, facts=replace(facts, memory=_memory(conn, state)))
    message = renderer.render(state, claim.degraded)
    return RenderedCard(message, announced, missing)


def _card(
    conn: sa.Connection, claim: Claim, renderer: Renderer, configuration: Configuration, now: datetime
) -> CardState:
    subject = card_state.subject_of(conn, claim.card_id)
    state = card_state.of(conn, claim)
    state = replace(
        state,
        note=_note(conn, subject, state, configuration.channels),
        links=act_urls.of(conn, claim, state, renderer.acts),
    )
    if claim.message_id is not None:
        return state
    previous = card_state.previous_of(conn, claim)
    announcement = announcements.of_card(conn, configuration, subject, state, previous, now)
    return replace(state, announcement=announcement)


def _memory(conn: sa.Connection, state: CardState) -> str:
    if not state.alerts:
        return ""
    past = memory_rows.past(conn, state.incident, state.alerts[0])
    return memory.words(past, state.incident.lasts, firing=state.incident.is_firing)


def _digest(
    conn: sa.Connection, digest_id: int, configuration: Configuration, now: datetime, *, is_create: bool
) -> DigestState:
    state = digests.state(conn, digest_id)
    copied = digests.copied_channels(conn, digest_id)
    notes = [copy_note(name, configuration.channels, ended=not current) for name, current in copied.items()]
    state = replace(state, note="\n".join(notes))
    if not is_create:
        return state
    announcement = announcements.of_digest(
        configuration,
        digests.unannounced(conn, digest_id, MAX_NEWS),
        reason=Reason(digests.reason_of(conn, digest_id)),
        previous_at=digests.replaced_at(conn, digest_id),
        now=now,
    )
    return replace(state, announcement=announcement)


def _note(conn: sa.Connection, subject: Subject, state: CardState, channels: Collection[ChannelName]) -> str:
    if not state.alerts:
        others = card_state.moved_to(conn, state.incident.id)
        return f"No longer routed here, but to {', '.join(others)}." if others else "No longer routed here."
    if subject.copy_of is None:
        return ""
    return copy_note(subject.copy_of, channels, ended=subject.mirrors_rev is None)


def copy_note(channel: ChannelName, channels: Collection[ChannelName], *, ended: bool) -> str:
    """On a copy: why it is there, and whether updates still come there. channels: the configured ones."""
    if channel not in channels:
        return f"The channel {channel} is no longer configured; this message is not updated any more."
    if ended:
        return f"The channel {channel} works again; updates are shown there."
    return f"Sent here because the channel {channel} does not take it."
