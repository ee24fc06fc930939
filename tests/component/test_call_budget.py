"""How many functions of the router one webhook runs through: whoever changes the path reads them all."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from alert_router.app import build, serve
from alert_router.delivery import Clocks
from alert_router.settings import Settings
from testbed import call_profile
from testbed.factories import DISK_FULL, Clock, webhook_json, wire_alert
from testbed.fakes.discord import DiscordState, transport

MAX_FUNCTIONS = 60
MAX_MOVES = 45
TOKEN = "t0ken-of-the-sender"
TOKENS = [pytest.param((), id="loopback"), pytest.param((SecretStr(TOKEN),), id="token")]


@pytest.mark.parametrize("tokens", TOKENS)
def test_firing_webhook_stays_within_the_call_budget(
    sqlite_url: str, clock: Clock, discord: DiscordState, tokens: tuple[SecretStr, ...]
) -> None:
    settings = Settings(database_url=SecretStr(sqlite_url), ingest_tokens=tokens)
    with call_profile.installed() as profile, ExitStack() as running:
        service = build(settings, clocks=Clocks(now=clock.time, steady=clock), transport=transport(discord))
        # Without background tasks: only the webhook runs.
        app = serve(replace(service, workers=(), periodic=()))
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
