"""wanted = delivered + pending + dead, at every instant; and once the faults are over, all is delivered."""

import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pydantic import SecretStr
from starlette.testclient import TestClient

from alert_router import config
from alert_router.discord.client import DiscordChannel, Reply, WebhookInfo
from alert_router.discord.packer import NO_FILES, Files, Payload
from alert_router.discord.responses import Refusal
from alert_router.domain.model import FALLBACK, Rules, Signal
from alert_router.services.alertmanager_sync import AlertmanagerSync
from alert_router.services.fallback import Fallback
from alert_router.sources import fingerprints
from alert_router.sources.webhook import WebhookMessage
from alert_router.store.ledger import Ledger
from testbed.factories import DISK_FULL, SECRET, Clock, at, event_json, make_signal, webhook_json, wire_time
from testbed.fakes.discord import DiscordState, faults
from testbed.router_harness import CHANNEL, DATABASES, WEBHOOK, NewDatabase, RouterHarness, until

NAMES = [f"Alert{number}" for number in range(4)]
SEVERITIES = ["warning", "critical"]
RECEIVER = "alert-router"
FAULTS = [
    faults.status(400),
    faults.status(403),
    faults.status(404, code=10008),
    faults.status(413),
    faults.status(500),
    faults.status(503),
    faults.timeout(),
    faults.timeout(stored=True),
    faults.reset(stored=True),
    faults.limited("user", seconds=3),
    faults.limited("shared", seconds=200),
    faults.limited("cloudflare_html", seconds=50),
    faults.invalid_body("broken_json"),
]


class Watched:
    """A channel at which the ledger is looked at while a request is under way."""

    def __init__(self, channel: DiscordChannel, look: Callable[[], None]) -> None:
        self._channel = channel
        self._look = look

    async def create(
        self, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        self._look()
        reply = await self._channel.create(payload, thread_id=thread_id)
        self._look()
        return reply

    async def edit(
        self, message_id: str, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        self._look()
        return await self._channel.edit(message_id, payload, thread_id=thread_id)

    async def fetch_webhook(self) -> WebhookInfo | Refusal | None:
        return await self._channel.fetch_webhook()


class Life(RuleBasedStateMachine):
    """One router with a fallback, one Alertmanager, one Discord; a step of any of them at a time."""

    def __init__(self, database: AbstractContextManager[str]) -> None:
        super().__init__()
        self.clock = Clock()
        discord = DiscordState(clock=self.clock)
        discord.webhook("1", SECRET, "100")
        discord.webhook("2", SECRET, "200")
        self.running = ExitStack()
        url = self.running.enter_context(database)
        self.harness = self.running.enter_context(RouterHarness.opened(url, self.clock, discord))
        self.harness.remind_every("critical=4h")
        self.firing: dict[str, Signal] = {}
        self.runs = 0
        alertmanager = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.running.callback(lambda: self.harness.run(alertmanager.aclose()))
        self.reconcile = AlertmanagerSync(
            self.harness.intake,
            alertmanager,
            ["http://am.test"],
            rules=Rules(warmup_s=0),
            clock=self.clock.time,
        )
        self.start()

    @rule(name=st.sampled_from(NAMES), severity=st.sampled_from(SEVERITIES), heard=st.booleans())
    def fires(self, name: str, severity: str, heard: bool) -> None:
        """The second severity of a name joins the incident of the first, and may raise it."""
        labels = {"alertname": name, "severity": severity}
        key = f"{name} {severity}"
        signal = self.firing.setdefault(key, make_signal(labels, starts_at=self.clock.time()))
        if heard:
            self.hears(signal)

    @precondition(lambda self: self.firing)
    @rule(data=st.data(), heard=st.booleans())
    def resolves(self, data: st.DataObject, heard: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.firing)))
        signal = self.firing.pop(name)
        if heard:
            self.hears(_over(signal, self.clock.time()))

    @rule(count=st.integers(31, 45))
    def storms(self, count: int) -> None:
        for number in range(count):
            labels = {**DISK_FULL, "n": str(number)}
            self.firing.setdefault(
                f"storm {number}",
                make_signal(labels, starts_at=self.clock.time(), group_labels={"n": str(number)}),
            )
        self.hears(*[signal for name, signal in self.firing.items() if name.startswith("storm")])

    @rule()
    def the_storm_is_over(self) -> None:
        gone = [name for name in self.firing if name.startswith("storm")]
        self.hears(*[_over(self.firing.pop(name), self.clock.time()) for name in gone])

    @rule(type_=st.sampled_from(["training_failure", "training_success", "performance_alert"]))
    def a_dag_reports(self, type_: str) -> None:
        self.runs += 1
        now = wire_time(self.clock.time())
        self.harness.report(event_json(type_, run_id=f"run {self.runs}", occurred_at=now))

    @rule()
    def is_compared_with_alertmanager(self) -> None:
        self.harness.run(self.reconcile.run_once())

    @rule(alert_id=st.integers(1, 5))
    def is_acknowledged(self, alert_id: int) -> None:
        self.harness.acknowledge(alert_id)

    @rule()
    def dead_letters_are_replayed(self) -> None:
        self.harness.replay()

    @rule(seconds=st.sampled_from([1.0, 61.0, 400.0, 2000.0, 15_000.0, 800_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.harness.pass_time(seconds)

    @rule(struck=st.lists(st.sampled_from(FAULTS), max_size=4))
    def delivers(self, struck: list[faults.Fault]) -> None:
        for fault in struck:
            self.harness.discord.faults.next(fault, webhook_id="1")
        self.harness.deliver()
        self.harness.run(self.fallback.run_once())
        self.harness.deliver(self.other)

    @rule()
    def the_webhook_is_deleted(self) -> None:
        self.harness.discord.delete_webhook("1")

    @rule()
    def the_webhook_is_revived(self) -> None:
        self.harness.discord.revive_webhook("1")

    @rule()
    def start(self) -> None:
        """A new process on the same database."""
        harness = self.harness
        harness.release_cards()
        watched = Watched(DiscordChannel(harness.http, WEBHOOK), self.the_ledger_balances)
        harness.delivery = harness.another_delivery(watched)
        other = SecretStr(f"http://discord.test/api/webhooks/2/{SECRET}")
        self.other = harness.another_delivery(DiscordChannel(harness.http, other), name=FALLBACK)
        harness.configuration.swap(
            config.single(WEBHOOK, fallback_webhook_url=other, remind_every="critical=4h")
        )
        self.fallback = Fallback(
            harness.configuration,
            after_s=120.0,
            started_at=self.clock.time(),
            is_stopped=lambda name: name == CHANNEL and harness.delivery.stopped is not None,
            store=harness.store,
            writer=harness.writer,
            wake=lambda _names: None,
            clock=self.clock.time,
        )

    @invariant()
    def the_ledger_balances(self) -> None:
        ledger = self.harness.ledger()
        assert ledger.balanced, ledger
        assert ledger.wanted == len(self.harness.incidents())

    @invariant()
    def what_is_pending_is_due_and_nothing_else_is(self) -> None:
        for card in self.harness.cards():
            assert (card.state == "pending") == (card.due_at is not None), card

    @invariant()
    def an_incident_fires_as_its_alerts_do(self) -> None:
        firing = Counter(alert.incident_id for alert in self.harness.alerts() if alert.firing)
        for incident in self.harness.incidents():
            assert incident.firing == firing[incident.id], incident
            assert incident.is_firing == (incident.firing > 0), incident

    def teardown(self) -> None:
        try:
            self.all_is_delivered_once_the_faults_are_over()
        finally:
            self.running.close()

    def all_is_delivered_once_the_faults_are_over(self) -> None:
        harness = self.harness
        harness.discord.faults.clear()
        harness.discord.rates.clear()
        harness.discord.revive_webhook("1")
        self.start()
        harness.replay()
        for _ in range(4):
            harness.deliver_for(400)
            harness.run(self.fallback.run_once())
            harness.deliver(self.other)
        ledger = harness.ledger()
        assert ledger == Ledger(wanted=ledger.wanted, delivered=ledger.wanted, pending=0, dead=0)
        self.every_card_shows_the_present()

    def every_card_shows_the_present(self) -> None:
        titles = {message.id: message for message in self.harness.discord.messages()}
        incidents = {incident.id: incident for incident in self.harness.incidents()}
        own = [card for card in self.harness.cards() if card.channel == CHANNEL and card.incident_id]
        newest = {card.incident_id: card for card in sorted(own, key=lambda card: int(card.generation))}
        for card in newest.values():
            incident = incidents[card.incident_id]
            if card.state == "folded":
                continue
            shown = _title(titles[card.message_id])
            moved = "continued" in shown
            assert moved or ("🟢" in shown) == (not incident.is_firing), (shown, incident)

    def hears(self, *signals: Signal) -> None:
        message = WebhookMessage("alertmanager", self.clock.time(), signals, receiver=RECEIVER)
        self.harness.run(self.harness.intake.accept(message))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """As Alertmanager's API answers."""
        headers = {"Date": "Thu, 24 Sep 2026 12:00:00 GMT"}
        if request.url.path.endswith("/status"):
            return httpx.Response(200, json={"uptime": "2026-09-24T11:00:00.000Z"}, headers=headers)
        groups = [_group(signal) for signal in self.firing.values()]
        return httpx.Response(200, content=json.dumps(groups), headers=headers)


def _over(signal: Signal, now: datetime) -> Signal:
    return make_signal(
        signal.labels, starts_at=signal.starts_at, ends_at=now, group_labels=signal.group_labels
    )


def _group(signal: Signal) -> dict[str, Any]:
    return {
        "labels": dict(signal.group_labels),
        "receiver": {"name": RECEIVER},
        "alerts": [
            {
                "labels": dict(signal.labels),
                "annotations": dict(signal.annotations),
                "startsAt": wire_time(signal.starts_at),
                "fingerprint": str(fingerprints.of(signal.labels)),
                "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
            }
        ],
    }


def _title(message: Any) -> str:
    return str(message.embeds[0]["title"] if message.embeds else message.content)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", DATABASES)
def test_ledger_balances_after_every_step(new_database: NewDatabase, kind: str) -> None:
    class Fresh(Life):
        def __init__(self) -> None:
            super().__init__(new_database(kind))

    run_state_machine_as_test(
        Fresh,
        settings=settings(
            max_examples=25 if os.environ.get("CI") else 10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_ledger_counts_incidents_by_state(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(400), times=3)
    harness.accept(make_signal())
    harness.deliver()
    harness.accept(make_signal(DISK_FULL))
    harness.deliver()
    harness.accept(make_signal({"alertname": "Another"}))

    assert harness.ledger() == Ledger(wanted=3, delivered=1, pending=1, dead=1)


def test_folded_card_counts_by_its_digests_state(harness: RouterHarness) -> None:
    harness.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(50)])
    before = harness.ledger()

    harness.deliver_for(120)

    assert before == Ledger(wanted=50, delivered=0, pending=50, dead=0)
    assert harness.ledger() == Ledger(wanted=50, delivered=50, pending=0, dead=0)
    assert len(harness.discord.creates) == 1


def test_lost_card_unbalances_the_ledger(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.lose_cards()

    assert not harness.ledger().balanced


def test_new_main_channel_gets_firing_incidents_and_balances(
    make_client: Any, unlimited: DiscordState, clock: Clock
) -> None:
    """Until then all went to the preview."""
    without: TestClient = make_client()
    without.post("/webhooks/alertmanager", json=webhook_json())
    over = make_signal(DISK_FULL, ends_at=at(1))
    body = webhook_json(_wire(over), groupLabels={"alertname": "DiskFull"})
    without.post("/webhooks/alertmanager", json=body)
    assert _ledger(without) == (2, True)
    without.__exit__(None, None, None)
    clock.move(60)

    client: TestClient = make_client(discord_webhook_url=WEBHOOK)
    until(lambda: len(unlimited.messages()) > 0)

    assert [_title(message) for message in unlimited.messages()] == ["🔴 critical · ApiDown"]
    until(lambda: _ledger(client) == (1, True))


def _ledger(client: TestClient) -> tuple[float, bool]:
    lines = client.get("/metrics").text.splitlines()
    counts = {
        name: float(line.rpartition(" ")[2])
        for line in lines
        for name in ("wanted", "delivered", "pending", "dead")
        if line.startswith(f'alert_router_ledger{{account="{name}"}}')
    }
    return counts["wanted"], counts["wanted"] == counts["delivered"] + counts["pending"] + counts["dead"]


def _wire(signal: Signal) -> dict[str, Any]:
    return {
        "status": signal.status,
        "labels": dict(signal.labels),
        "startsAt": wire_time(signal.starts_at),
        "endsAt": wire_time(signal.ends_at),
    }
