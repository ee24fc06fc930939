"""The pages on which a person mends the router itself, without a shell: /operations and the quarantine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from alert_router.domain.model import ChannelName
from alert_router.services.health import Health
from alert_router.sources.errors import InvalidBody
from alert_router.store import acts, channel_stats, quarantine
from alert_router.store.acts import Recorded
from alert_router.store.channel_stats import ChannelStats
from alert_router.store.quarantine import Kept
from alert_router.web import mending, troubles
from alert_router.web.dependencies import Now, ReaderDep, RowId, State, StateDep
from alert_router.web.pages import Page
from alert_router.web.problems import Problem
from alert_router.web.troubles import Trouble

MAX_ACTS = 200
MAX_BODY_BYTES = 20_000
"""Of a kept body, shown and mended on the page."""
MAX_FORM_BYTES = 4 * MAX_BODY_BYTES
"""A form writes a byte as up to three."""
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ChannelRow:
    name: ChannelName
    is_preview: bool
    trouble: str
    """Why it delivers nothing; empty when it does."""
    fallback: str
    stats: ChannelStats


@dataclass(frozen=True, slots=True)
class OperationsPage(Page):
    troubles: tuple[Trouble, ...]
    channels: tuple[ChannelRow, ...]
    refused: tuple[tuple[int, str, int], ...]
    """Of the last hour: status, sender's address, requests; the most first."""
    quarantined: int


@dataclass(frozen=True, slots=True)
class KeptItem:
    kept: Kept
    text: str
    """The body, as far as it is text; empty where it is too large to be mended here."""
    error: str = ""
    """What is still wrong with the mended text."""


@dataclass(frozen=True, slots=True)
class QuarantinePage(Page):
    items: tuple[KeptItem, ...]


@dataclass(frozen=True, slots=True)
class ActsPage(Page):
    recorded: tuple[Recorded, ...]
    """What people did, the last first."""


@router.get("/acts")
async def audit(reader: ReaderDep, state: StateDep, now: Now) -> Response:
    recorded = await reader.run(lambda conn: acts.latest(conn, MAX_ACTS))
    return state["pages"].render("acts.html", ActsPage(now=now, recorded=tuple(recorded)))


@router.get("/operations")
async def operations(reader: ReaderDep, state: StateDep, now: Now) -> Response:
    health = await state["operations"].health()
    page = await reader.run(lambda conn: _operations(conn, state, health, now))
    return state["pages"].render("operations.html", page)


def _operations(conn: sa.Connection, state: State, health: Health, now: datetime) -> OperationsPage:
    configuration = state["configuration"].current
    stats = channel_stats.of(conn, tuple(configuration.channels), now)
    return OperationsPage(
        now=now,
        troubles=(
            *troubles.of_health(health),
            *troubles.of_tables(conn, configuration),
        ),
        channels=tuple(
            ChannelRow(
                name=name,
                is_preview=channel.webhook_url is None,
                trouble=health.troubles.get(f"channel {name}", ""),
                fallback=channel.fallback or "",
                stats=stats[name],
            )
            for name, channel in configuration.channels.items()
        ),
        refused=state["sender_problems"].refused_senders(),
        quarantined=quarantine.size(conn),
    )


@router.get("/quarantine")
async def kept_bodies(reader: ReaderDep, state: StateDep, now: Now) -> Response:
    return state["pages"].render("quarantine.html", await reader.run(lambda conn: _quarantine(conn, now)))


def _quarantine(
    conn: sa.Connection, now: datetime, mended: Mapping[int, tuple[str, str]] | None = None
) -> QuarantinePage:
    """mended: by id, a text that could not be read either, and why."""
    items = [_item(kept) for kept in quarantine.waiting(conn, max_bytes=MAX_BODY_BYTES + 1)]
    return QuarantinePage(
        now=now,
        items=tuple(
            KeptItem(item.kept, *mended[item.kept.id]) if mended and item.kept.id in mended else item
            for item in items
        ),
    )


def _item(kept: Kept) -> KeptItem:
    body = kept.refused.body
    return KeptItem(kept, body.decode(errors="replace") if len(body) <= MAX_BODY_BYTES else "")


@router.post("/quarantine/done")
async def all_done(state: StateDep, now: Now) -> Response:
    await state["intake"].change(lambda work: quarantine.resolve(work.conn, now), now)
    return _to_quarantine()


@router.post("/quarantine/{item_id}/done")
async def done(item_id: RowId, state: StateDep, now: Now) -> Response:
    await _resolve(state, item_id, now)
    return _to_quarantine()


async def _form_body(request: Request) -> str:
    fields = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
    return fields.get("body", "")


@router.post("/quarantine/{item_id}/replay", max_body_size=MAX_FORM_BYTES)
async def replay(
    item_id: RowId,
    text: Annotated[str, Depends(_form_body)],
    reader: ReaderDep,
    state: StateDep,
    now: Now,
) -> Response:
    """Accept the mended body as if it had come like that. Where it cannot be read either, say why."""
    kept = {item.id: item for item in await reader.run(lambda conn: quarantine.waiting(conn, max_bytes=0))}
    if item_id not in kept:
        raise Problem(HTTPStatus.NOT_FOUND, f"{item_id} does not wait in the quarantine")
    try:
        await mending.accept(text.encode(), kept[item_id].refused.source, state, now)
    except InvalidBody as invalid:
        why = (text, "; ".join(map(str, invalid.errors)))
        page = await reader.run(lambda conn: _quarantine(conn, now, {item_id: why}))
        return state["pages"].render("quarantine.html", page, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    await _resolve(state, item_id, now)
    return _to_quarantine()


async def _resolve(state: State, item_id: int, now: datetime) -> None:
    await state["intake"].change(lambda work: quarantine.resolve(work.conn, now, [item_id]), now)


def _to_quarantine() -> Response:
    return RedirectResponse("/quarantine", status_code=HTTPStatus.SEE_OTHER)
