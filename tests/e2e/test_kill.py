"""The router is killed again and again while alerts arrive."""

import random
import re
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from testbed import webhook_alerts
from testbed.fakes.discord import RunningDiscord
from testbed.processes import until
from testbed.running_router import RunningRouter

KILLS = 10
SENDERS = 4
GROUPS = 60
INSTANCES = 5
BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
INCIDENT = re.compile(r"incident (\d+)")


class Progress:
    """The number of accepted groups; a thread that waits for a number of them is woken at once."""

    def __init__(self) -> None:
        self._groups = 0
        self._changed = threading.Condition()

    def add(self) -> None:
        with self._changed:
            self._groups += 1
            self._changed.notify_all()

    def wait_for(self, groups: int, *, within_s: float) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._groups >= groups, within_s), (
                f"{self._groups} of {groups} groups were accepted within {within_s:g} s"
            )


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends as Alertmanager does: the same body again until it is answered 2xx."""

    router: RunningRouter
    groups: list[str]
    progress: Progress

    def run(self) -> None:
        for group in self.groups:
            for ends_at in (None, BEGAN + timedelta(minutes=5)):
                self._until_accepted(group, ends_at)
            self.progress.add()

    def _until_accepted(self, group: str, ends_at: datetime | None) -> None:
        instances = [f"{group}-{number}" for number in range(INSTANCES)]
        body = webhook_alerts.webhook(group, instances, starts_at=BEGAN, ends_at=ends_at)

        def is_accepted() -> bool:
            try:
                return self.router.post_webhook(body).is_success
            except httpx.HTTPError:
                return False

        until(is_accepted, f"{group} is accepted", within_s=60)


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_alerts_answered_2xx_survive_ten_kills(router: RunningRouter, discord: RunningDiscord) -> None:
    names = [f"Group{number:03}" for number in range(GROUPS)]
    progress = Progress()
    senders = [Sender(router, names[number::SENDERS], progress) for number in range(SENDERS)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    chance = random.Random(7)  # noqa: S311 - the same kills in every run

    for thread in threads:
        thread.start()
    for kill in range(1, KILLS + 1):
        progress.wait_for(GROUPS * kill // (KILLS + 1) + chance.randint(0, 3), within_s=60)
        router.program.kill()
        router.program.start()
    for thread in threads:
        thread.join()
    router.program.wait_ready()  # the last group may have been accepted before the last kill
    until(lambda: router.all_delivered, "every card is delivered", within_s=90)

    alerts = Counter(alert["labels"]["instance"] for alert in router.alerts())
    assert alerts == Counter({f"{name}-{number}": 1 for name in names for number in range(INSTANCES)})
    assert {alert["status"] for alert in router.alerts()} == {"resolved"}
    incidents = {alert["incident_id"] for alert in router.alerts()}
    cards = Counter(
        int(_incident(message.embeds[0]["footer"]["text"])) for message in discord.state.messages()
    )
    assert cards.keys() == incidents
    assert sum(cards.values()) - len(cards) <= KILLS
    newest = {_incident(m.embeds[0]["footer"]["text"]): m for m in discord.state.messages()}
    assert all("resolved" in message.embeds[0]["title"] for message in newest.values())


def _incident(footer: str) -> str:
    match = INCIDENT.search(footer)
    assert match is not None
    return match[1]
