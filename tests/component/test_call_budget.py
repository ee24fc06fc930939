"""How many functions one webhook or one delivery runs through: whoever changes the path reads them all."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from alert_router.app import build, serve
from alert_router.config import Configuration
from alert_router.delivery import ChannelWorkers, Clocks, RateLimiter
from alert_router.settings import Settings
from testbed import call_profile
from testbed.factories import DISK_FULL, Clock, at, make_signal, webhook_json, wire_alert
from testbed.fakes.discord import DiscordState, transport
from testbed.router_harness import RouterHarness

MAX_FUNCTIONS = 110
MAX_MOVES = 80
MAX_DELIVERY_FUNCTIONS = 330
"""Half of them make the text of the card, in half a millisecond."""
TOKEN = "t0ken-of-the-sender"
TOKENS = [pytest.param((), id="loopback"), pytest.param((SecretStr(TOKEN),), id="token")]


class Idle(ChannelWorkers):
    async def follow(self, configuration: Configuration) -> None:
        """Start no worker."""


@pytest.mark.parametrize("tokens", TOKENS)
def test_firing_webhook_stays_within_the_call_budget(
    sqlite_url: str, clock: Clock, discord: DiscordState, tokens: tuple[SecretStr, ...]
) -> None:
    settings = Settings(database_url=SecretStr(sqlite_url), ingest_tokens=tokens)
    with call_profile.installed() as profile, ExitStack() as running:
        service = build(settings, clocks=Clocks(now=clock.time, steady=clock), transport=transport(discord))
        # Without background tasks: only the webhook runs.
        idle = Idle(lambda _channel: pytest.fail("delivers"), RateLimiter(clock), service.writer)
        app = serve(replace(service, channels=idle, periodic=()))
        headers = {"Authorization": f"Bearer {TOKEN}"} if tokens else {}
        client = running.enter_context(TestClient(app, client=("127.0.0.1", 50000), headers=headers))
        # Statements are built once, by the first webhook.
        client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(DISK_FULL)))

        body = webhook_json()

        with profile.counting(until_commit_of=service.store.writer):
            answer = client.post("/webhooks/alertmanager", json=body)

    assert answer.json() == {"accepted": 1, "duplicates": 0, "quarantined": 0}
    assert 0 < len(profile.functions) <= MAX_FUNCTIONS, profile.describe()
    assert 0 < len(profile.moves) <= MAX_MOVES, profile.describe()


@pytest.mark.parametrize("action", ["create", "edit"])
def test_delivery_stays_within_the_call_budget(
    sqlite_url: str, clock: Clock, discord: DiscordState, action: str
) -> None:
    with call_profile.installed() as profile, RouterHarness.opened(sqlite_url, clock, discord) as harness:
        harness.run(harness.delivery.prepare())
        # Statements and templates are built once, by the first delivery.
        harness.accept(make_signal(DISK_FULL))
        harness.deliver()
        harness.accept(make_signal())
        if action == "edit":
            harness.deliver()
            harness.accept(make_signal(ends_at=at(5)))

        with profile.counting():
            harness.deliver_one()

        assert harness.outcomes()[-1] == (action, "sent")
    assert 0 < len(profile.functions) <= MAX_DELIVERY_FUNCTIONS, profile.describe()
