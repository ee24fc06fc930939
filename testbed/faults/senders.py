"""Send as Alertmanager does: a whole group in one webhook, repeated with back-off until it is accepted."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
ABORTED_SHARE = 0.02
"""The share of requests whose sender hangs up before the answer and sends again."""
ABORT_AFTER_S = 0.02
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
class SentTimes:
    """When the router was sent an alert."""

    sent_at: float
    """The first webhook in which it fires was sent: it counts from here at the earliest."""
    accepted_at: float | None = None
    """The first such webhook was answered 2xx."""
    ended_at: float | None = None
    """The first webhook with its end was sent."""


Sent = dict[tuple[str, datetime], SentTimes]


@dataclass(slots=True)
class WebhookSender:
    """Posts webhooks to the router and records its answers."""

    client: httpx.AsyncClient
    url: str
    headers: Mapping[str, str]
    clock: Callable[[], float]
    statuses: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)
    """Valid webhooks that were answered 4xx: Alertmanager would never send them again."""
    accepted: dict[tuple[str, datetime], Episode] = field(default_factory=dict)
    """Every alert that was in a webhook answered 2xx."""
    unanswered: set[str] = field(default_factory=set)
    """Groups with a webhook that got no answer: the router may have stored it all the same."""
    sent: Sent = field(default_factory=dict)
    """Every alert that was sent as firing."""
    invalid_alerts: int = 0
    """Invalid alerts in webhooks answered 2xx."""
    _connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    @property
    def unavailable(self) -> int:
        """Answers of 503: the router could not store the webhook."""
        return self.statuses["503"]

    async def post(self, content: Any, *, timeout_s: float | None = None) -> httpx.Response | None:
        """None when there was no answer."""
        timeout = TIMEOUT if timeout_s is None else httpx.Timeout(timeout_s)
        body = {"content": content} if isinstance(content, bytes) else {"json": content}
        headers = {**self.headers, "Content-Type": "application/json"}
        try:
            async with self._connections:  # httpx scans all requests that wait for a connection, each time
                response = await self.client.post(self.url, headers=headers, timeout=timeout, **body)
        except httpx.HTTPError as error:
            self.statuses[type(error).__name__] += 1
            return None
        self.statuses[str(response.status_code)] += 1
        return response

    async def send(self, group: Group, episodes: Sequence[Episode], view_s: float, random: Random) -> bool:
        """Whether Alertmanager is done with it: it was answered, and not by 5xx."""
        timeout_s = ABORT_AFTER_S if random.random() < ABORTED_SHARE else None
        self._record_attempt(episodes, view_s)
        response = await self.post(scenarios.body(group, episodes, view_s), timeout_s=timeout_s)
        if response is None or response.status_code >= 500:
            self.unanswered.add(group.token)
            return False
        if response.status_code >= 400:
            self.refusals.append(f"{group.token}: {response.status_code} {response.text[:200]}")
            return True
        self.accepted.update({episode.key: episode for episode in episodes})
        self._record_acceptance(episodes, view_s)
        self.invalid_alerts += response.json()["quarantined"]
        return True

    def _record_attempt(self, episodes: Sequence[Episode], view_s: float) -> None:
        for episode in episodes:
            if episode.firing_at(view_s):
                self.sent.setdefault(episode.key, SentTimes(self.clock()))
            elif (times := self.sent.get(episode.key)) is not None and times.ended_at is None:
                times.ended_at = self.clock()

    def _record_acceptance(self, episodes: Sequence[Episode], view_s: float) -> None:
        for episode in episodes:
            times = self.sent.get(episode.key)
            if episode.firing_at(view_s) and times is not None and times.accepted_at is None:
                times.accepted_at = self.clock()


async def send_all(plan: Plan, sender: WebhookSender, stopwatch: Stopwatch) -> None:
    """Every replica of every group, until the last webhook is accepted."""
    async with asyncio.TaskGroup() as tasks:
        for group in plan.groups:
            for number, replica in enumerate(group.replicas):
                random = Random(f"{plan.seed} {group.token} {number}")  # noqa: S311 - repeatable on purpose
                tasks.create_task(_send_replica(group, replica, sender, stopwatch, random))


async def _send_replica(
    group: Group, replica: Replica, sender: WebhookSender, stopwatch: Stopwatch, random: Random
) -> None:
    sent_s = -inf
    for flush, next_s in scenarios.turns(replica):
        await stopwatch.reach(flush.at_s)
        episodes = scenarios.visible(replica, flush.view_s, sent_s)
        # Alertmanager never sends the end of an alert whose start it has not sent, not even where the router
        # stored a webhook whose answer was lost; the comparison with its API then finds the end. Here is no
        # such API, so the end is sent.
        firing = any(episode.firing_at(flush.view_s) for episode in episodes)
        started = sent_s > -inf or group.token in sender.unanswered
        if not episodes or not (group.in_order or firing or started):
            continue
        until_s = inf if group.in_order else next_s
        if await _until_accepted(group, episodes, flush.view_s, sender, stopwatch, random, until_s=until_s):
            sent_s = flush.view_s


async def _until_accepted(
    group: Group,
    episodes: Sequence[Episode],
    view_s: float,
    sender: WebhookSender,
    stopwatch: Stopwatch,
    random: Random,
    *,
    until_s: float,
) -> bool:
    wait_s = BACKOFF_S
    while not await sender.send(group, episodes, view_s, random):
        pause_s = wait_s * random.uniform(0.5, 1.5)
        if stopwatch.now_s + pause_s > until_s:  # the next one, which is newer, replaces it
            return False
        await asyncio.sleep(pause_s)
        wait_s = min(wait_s * 1.5, MAX_BACKOFF_S)
    return True
