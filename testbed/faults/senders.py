"""Send as Alertmanager does: all of a group in one webhook, again with back-off until it is taken."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from random import Random
from typing import Any

import httpx

from testbed.faults import scenarios
from testbed.faults.plan import Plan
from testbed.faults.scenarios import Episode, Group, Replica

BACKOFF_S, MAX_BACKOFF_S = 0.5, 5.0
IMPATIENT = 0.02
"""So many senders give up after a moment and send again, whatever became of it."""
IMPATIENT_S = 0.02
TIMEOUT = httpx.Timeout(15.0)
CONNECTIONS = 50


@dataclass(slots=True)
class Stopwatch:
    """Seconds of the campaign."""

    began: float = field(default_factory=time.monotonic)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.began

    async def reach(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self.now_s))


@dataclass(slots=True)
class Door:
    """The router's webhooks, and what they answered."""

    client: httpx.AsyncClient
    url: str
    headers: Mapping[str, str]
    statuses: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)
    """Well-formed webhooks that were answered 4xx: Alertmanager would never send them again."""
    accepted: dict[tuple[str, datetime], Episode] = field(default_factory=dict)
    """Every alert that was in a webhook answered 2xx."""
    perhaps: set[str] = field(default_factory=set)
    """Groups of which a webhook was not answered: it may have been kept all the same."""
    spoilt: int = 0
    """Alerts nobody can read, in webhooks answered 2xx."""
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    @property
    def away(self) -> int:
        """Answers of 503: the router could not keep it."""
        return self.statuses["503"]

    async def post(self, content: Any, *, timeout_s: float | None = None) -> httpx.Response | None:
        """None when there was no answer."""
        timeout = TIMEOUT if timeout_s is None else httpx.Timeout(timeout_s)
        sent = {"content": content} if isinstance(content, bytes) else {"json": content}
        headers = {**self.headers, "Content-Type": "application/json"}
        try:
            async with self._turn:  # httpx searches all that wait for a connection, each time
                response = await self.client.post(self.url, headers=headers, timeout=timeout, **sent)
        except httpx.HTTPError as error:
            self.statuses[type(error).__name__] += 1
            return None
        self.statuses[str(response.status_code)] += 1
        return response

    async def send(self, group: Group, episodes: Sequence[Episode], view_s: float, random: Random) -> bool:
        """Whether Alertmanager has done with it: answered, and not by 5xx."""
        impatient = IMPATIENT_S if random.random() < IMPATIENT else None
        response = await self.post(scenarios.body(group, episodes, view_s), timeout_s=impatient)
        if response is None or response.status_code >= 500:
            self.perhaps.add(group.token)
            return False
        if response.status_code >= 400:
            self.refusals.append(f"{group.token}: {response.status_code} {response.text[:200]}")
            return True
        self.accepted.update({episode.key: episode for episode in episodes})
        self.spoilt += response.json()["quarantined"]
        return True


async def tell_all(plan: Plan, door: Door, watch: Stopwatch) -> None:
    """Every replica of every group, until the last webhook is taken."""
    async with asyncio.TaskGroup() as tasks:
        for group in plan.groups:
            for number, replica in enumerate(group.replicas):
                random = Random(f"{plan.seed} {group.token} {number}")  # noqa: S311 - repeatable on purpose
                tasks.create_task(_tell(group, replica, door, watch, random))


async def _tell(group: Group, replica: Replica, door: Door, watch: Stopwatch, random: Random) -> None:
    told_s = -inf
    for flush, next_s in scenarios.turns(replica):
        await watch.reach(flush.at_s)
        episodes = scenarios.shown(replica, flush.view_s, told_s)
        # Alertmanager does not tell the end of what it never told the beginning of. (It does not even where
        # the router kept a webhook whose answer was lost; comparing with its API then finds the end. Here
        # there is no such API, so the end is told.)
        news = any(episode.firing_at(flush.view_s) for episode in episodes)
        if not episodes or not (group.in_order or news or told_s > -inf or group.token in door.perhaps):
            continue
        until_s = inf if group.in_order else next_s
        if await _until_taken(group, episodes, flush.view_s, door, watch, random, until_s=until_s):
            told_s = flush.view_s


async def _until_taken(
    group: Group,
    episodes: Sequence[Episode],
    view_s: float,
    door: Door,
    watch: Stopwatch,
    random: Random,
    *,
    until_s: float,
) -> bool:
    wait_s = BACKOFF_S
    while not await door.send(group, episodes, view_s, random):
        pause_s = wait_s * random.uniform(0.5, 1.5)
        if watch.now_s + pause_s > until_s:  # the next one, which tells more, takes its place
            return False
        await asyncio.sleep(pause_s)
        wait_s = min(wait_s * 1.5, MAX_BACKOFF_S)
    return True
