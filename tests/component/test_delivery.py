"""Cards to a strict fake Discord on a clock that is moved: created once, kept up to date, despite faults."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from alert_router.delivery.connection import CHECK_S
from alert_router.discord.card_view import CardView
from alert_router.discord.client import Reply
from alert_router.discord.embeds import Renderer
from alert_router.discord.packer import NO_FILES, CardText, Files, Payload
from alert_router.discord.preview import PreviewChannel
from alert_router.discord.templates import Templates
from alert_router.domain.model import DISCORD
from alert_router.domain.rate_limits import Capacity
from alert_router.services.card_plan import FLAPPING, FLAPPING_EDIT_S
from alert_router.store import card_queue
from alert_router.store.card_queue import LEASE_S, Claim
from testbed.factories import API_DOWN, DISK_FULL, DRIFT_HIGH, Clock, at, make_signal
from testbed.fakes.discord import Fault, RateLimits, faults, only, openapi
from testbed.router_harness import RouterHarness, is_held

GREEN = 0x30A46C


def title(harness: RouterHarness) -> str:
    return str(only(harness.discord.messages()).embeds[0]["title"])


def test_card_is_created_once(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    harness.accept(make_signal())

    harness.deliver_for(60)

    assert harness.outcomes() == [("create", "sent")]
    assert "ApiDown" in title(harness)
    assert [(card.state, card.due_at) for card in harness.cards()] == [("delivered", None)]


def test_change_edits_the_message(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()

    harness.accept(make_signal(annotations={"summary": "worse"}))
    harness.deliver()

    assert harness.outcomes() == [("create", "sent"), ("edit", "sent")]
    assert "worse" in str(only(harness.discord.messages()).embeds)


def test_resolve_turns_the_card_green_with_its_duration(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()

    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver()

    embed = only(harness.discord.messages()).embeds[0]
    assert embed["color"] == GREEN
    assert "lasted 5 min · resolved by itself" in embed["description"]


def test_change_that_is_undone_costs_no_request(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    harness.accept(make_signal(annotations={"summary": "worse"}))

    harness.accept(make_signal())
    harness.deliver()

    assert harness.outcomes() == [("create", "sent")]
    assert harness.cards()[0].state == "delivered"


def test_after_an_outage_only_the_present_state_is_sent(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(503), times=1)
    harness.accept(make_signal())
    harness.deliver()
    for minute in (1, 2, 3):
        harness.accept(make_signal(annotations={"summary": f"minute {minute}"}))
    harness.accept(make_signal(ends_at=at(4)))

    harness.deliver_for(30)

    assert harness.outcomes() == [("create", "retry"), ("create", "sent")]
    assert "🟢" in title(harness)


def test_every_sent_message_matches_discords_openapi(harness: RouterHarness) -> None:
    harness.accept(*[make_signal({**DISK_FULL, "instance": f"db-{n}"}) for n in range(60)], make_signal())
    harness.deliver_for(10)
    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver_for(10)

    assert len(harness.discord.edits) >= 1
    for sent in harness.discord.creates:
        assert openapi.validate_execute(sent.payload) in ([], None)
        assert sent.query["wait"] == sent.query["with_components"] == "true"
    for sent in [*harness.discord.creates, *harness.discord.edits]:
        assert openapi.validate_edit(sent.payload) in ([], None)
        assert sent.payload["allowed_mentions"] == {"parse": []}
    assert harness.discord.unknown_keys == []


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(500),
        faults.status(502),
        faults.status(503),
        faults.status(504),
        faults.status(408),
        faults.timeout(),
        faults.reset(),
        faults.limited("user", seconds=3),
        faults.limited("shared", seconds=3),
        faults.limited("global", seconds=3),
        faults.limited("cloudflare_html", seconds=50),
        faults.limited("cloudflare_json", seconds=50),
        faults.invalid_body("html", stored=False),
        faults.invalid_body("empty", stored=False),
        faults.invalid_body("list", stored=False),
    ],
    ids=str,
)
def test_passing_fault_only_delays_the_card(harness: RouterHarness, fault: Fault) -> None:
    harness.discord.faults.next(fault)
    harness.accept(make_signal())

    harness.deliver_for(120)

    only(harness.discord.messages())
    assert harness.cards()[0].state == "delivered"
    assert harness.discord.rates.impatient == 0
    assert harness.outcomes() == [("create", "retry"), ("create", "sent")]


@pytest.mark.parametrize(
    "fault",
    [
        faults.timeout(stored=True),
        faults.reset(stored=True),
        faults.status(504, stored=True),
        faults.invalid_body("broken_json"),
    ],
    ids=str,
)
def test_edit_without_a_reply_is_retried(harness: RouterHarness, fault: Fault) -> None:
    harness.accept(make_signal())
    harness.deliver()
    harness.discord.faults.next(fault, operation="edit")

    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver_for(60)

    assert only(harness.discord.messages()).embeds[0]["color"] == GREEN
    assert len(harness.discord.creates) == 1


def test_backoff_grows_up_to_its_limit(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(500), times=None)
    harness.accept(make_signal())

    harness.deliver_for(3600)

    requests = [request.at for request in harness.discord.requests if request.operation == "create"]
    waits = [later - request for request, later in pairwise(requests)]
    assert waits == sorted(waits)
    assert 300 <= waits[-1] <= 300 + 2 * 60
    assert harness.cards()[0].state == "pending"


def test_deleted_message_is_created_again(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    harness.discord.delete_message(only(harness.discord.messages()).id)

    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver()

    assert [outcome for outcome in harness.outcomes() if outcome[1] != "sent"] == [("edit", "gone")]
    assert only(harness.discord.messages()).embeds[0]["color"] == GREEN


def test_refused_card_is_degraded_until_it_is_accepted(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(400), times=2)
    harness.accept(make_signal())

    harness.deliver_for(10)

    assert harness.outcomes() == [("create", "degraded"), ("create", "degraded"), ("create", "sent")]
    message = only(harness.discord.messages())
    assert (message.embeds, message.components) == ((), ())
    assert "ApiDown" in message.content


def test_card_refused_as_plain_text_is_a_dead_letter(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(400), times=3)
    harness.accept(make_signal())

    harness.deliver_for(3600)

    card = harness.cards()[0]
    assert (card.state, card.due_at, card.message_id) == ("dead", None, None)
    assert "50035" in card.error
    assert harness.outcomes()[-1] == ("create", "rejected")
    assert len(harness.outcomes()) == 3


def test_dead_letter_is_retried_when_its_alert_changes(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(400), times=3)
    harness.accept(make_signal())
    harness.deliver_for(10)

    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver_for(10)

    assert harness.cards()[0].state == "delivered"


@pytest.mark.parametrize("how", ["deleted", "forbidden", "wrong token"])
def test_stopped_channel_keeps_its_cards_pending(harness: RouterHarness, how: str) -> None:
    refusal = {"deleted": None, "forbidden": faults.status(403), "wrong token": faults.status(401)}[how]
    if refusal is None:
        harness.discord.delete_webhook("1")
    else:
        harness.discord.faults.next(refusal, times=None)
    harness.accept(make_signal())

    harness.deliver_for(3600)

    sent = [request for request in harness.discord.requests if request.operation == "create"]
    fetched = [request for request in harness.discord.requests if request.operation == "webhook"]
    assert len(sent) == 1
    assert len(fetched) <= 3600 / CHECK_S + 1
    assert harness.cards()[0].state == "pending"
    assert harness.delivery.stopped


def test_recovered_channel_gets_the_present_state(harness: RouterHarness) -> None:
    harness.discord.delete_webhook("1")
    harness.accept(make_signal())
    harness.deliver_for(600)
    harness.accept(make_signal(ends_at=at(5)))

    harness.discord.revive_webhook("1")
    harness.deliver_for(2 * CHECK_S)

    assert only(harness.discord.messages()).embeds[0]["color"] == GREEN
    assert harness.cards()[0].state == "delivered"


def test_priority_is_critical_then_new_then_resolve_then_edit(harness: RouterHarness) -> None:
    resolving = make_signal({**API_DOWN, "alertname": "Resolving"})
    editing = make_signal({**API_DOWN, "alertname": "Editing"})
    harness.accept(resolving, editing)
    harness.deliver_for(10)
    harness.discord.requests.clear()

    harness.accept(make_signal({**editing.labels}, annotations={"summary": "edited"}))
    harness.accept(make_signal(resolving.labels, ends_at=at(5)))
    harness.accept(make_signal(DRIFT_HIGH))
    harness.accept(make_signal(API_DOWN))
    harness.deliver_for(10)

    titles = [
        request.payload["embeds"][0]["title"] for request in harness.discord.requests if request.payload
    ]
    names = [
        name for text in titles for name in ("ApiDown", "DriftHigh", "Resolving", "Editing") if name in text
    ]
    assert names == ["ApiDown", "DriftHigh", "Resolving", "Editing"]


def test_failing_card_does_not_delay_others(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(500), times=1)
    harness.accept(make_signal())
    harness.accept(make_signal(DRIFT_HIGH))

    harness.deliver()

    assert harness.outcomes() == [("create", "retry"), ("create", "sent")]


def test_no_rate_limit_is_ever_hit(harness: RouterHarness) -> None:
    harness.run(harness.delivery.prepare())
    harness.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(28)])
    harness.deliver_for(120)
    harness.accept(
        *[
            make_signal({**DISK_FULL, "n": str(n)}, ends_at=at(5), group_labels={"n": str(n)})
            for n in range(28)
        ]
    )
    harness.deliver_for(180)

    assert harness.discord.limited == 0
    assert (len(harness.discord.creates), len(harness.discord.edits)) == (28, 28)


def test_two_routers_on_one_database_create_a_card_once(harness: RouterHarness) -> None:
    harness.discord.rates.limits = RateLimits(enabled=False)
    other = harness.another_delivery()
    harness.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(20)])

    async def together() -> None:
        await asyncio.gather(*[worker.step() for _ in range(20) for worker in (harness.delivery, other)])

    harness.run(together())

    assert len(harness.discord.creates) == len(harness.discord.messages()) == 20
    assert {card.state for card in harness.cards()} == {"delivered"}


class Overtaken(PreviewChannel):
    """While this one waits for its answer, its lease ends and another router delivers the card."""

    def __init__(self, harness: RouterHarness) -> None:
        self._house = harness
        self.answered = 0

    async def create(
        self, payload: Payload, *, thread_id: str | None = None, files: Files = NO_FILES
    ) -> Reply:
        self._house.clock.move(LEASE_S + 1)
        await self._house.another_delivery().step()
        self.answered += 1
        return await super().create(payload, thread_id=thread_id)


def test_router_without_the_lease_stores_no_outcome(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    slow = Overtaken(harness)

    harness.run(harness.another_delivery(slow).step())

    message = only(harness.discord.messages())
    assert slow.answered == 1
    assert [(card.message_id, card.state, card.lease) for card in harness.cards()] == [
        (message.id, "delivered", None)
    ]


class HeldUp(Templates):
    """Takes so long that the lease is over."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def render(self, view: CardView) -> CardText:
        self._clock.move(LEASE_S + 1)
        return super().render(view)


def test_stale_claim_is_not_sent(harness: RouterHarness) -> None:
    harness.accept(make_signal())

    slow = Renderer(HeldUp(harness.clock), "https://router.example.org")
    harness.run(harness.another_delivery(renderer=slow).step())

    assert harness.discord.creates == []
    harness.deliver()
    assert len(harness.discord.creates) == 1


def test_expired_lease_is_reclaimed(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.lease_cards(LEASE_S)

    early = harness.deliver()
    harness.clock.move(LEASE_S)
    harness.deliver()

    assert early > 0
    assert harness.outcomes() == [("create", "sent")]


@pytest.mark.parametrize(("behind_s", "taken"), [(0.001, False), (5.0, False), (3600.0, True)])
def test_lease_by_a_clock_slightly_ahead_is_respected(
    harness: RouterHarness, behind_s: float, *, taken: bool
) -> None:
    """A claim that waited for its turn to write comes with an hour from before the other's."""
    harness.accept(make_signal())
    harness.clock.move(60)
    now = harness.clock.time()

    def claim(at: datetime) -> Claim | None:
        with harness.store.write() as conn:
            return card_queue.claim(conn, DISCORD, at, Capacity(0), lease="one")

    assert claim(now) is not None
    assert (claim(now - timedelta(seconds=behind_s)) is not None) is taken


def test_clock_step_back_strands_no_card(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(500))
    harness.clock.wrong_by_s = 10 * 86400
    harness.accept(make_signal())
    harness.deliver()

    harness.clock.wrong_by_s = 0
    harness.deliver_for(5)

    assert harness.cards()[0].state == "delivered"


def test_stop_waits_for_the_request_and_stores_its_outcome(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.hold(), operation="create")
    harness.accept(make_signal())

    async def stop_while_it_is_held() -> None:
        running = asyncio.ensure_future(harness.delivery.run())
        await is_held(harness)
        stopping = asyncio.ensure_future(harness.delivery.stop())
        await asyncio.sleep(0)
        harness.discord.faults.release()
        await asyncio.gather(running, stopping)

    harness.run(asyncio.wait_for(stop_while_it_is_held(), 20))

    assert harness.cards()[0].message_id == only(harness.discord.messages()).id
    assert harness.cards()[0].lease is None


def test_change_during_a_delivery_is_delivered_next(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.hold(), operation="create")
    harness.accept(make_signal())

    async def change_while_it_is_held() -> None:
        delivering = asyncio.ensure_future(harness.delivery.step())
        await is_held(harness)
        await harness.accepting(make_signal(ends_at=at(5)))
        harness.discord.faults.release()
        await delivering

    harness.run(asyncio.wait_for(change_while_it_is_held(), 20))
    harness.deliver()

    assert harness.outcomes() == [("create", "sent"), ("edit", "sent")]
    assert only(harness.discord.messages()).embeds[0]["color"] == GREEN


def comes_and_goes(harness: RouterHarness, minute: float) -> None:
    harness.accept(make_signal(starts_at=at(minute)))
    harness.deliver_for(10)
    harness.accept(make_signal(starts_at=at(minute), ends_at=at(minute + 0.2)))
    harness.deliver_for(10)


def test_flapping_incident_is_edited_once_a_minute(harness: RouterHarness) -> None:
    for third in range(FLAPPING):
        comes_and_goes(harness, third / 3)
    calm = harness.outcomes().count(("edit", "sent"))

    for third in range(FLAPPING, FLAPPING + 15):
        comes_and_goes(harness, third / 3)
    harness.deliver_for(FLAPPING_EDIT_S)

    message = harness.discord.messages()[-1]
    assert calm == 2 * FLAPPING - 1
    assert 5 <= harness.outcomes().count(("edit", "sent")) - calm <= 7
    assert f"flapped {FLAPPING + 14} times" in message.embeds[0]["description"]


def rises(harness: RouterHarness) -> None:
    harness.accept(make_signal(DRIFT_HIGH))
    harness.deliver_for(5)
    harness.accept(make_signal({**DRIFT_HIGH, "severity": "critical"}))


def fires_long_after(harness: RouterHarness) -> None:
    harness.accept(make_signal(DRIFT_HIGH))
    harness.deliver_for(5)
    harness.accept(make_signal(DRIFT_HIGH, ends_at=at(1)))
    harness.deliver_for(31 * 60)
    harness.accept(make_signal(DRIFT_HIGH, starts_at=at(31)))


@pytest.mark.parametrize("story", [rises, fires_long_after])
def test_new_card_notifies_and_the_old_one_links_to_it(harness: RouterHarness, story: Any) -> None:
    harness.run(harness.delivery.prepare())
    story(harness)

    harness.deliver_for(10)

    old, new = harness.discord.messages()
    assert f"/{new.id}" in str(old.embeds)
    assert "continued" in old.embeds[0]["title"]
    assert f"/{old.id}" not in str(new.embeds)
    assert {card.state for card in harness.cards()} == {"delivered"}


@pytest.mark.parametrize("minute", [1, 31])
def test_card_overtaken_by_a_digest_links_to_the_digest(harness: RouterHarness, minute: float) -> None:
    harness.run(harness.delivery.prepare())
    harness.discord.rates.limits = RateLimits(enabled=False)
    harness.accept(make_signal(DRIFT_HIGH))
    harness.deliver_for(5)
    harness.accept(make_signal(DRIFT_HIGH, ends_at=at(0.5)))
    harness.deliver_for(minute * 60)

    harness.accept(
        *[make_signal({**API_DOWN, "n": str(n)}, group_labels={"c": str(n)}) for n in range(6)],
        *[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(300)],
        make_signal({**DRIFT_HIGH, "severity": "critical"}, starts_at=at(minute)),
    )
    harness.deliver_for(20)
    harness.accept(make_signal({**DRIFT_HIGH, "severity": "critical"}, ends_at=at(minute + 1)))
    harness.deliver_for(20)

    digest = next(
        message for message in harness.discord.messages() if "incidents" in message.embeds[0]["title"]
    )
    old = next(message for message in harness.discord.messages() if "DriftHigh" in message.embeds[0]["title"])
    assert "continued" in old.embeds[0]["title"]
    assert f"/{digest.id}" in str(old.embeds)


def test_idle_worker_opens_no_write_transaction(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    begun: list[sa.Connection] = []
    sa.event.listen(harness.store.writer, "begin", begun.append)

    harness.deliver()
    idle = len(begun)
    harness.accept(make_signal(ends_at=at(5)))
    harness.deliver_one()

    assert idle == 0
    assert len(begun) == 3, "intake, claim and outcome"
    assert harness.outcomes()[-1] == ("edit", "sent")


def test_worker_without_capacity_opens_no_write_transaction(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.limited("user", seconds=40))
    harness.accept(make_signal())
    harness.deliver()
    begun: list[sa.Connection] = []
    sa.event.listen(harness.store.writer, "begin", begun.append)

    harness.deliver(harness.another_delivery())

    assert begun == []
    assert harness.cards()[0].state == "pending"
