"""A channel: a stopped one shows and recovers, its limits hold, no card blocks it or waits for ever."""

import asyncio
from itertools import pairwise
from operator import attrgetter
from typing import Any

import pytest
from starlette.testclient import TestClient

from alert_router.delivery.connection import CHECK_S
from alert_router.delivery.outcome import STOPPED_S
from alert_router.discord.client import DiscordChannel, Reply
from alert_router.discord.packer import NO_FILES, Files, Payload
from alert_router.discord.responses import ChannelGone
from testbed.factories import API_DOWN, DISK_FULL, DRIFT_HIGH, SECRET, Clock, at, make_signal, webhook_json
from testbed.fakes.discord import DiscordState, RateLimits, faults
from testbed.router_harness import CHANNEL, WEBHOOK, RouterHarness, is_held, until


class Particular(DiscordChannel):
    """Is there, and refuses one message as if it were not, again and again."""

    async def create(
        self, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        if "ApiDown" in payload["embeds"][0]["title"]:
            return Reply(ChannelGone("HTTP 403"), None, 403)
        return await super().create(payload, thread_id=thread_id)


def test_card_that_breaks_the_channel_does_not_block_others(harness: RouterHarness) -> None:
    harness.delivery = harness.another_delivery(Particular(harness.http, WEBHOOK))
    harness.accept(make_signal())
    harness.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(3)])

    harness.deliver_for(180)

    assert len(harness.discord.messages()) == 3
    assert [card.state for card in harness.cards()].count("pending") == 1


def test_stopped_channel_shows_on_pages_readiness_metrics_and_log(
    make_client: Any, unlimited: DiscordState, caplog: pytest.LogCaptureFixture
) -> None:
    unlimited.delete_webhook("1")
    client: TestClient = make_client(discord_webhook_url=WEBHOOK)

    client.post("/webhooks/alertmanager", json=webhook_json())
    until(lambda: client.get("/-/ready").json()["troubles"])

    why = "channel discord", "accepts nothing: HTTP 404 code 10015: Unknown Webhook"
    assert client.get("/-/ready").json()["troubles"] == dict([why])
    assert client.get("/-/ready").status_code == 200, "alerts are taken in and kept"
    for page in ("/", "/operations"):
        assert all(part in client.get(page, headers={"accept": "text/html"}).text for part in why)
    metrics = client.get("/metrics").text
    assert 'alert_router_channel_up{channel="discord"} 0.0' in metrics
    assert 'alert_router_cards{state="pending"} 1.0' in metrics
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["channel discord: accepts nothing: HTTP 404 code 10015: Unknown Webhook"]


def test_channel_up_metric_returns_to_one(make_client: Any, unlimited: DiscordState, clock: Clock) -> None:
    unlimited.delete_webhook("1")
    client: TestClient = make_client(discord_webhook_url=WEBHOOK)
    client.post("/webhooks/alertmanager", json=webhook_json())
    until(lambda: client.get("/-/ready").json()["troubles"])

    unlimited.revive_webhook("1")
    clock.move(CHECK_S + STOPPED_S)
    until(lambda: len(unlimited.messages()) == 1)

    until(lambda: 'alert_router_channel_up{channel="discord"} 1.0' in client.get("/metrics").text)
    assert client.get("/-/ready").json()["troubles"] == {}


def test_unknown_message_in_reply_to_a_create_backs_off(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(404, code=10008), times=None, operation="create")
    harness.accept(make_signal())

    harness.deliver_for(60)

    assert len([request for request in harness.discord.requests if request.operation == "create"]) <= 7
    assert harness.cards()[0].state == "pending"


def test_recreated_message_goes_before_edits(harness: RouterHarness) -> None:
    names = ["Deleted", "Edited"]
    harness.accept(*[make_signal({**API_DOWN, "alertname": name}) for name in names])
    harness.deliver_for(5)
    harness.discord.delete_message(harness.discord.messages()[0].id)
    harness.discord.requests.clear()

    harness.accept(make_signal({**API_DOWN, "alertname": "Deleted"}, annotations={"summary": "worse"}))
    harness.deliver_one()
    harness.accept(make_signal({**API_DOWN, "alertname": "Edited"}, ends_at=at(1)))
    harness.deliver_for(5)

    assert [request.operation for request in harness.discord.requests] == ["edit", "create", "edit"]


def test_constantly_changing_card_is_still_edited(harness: RouterHarness) -> None:
    """Every change is gathered with those that follow it; none may put the others off for ever."""
    harness.accept(make_signal())
    harness.deliver()
    for flap in range(1, 61):
        harness.clock.move(15)
        now = harness.clock.time()
        harness.accept(make_signal(starts_at=now, ends_at=now) if flap % 2 else make_signal(starts_at=now))
        harness.deliver()

    sent = sorted([*harness.discord.creates, *harness.discord.edits], key=attrgetter("at"))
    shown = [request.at for request in sent if "continued" not in str(request.payload)]
    flapping = [moment for moment in shown if moment - shown[0] > 10 * 15]
    assert max(later - earlier for earlier, later in pairwise(shown)) <= 75
    assert len(flapping) <= 20


def test_card_shows_flap_count_and_span(harness: RouterHarness) -> None:
    harness.run(harness.delivery.prepare())
    harness.accept(make_signal())
    for flap in range(1, 8):
        harness.accept(make_signal(starts_at=at(4 * flap - 4), ends_at=at(4 * flap - 2)))
        harness.clock.move(240)
        harness.accept(make_signal(starts_at=at(4 * flap)))
        harness.deliver()
    harness.deliver_for(120)

    last = harness.discord.messages()[-1]
    assert "flapped 7 times in 28 min" in last.embeds[0]["description"]


def test_edits_of_old_messages_have_their_own_rate(harness: RouterHarness) -> None:
    harness.discord.rates.limits = RateLimits(webhook_requests=0)
    harness.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(9)])
    harness.deliver_for(5)
    harness.clock.move(3700)
    harness.discord.requests.clear()

    harness.accept(
        *[
            make_signal({**DISK_FULL, "n": str(n)}, ends_at=at(5), group_labels={"n": str(n)})
            for n in range(9)
        ]
    )
    harness.accept(make_signal())
    harness.deliver_for(60)

    assert harness.discord.limited == 0
    edits = [edit.at for edit in harness.discord.edits]
    assert len(edits) == 9
    assert all(later - first >= 6 for first, later in zip(edits, edits[3:], strict=False))
    assert harness.discord.creates[0].at < edits[3], "what is new does not wait for old edits"


def test_webhook_channel_is_fetched_again_after_discord_was_away_at_start(
    harness: RouterHarness,
) -> None:
    harness.discord.faults.next(faults.status(503), operation="webhook")
    harness.run(harness.delivery.prepare())
    harness.accept(make_signal())
    harness.deliver()
    unlinked = harness.cards()[0].message_url

    harness.clock.move(CHECK_S)
    harness.accept(make_signal(annotations={"summary": "worse"}))
    harness.deliver()

    assert unlinked is None
    assert harness.cards()[0].message_url.startswith("https://discord.com/channels/")


def test_absurd_retry_after_is_capped(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.limited("global", seconds=10**9))
    harness.accept(make_signal())

    harness.deliver()

    assert harness.rate_limiter.wait_s(CHANNEL) <= 3600


def test_resolve_during_a_delivery_goes_before_other_edits(harness: RouterHarness) -> None:
    harness.accept(make_signal(DRIFT_HIGH))
    harness.deliver()
    harness.discord.faults.next(faults.hold(), operation="create")
    harness.accept(make_signal())

    async def resolve_while_it_is_held() -> None:
        delivering = asyncio.ensure_future(harness.delivery.step())
        await is_held(harness)
        await harness.accepting(make_signal(DRIFT_HIGH, annotations={"summary": "worse"}))
        await harness.accepting(make_signal(ends_at=at(5)))
        harness.discord.faults.release()
        await delivering

    harness.run(asyncio.wait_for(resolve_while_it_is_held(), 20))
    harness.deliver_for(5)

    titles = [edit.payload["embeds"][0]["title"] for edit in harness.discord.edits]
    assert ["ApiDown" in title for title in titles] == [True, False]


def test_message_from_before_a_clock_step_counts_as_old(harness: RouterHarness) -> None:
    """They seem to come from the future; how old they are nobody knows."""
    disks = [make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(20)]
    harness.discord.rates.limits = RateLimits(webhook_requests=0)
    harness.clock.wrong_by_s = 7200
    harness.accept(*disks)
    harness.deliver_for(30)
    harness.clock.move(3700)
    harness.clock.wrong_by_s = 0

    harness.accept(
        *[make_signal(disk.labels, ends_at=at(1), group_labels=disk.group_labels) for disk in disks]
    )
    harness.deliver_for(120)

    assert harness.discord.limited == 0
    assert all("resolved" in message.embeds[0]["title"] for message in harness.discord.messages())


def test_forum_channel_stops_and_loses_no_card(harness: RouterHarness) -> None:
    harness.discord.webhook("1", SECRET, "100", kind="forum")
    harness.accept(*[make_signal({**API_DOWN, "n": str(n)}, group_labels={"n": str(n)}) for n in range(5)])

    harness.deliver_for(30)

    assert harness.delivery.stopped is not None
    assert "220001" in harness.delivery.stopped
    assert {card.state for card in harness.cards()} == {"pending"}
    assert len(harness.outcomes()) == 1


def test_cards_of_a_removed_channel_are_not_in_metrics(
    make_client: Any, unlimited: DiscordState, clock: Clock
) -> None:
    unlimited.delete_webhook("1")
    before: TestClient = make_client(discord_webhook_url=WEBHOOK)
    before.post("/webhooks/alertmanager", json=webhook_json())
    until(lambda: before.get("/-/ready").json()["troubles"])
    assert 'alert_router_cards{state="pending"} 1.0' in before.get("/metrics").text
    before.__exit__(None, None, None)
    clock.move(600)

    after: TestClient = make_client()
    until(lambda: 'alert_router_cards{state="delivered"} 1.0' in after.get("/metrics").text)

    metrics = after.get("/metrics").text
    assert 'alert_router_cards{state="pending"} 0.0' in metrics
    assert "alert_router_oldest_pending_card_age_seconds 0.0" in metrics
