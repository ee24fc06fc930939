"""What a channel bears and how fast: no card stops it, none waits for ever, no limit is hit."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from starlette.testclient import TestClient

from alert_router.delivery.connection import CHECK_S
from alert_router.delivery.outcome import STOPPED_S
from alert_router.discord.client import DiscordChannel, Reply
from alert_router.discord.packer import Payload
from alert_router.discord.responses import ChannelGone
from testbed.factories import API_DOWN, DISK_FULL, DRIFT_HIGH, SECRET, Clock, at, make_signal, webhook_json
from testbed.fakes.discord import DiscordState, RateLimits, faults, only
from testbed.router_harness import CHANNEL, WEBHOOK, RouterHarness, is_held, until

# --- a channel that takes nothing, and people who must know it


class Particular(DiscordChannel):
    """Is there, and refuses one message as if it were not, again and again."""

    async def create(self, payload: Payload) -> Reply:
        if "ApiDown" in payload["embeds"][0]["title"]:
            return Reply(ChannelGone("HTTP 403"), None, 403)
        return await super().create(payload)


def test_a_card_the_channel_cannot_bear_does_not_stop_the_others(harness: RouterHarness) -> None:
    harness.delivery = harness.another_delivery(Particular(harness.http, WEBHOOK))
    harness.accept(make_signal())
    harness.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(3)])

    harness.deliver_for(180)

    assert len(harness.discord.messages()) == 3
    assert [card.state for card in harness.cards()].count("pending") == 1


def test_a_stopped_channel_is_told_on_the_pages_in_readiness_metrics_and_the_log(
    make_client: Any, unlimited: DiscordState, caplog: pytest.LogCaptureFixture
) -> None:
    unlimited.delete_webhook("1")
    client: TestClient = make_client(discord_webhook_url=WEBHOOK)

    client.post("/webhooks/alertmanager", json=webhook_json())
    until(lambda: client.get("/-/ready").json()["troubles"])

    why = "channel discord", "accepts nothing: HTTP 404 code 10015: Unknown Webhook"
    assert client.get("/-/ready").json()["troubles"] == dict([why])
    assert client.get("/-/ready").status_code == 200, "alerts are taken in and kept"
    for page in ("/", "/alerts"):
        assert all(part in client.get(page, headers={"accept": "text/html"}).text for part in why)
    metrics = client.get("/metrics").text
    assert 'alert_router_channel_up{channel="discord"} 0.0' in metrics
    assert 'alert_router_cards{state="pending"} 1.0' in metrics
    errors = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert errors == ["card 1: create stopped: HTTP 404 code 10015: Unknown Webhook"]


def test_the_metric_says_that_a_channel_is_back(
    make_client: Any, unlimited: DiscordState, clock: Clock
) -> None:
    unlimited.delete_webhook("1")
    client: TestClient = make_client(discord_webhook_url=WEBHOOK)
    client.post("/webhooks/alertmanager", json=webhook_json())
    until(lambda: client.get("/-/ready").json()["troubles"])

    unlimited.revive_webhook("1")
    clock.move(CHECK_S + STOPPED_S)
    until(lambda: len(unlimited.messages()) == 1)

    until(lambda: 'alert_router_channel_up{channel="discord"} 1.0' in client.get("/metrics").text)
    assert client.get("/-/ready").json()["troubles"] == {}


def test_a_gone_message_said_of_one_to_be_made_is_not_asked_for_at_once_again(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(404, code=10008), times=None, operation="create")
    harness.accept(make_signal())

    harness.deliver_for(60)

    assert len([one for one in harness.discord.requests if one.operation == "create"]) <= 7
    assert harness.cards()[0].state == "pending"


def test_a_deleted_message_that_is_told_anew_goes_before_edits(harness: RouterHarness) -> None:
    names = ["Deleted", "Edited"]
    harness.accept(*[make_signal({**API_DOWN, "alertname": name}) for name in names])
    harness.deliver_for(5)
    harness.discord.delete_message(harness.discord.messages()[0].id)
    harness.discord.requests.clear()

    harness.accept(make_signal({**API_DOWN, "alertname": "Deleted"}, annotations={"summary": "worse"}))
    harness.deliver_one()
    harness.accept(make_signal({**API_DOWN, "alertname": "Edited"}, ends_at=at(1)))
    harness.deliver_for(5)

    assert [one.operation for one in harness.discord.requests] == ["edit", "create", "edit"]


# --- pace


def test_a_card_that_changes_all_the_time_is_edited_now_and_then_all_the_same(harness: RouterHarness) -> None:
    """Every change is gathered with those that follow it; none may put the others off for ever."""
    harness.accept(make_signal())
    harness.deliver()
    for flap in range(1, 61):
        harness.clock.move(15)
        now = harness.clock.time()
        harness.accept(make_signal(starts_at=now, ends_at=now) if flap % 2 else make_signal(starts_at=now))
        harness.deliver()

    told = [one.at for one in harness.discord.edits]
    flapping = [moment for moment in told if moment - told[0] > 10 * 15]
    assert len(flapping) >= 10
    assert max(later - one for one, later in pairwise(told)) <= 75
    assert min(later - one for one, later in pairwise(flapping)) >= 60


def test_a_card_says_how_often_it_flapped_and_in_what_time(harness: RouterHarness) -> None:
    harness.run(harness.delivery.prepare())
    harness.accept(make_signal())
    for flap in range(1, 8):
        harness.accept(make_signal(starts_at=at(4 * flap - 4), ends_at=at(4 * flap - 2)))
        harness.clock.move(240)
        harness.accept(make_signal(starts_at=at(4 * flap)))
        harness.deliver()
    harness.deliver_for(120)

    fields = {one["name"]: one["value"] for one in only(harness.discord.messages()).embeds[0]["fields"]}
    assert fields["Flapped"] == "7 times in 28 min"
    assert len(harness.discord.creates) == 1


def test_edits_of_messages_older_than_an_hour_are_paced_by_themselves(harness: RouterHarness) -> None:
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
    edits = [one.at for one in harness.discord.edits]
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


def test_a_wait_without_sense_is_not_waited_out(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.limited("global", seconds=10**9))
    harness.accept(make_signal())

    harness.deliver()

    assert harness.rate_limiter.wait_s(CHANNEL) <= 3600


def test_what_turned_out_over_while_it_was_told_goes_before_other_edits(harness: RouterHarness) -> None:
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

    told = [one.payload["embeds"][0]["title"] for one in harness.discord.edits]
    assert ["ApiDown" in title for title in told] == [True, False]


def test_edits_of_messages_from_before_a_clocks_step_are_paced_as_old_ones(harness: RouterHarness) -> None:
    """They seem to come from the future; how old they are nobody knows."""
    disks = [make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(20)]
    harness.discord.rates.limits = RateLimits(webhook_requests=0)
    harness.clock.wrong_by_s = 7200
    harness.accept(*disks)
    harness.deliver_for(30)
    harness.clock.move(3700)
    harness.clock.wrong_by_s = 0

    harness.accept(*[make_signal(one.labels, ends_at=at(1), group_labels=one.group_labels) for one in disks])
    harness.deliver_for(120)

    assert harness.discord.limited == 0
    assert all("resolved" in message.embeds[0]["title"] for message in harness.discord.messages())


def test_a_forum_is_a_channels_fault_and_costs_no_card(harness: RouterHarness) -> None:
    harness.discord.webhook("1", SECRET, "100", kind="forum")
    harness.accept(*[make_signal({**API_DOWN, "n": str(n)}, group_labels={"n": str(n)}) for n in range(5)])

    harness.deliver_for(30)

    assert harness.delivery.stopped is not None
    assert "220001" in harness.delivery.stopped
    assert {card.state for card in harness.cards()} == {"pending"}
    assert len(harness.outcomes()) == 1


def test_what_waits_for_a_channel_that_is_no_longer_there_keeps_no_metric_high(
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

    found = after.get("/metrics").text
    assert 'alert_router_cards{state="pending"} 0.0' in found
    assert "alert_router_oldest_pending_card_age_seconds 0.0" in found
