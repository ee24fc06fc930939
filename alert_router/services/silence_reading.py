"""Keeps a copy of Alertmanager's silences, so that pages say who silenced an alert, why, and until when."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from alert_router.sources import alertmanager_api, silence_reading
from alert_router.sources.silence_reading import SilenceSeen
from alert_router.store import silences
from alert_router.store.silences import Silence
from alert_router.store.writer import Writer


@dataclass(frozen=True, slots=True)
class SilenceReading:
    writer: Writer
    http: httpx.AsyncClient
    urls: Sequence[str]

    async def run_once(self) -> None:
        answers = await asyncio.gather(*(silence_reading.fetch(self.http, url) for url in self.urls))
        seen = [_silence(one, url) for url, answer in zip(self.urls, answers, strict=True) for one in answer]
        if seen:
            await self.writer.run(lambda conn: silences.save(conn, seen))


def _silence(seen: SilenceSeen, url: str) -> Silence:
    return Silence(
        id=seen.id,
        source_url=alertmanager_api.without_credentials(url),
        created_by=seen.created_by,
        comment=seen.comment,
        starts_at=seen.starts_at,
        ends_at=seen.ends_at,
        matchers=seen.matchers,
    )
