"""Cards to a strict Discord on a clock that is moved: told once, kept up to date, whatever goes wrong."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from alert_router.delivery.worker import CHECK_S
from alert_router.discord.client import Reply
from alert_router.discord.embeds import Renderer
from alert_router.discord.packer import Payload
from alert_router.discord.preview import PreviewChannel
from alert_router.discord.templates import Templates, Words
from alert_router.domain.model import DISCORD, CardState
from alert_router.services.intake import FLAPPING, FLAPPING_EDIT_S
from alert_router.store import card_queue
from alert_router.store.card_queue import LEASE_S, Claim
from testbed.factories import API_DOWN, DISK_FULL, DRIFT_HIGH, Clock, at, make_signal
from testbed.fakes.discord import Fault, RateLimits, faults, only, openapi
from testbed.router_harness import House, is_held

GREEN = 0x30A46C


def title(house: House) -> str:
    return str(only(house.discord.messages()).embeds[0]["title"])


def test_a_card_is_created_once_and_then_left_alone(house: House) -> None:
    house.accept(make_signal())
    house.deliver()
    house.accept(make_signal())

    house.deliver_for(60)

    assert house.outcomes() == [("create", "sent")]
    assert "ApiDown" in title(house)
    assert [(card.state, card.due_at) for card in house.cards()] == [("delivered", None)]


def test_a_change_edits_the_same_message(house: House) -> None:
    house.accept(make_signal())
    house.deliver()

    house.accept(make_signal(annotations={"summary": "worse"}))
    house.deliver()

    assert house.outcomes() == [("create", "sent"), ("edit", "sent")]
    assert "worse" in str(only(house.discord.messages()).embeds)


def test_a_resolve_turns_the_message_green_and_tells_how_long_it_lasted(house: House) -> None:
    house.accept(make_signal())
    house.deliver()

    house.accept(make_signal(ends_at=at(5)))
    house.deliver()

    embed = only(house.discord.messages()).embeds[0]
    assert embed["color"] == GREEN
    assert "5 min" in str(embed["fields"])


def test_what_changes_back_before_it_is_told_costs_no_request(house: House) -> None:
    house.accept(make_signal())
    house.deliver()
    house.accept(make_signal(annotations={"summary": "worse"}))

    house.accept(make_signal())
    house.deliver()

    assert house.outcomes() == [("create", "sent")]
    assert house.cards()[0].state == "delivered"


def test_after_an_outage_only_the_present_state_is_told(house: House) -> None:
    house.discord.faults.next(faults.status(503), times=1)
    house.accept(make_signal())
    house.deliver()
    for minute in (1, 2, 3):
        house.accept(make_signal(annotations={"summary": f"minute {minute}"}))
    house.accept(make_signal(ends_at=at(4)))

    house.deliver_for(30)

    assert house.outcomes() == [("create", "retry"), ("create", "sent")]
    assert "🟢" in title(house)


def test_every_message_that_went_out_is_as_discord_describes_it(house: House) -> None:
    house.accept(*[make_signal({**DISK_FULL, "instance": f"db-{n}"}) for n in range(60)], make_signal())
    house.deliver_for(10)
    house.accept(make_signal(ends_at=at(5)))
    house.deliver_for(10)

    assert len(house.discord.edits) >= 1
    for sent in house.discord.creates:
        assert openapi.validate_execute(sent.payload) in ([], None)
        assert sent.query["wait"] == sent.query["with_components"] == "true"
    for sent in [*house.discord.creates, *house.discord.edits]:
        assert openapi.validate_edit(sent.payload) in ([], None)
        assert sent.payload["allowed_mentions"] == {"parse": []}
    assert house.discord.unknown_keys == []


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
        faults.malformed("html", stored=False),
        faults.malformed("empty", stored=False),
        faults.malformed("list", stored=False),
    ],
    ids=str,
)
def test_a_fault_that_passes_costs_time_and_nothing_else(house: House, fault: Fault) -> None:
    house.discord.faults.next(fault)
    house.accept(make_signal())

    house.deliver_for(120)

    only(house.discord.messages())
    assert house.cards()[0].state == "delivered"
    assert house.discord.rates.impatient == 0
    assert house.outcomes() == [("create", "retry"), ("create", "sent")]


@pytest.mark.parametrize(
    "fault",
    [
        faults.timeout(stored=True),
        faults.reset(stored=True),
        faults.status(504, stored=True),
        faults.malformed("broken_json"),
    ],
    ids=str,
)
def test_an_edit_whose_answer_is_lost_is_repeated_without_harm(house: House, fault: Fault) -> None:
    house.accept(make_signal())
    house.deliver()
    house.discord.faults.next(fault, operation="edit")

    house.accept(make_signal(ends_at=at(5)))
    house.deliver_for(60)

    assert only(house.discord.messages()).embeds[0]["color"] == GREEN
    assert len(house.discord.creates) == 1


def test_failures_in_a_row_are_waited_out_longer_and_longer(house: House) -> None:
    house.discord.faults.next(faults.status(500), times=None)
    house.accept(make_signal())

    house.deliver_for(3600)

    requests = [one.at for one in house.discord.requests if one.operation == "create"]
    waits = [later - one for one, later in pairwise(requests)]
    assert waits == sorted(waits)
    assert 300 <= waits[-1] <= 300 + 2 * 60
    assert house.cards()[0].state == "pending"


def test_a_deleted_message_is_told_anew(house: House) -> None:
    house.accept(make_signal())
    house.deliver()
    house.discord.delete_message(only(house.discord.messages()).id)

    house.accept(make_signal(ends_at=at(5)))
    house.deliver()

    assert [outcome for outcome in house.outcomes() if outcome[1] != "sent"] == [("edit", "gone")]
    assert only(house.discord.messages()).embeds[0]["color"] == GREEN


def test_what_discord_refuses_is_said_with_less_until_it_is_taken(house: House) -> None:
    house.discord.faults.next(faults.status(400), times=2)
    house.accept(make_signal())

    house.deliver_for(10)

    assert house.outcomes() == [("create", "degraded"), ("create", "degraded"), ("create", "sent")]
    message = only(house.discord.messages())
    assert (message.embeds, message.components) == ((), ())
    assert "ApiDown" in message.content


def test_what_discord_refuses_even_as_plain_text_is_a_dead_letter(house: House) -> None:
    house.discord.faults.next(faults.status(400), times=3)
    house.accept(make_signal())

    house.deliver_for(3600)

    card = house.cards()[0]
    assert (card.state, card.due_at, card.message_id) == ("dead", None, None)
    assert "50035" in card.error
    assert house.outcomes()[-1] == ("create", "rejected")
    assert len(house.outcomes()) == 3


def test_a_dead_letter_is_tried_again_when_there_is_something_new_to_tell(house: House) -> None:
    house.discord.faults.next(faults.status(400), times=3)
    house.accept(make_signal())
    house.deliver_for(10)

    house.accept(make_signal(ends_at=at(5)))
    house.deliver_for(10)

    assert house.cards()[0].state == "delivered"


@pytest.mark.parametrize("how", ["deleted", "forbidden", "wrong token"])
def test_a_channel_that_is_gone_rests_and_its_cards_wait_for_it(house: House, how: str) -> None:
    refusal = {"deleted": None, "forbidden": faults.status(403), "wrong token": faults.status(401)}[how]
    if refusal is None:
        house.discord.delete_webhook("1")
    else:
        house.discord.faults.next(refusal, times=None)
    house.accept(make_signal())

    house.deliver_for(3600)

    sent = [one for one in house.discord.requests if one.operation == "create"]
    asked = [one for one in house.discord.requests if one.operation == "webhook"]
    assert len(sent) == 1
    assert len(asked) <= 3600 / CHECK_S + 1
    assert house.cards()[0].state == "pending"
    assert house.delivery.stopped


def test_a_revived_channel_is_told_what_waited_in_its_present_state(house: House) -> None:
    house.discord.delete_webhook("1")
    house.accept(make_signal())
    house.deliver_for(600)
    house.accept(make_signal(ends_at=at(5)))

    house.discord.revive_webhook("1")
    house.deliver_for(2 * CHECK_S)

    assert only(house.discord.messages()).embeds[0]["color"] == GREEN
    assert house.cards()[0].state == "delivered"


def test_critical_is_told_first_then_new_then_resolved_then_the_rest(house: House) -> None:
    resolving = make_signal({**API_DOWN, "alertname": "Resolving"})
    editing = make_signal({**API_DOWN, "alertname": "Editing"})
    house.accept(resolving, editing)
    house.deliver_for(10)
    house.discord.requests.clear()

    house.accept(make_signal({**editing.labels}, annotations={"summary": "edited"}))
    house.accept(make_signal(resolving.labels, ends_at=at(5)))
    house.accept(make_signal(DRIFT_HIGH))
    house.accept(make_signal(API_DOWN))
    house.deliver_for(10)

    told = [one.payload["embeds"][0]["title"] for one in house.discord.requests if one.payload]
    names = [
        name for text in told for name in ("ApiDown", "DriftHigh", "Resolving", "Editing") if name in text
    ]
    assert names == ["ApiDown", "DriftHigh", "Resolving", "Editing"]


def test_a_card_that_keeps_failing_does_not_hold_up_the_others(house: House) -> None:
    house.discord.faults.next(faults.status(500), times=1)
    house.accept(make_signal())
    house.accept(make_signal(DRIFT_HIGH))

    house.deliver()

    assert house.outcomes() == [("create", "retry"), ("create", "sent")]


def test_no_rate_limit_is_ever_run_into(house: House) -> None:
    house.run(house.delivery.prepare())
    house.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(28)])
    house.deliver_for(120)
    house.accept(
        *[
            make_signal({**DISK_FULL, "n": str(n)}, ends_at=at(5), group_labels={"n": str(n)})
            for n in range(28)
        ]
    )
    house.deliver_for(180)

    assert house.discord.limited == 0
    assert (len(house.discord.creates), len(house.discord.edits)) == (28, 28)


# --- more than one router


def test_two_routers_on_one_database_create_a_card_once(house: House) -> None:
    house.discord.rates.limits = RateLimits(enabled=False)
    other = house.another_delivery()
    house.accept(*[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(20)])

    async def together() -> None:
        await asyncio.gather(*[one.step() for _ in range(20) for one in (house.delivery, other)])

    house.run(together())

    assert len(house.discord.creates) == len(house.discord.messages()) == 20
    assert {card.state for card in house.cards()} == {"delivered"}


class Overtaken(PreviewChannel):
    """While this one waits for its answer, its lease ends and another router delivers the card."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.answered = 0

    async def create(self, payload: Payload) -> Reply:
        self._house.clock.move(LEASE_S + 1)
        await self._house.another_delivery().step()
        self.answered += 1
        return await super().create(payload)


def test_who_lost_the_lease_writes_nothing_over_the_one_who_has_it(house: House) -> None:
    house.accept(make_signal())
    slow = Overtaken(house)

    house.run(house.another_delivery(slow).step())

    message = only(house.discord.messages())
    assert slow.answered == 1
    assert [(card.message_id, card.state, card.lease) for card in house.cards()] == [
        (message.id, "delivered", None)
    ]


class HeldUp(Templates):
    """Takes so long that the lease is over."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def words(self, state: CardState) -> Words:
        self._clock.move(LEASE_S + 1)
        return super().words(state)


def test_a_router_that_was_held_up_sends_nothing_that_another_may_have_sent(house: House) -> None:
    house.accept(make_signal())

    slow = Renderer(HeldUp(house.clock), "https://router.example.org")
    house.run(house.another_delivery(renderer=slow).step())

    assert house.discord.creates == []
    house.deliver()
    assert len(house.discord.creates) == 1


def test_a_dead_routers_card_comes_back_after_its_lease(house: House) -> None:
    house.accept(make_signal())
    house.lease_cards(LEASE_S)

    early = house.deliver()
    house.clock.move(LEASE_S)
    house.deliver()

    assert early > 0
    assert house.outcomes() == [("create", "sent")]


@pytest.mark.parametrize(("behind_s", "taken"), [(0.001, False), (5.0, False), (3600.0, True)])
def test_a_lease_taken_by_a_clock_a_little_ahead_is_respected(
    house: House, behind_s: float, *, taken: bool
) -> None:
    """A claim that waited for its turn to write comes with an hour from before the other's."""
    house.accept(make_signal())
    house.clock.move(60)
    now = house.clock.time()

    def claim(at: datetime) -> Claim | None:
        with house.store.write() as conn:
            return card_queue.claim(conn, DISCORD, at, lease="one", lease_s=LEASE_S, max_wait_s=300)

    assert claim(now) is not None
    assert (claim(now - timedelta(seconds=behind_s)) is not None) is taken


def test_a_clock_that_stepped_back_strands_no_card(house: House) -> None:
    house.discord.faults.next(faults.status(500))
    house.clock.wrong_by_s = 10 * 86400
    house.accept(make_signal())
    house.deliver()

    house.clock.wrong_by_s = 0
    house.deliver_for(5)

    assert house.cards()[0].state == "delivered"


def test_stopping_lets_the_request_under_way_end_and_be_written_down(house: House) -> None:
    house.discord.faults.next(faults.hold(), operation="create")
    house.accept(make_signal())

    async def stop_while_it_is_held() -> None:
        running = asyncio.ensure_future(house.delivery.run())
        await is_held(house)
        stopping = asyncio.ensure_future(house.delivery.stop())
        await asyncio.sleep(0)
        house.discord.faults.release()
        await asyncio.gather(running, stopping)

    house.run(asyncio.wait_for(stop_while_it_is_held(), 20))

    assert house.cards()[0].message_id == only(house.discord.messages()).id
    assert house.cards()[0].lease is None


def test_what_became_dirty_while_it_was_told_is_told_again(house: House) -> None:
    house.discord.faults.next(faults.hold(), operation="create")
    house.accept(make_signal())

    async def change_while_it_is_held() -> None:
        delivering = asyncio.ensure_future(house.delivery.step())
        await is_held(house)
        await house.accepting(make_signal(ends_at=at(5)))
        house.discord.faults.release()
        await delivering

    house.run(asyncio.wait_for(change_while_it_is_held(), 20))
    house.deliver()

    assert house.outcomes() == [("create", "sent"), ("edit", "sent")]
    assert only(house.discord.messages()).embeds[0]["color"] == GREEN


# --- newer cards


def comes_and_goes(house: House, minute: float) -> None:
    house.accept(make_signal(starts_at=at(minute)))
    house.deliver_for(10)
    house.accept(make_signal(starts_at=at(minute), ends_at=at(minute + 0.2)))
    house.deliver_for(10)


def test_an_incident_that_comes_and_goes_is_told_once_a_minute_and_how_often(house: House) -> None:
    for third in range(FLAPPING):
        comes_and_goes(house, third / 3)
    calm = len(house.outcomes())

    for third in range(FLAPPING, FLAPPING + 15):
        comes_and_goes(house, third / 3)
    house.deliver_for(FLAPPING_EDIT_S)

    only(house.discord.messages())
    assert calm == 2 * FLAPPING
    assert 5 <= len(house.outcomes()) - calm <= 7
    assert f"{FLAPPING + 14} times" in str(only(house.discord.messages()).embeds[0]["fields"])


def rises(house: House) -> None:
    house.accept(make_signal(DRIFT_HIGH))
    house.deliver_for(5)
    house.accept(make_signal({**DRIFT_HIGH, "severity": "critical"}))


def fires_long_after(house: House) -> None:
    house.accept(make_signal(DRIFT_HIGH))
    house.deliver_for(5)
    house.accept(make_signal(DRIFT_HIGH, ends_at=at(1)))
    house.deliver_for(31 * 60)
    house.accept(make_signal(DRIFT_HIGH, starts_at=at(31)))


@pytest.mark.parametrize("story", [rises, fires_long_after])
def test_people_are_pinged_by_a_new_message_and_the_old_one_leads_to_it(house: House, story: Any) -> None:
    house.run(house.delivery.prepare())
    story(house)

    house.deliver_for(10)

    old, new = house.discord.messages()
    assert f"/{new.id}" in str(old.embeds)
    assert "told again" in old.embeds[0]["title"]
    assert f"/{old.id}" not in str(new.embeds)
    assert {card.state for card in house.cards()} == {"delivered"}


@pytest.mark.parametrize("minute", [1, 31])
def test_a_message_whose_newer_one_is_a_digest_leads_to_the_digest(house: House, minute: float) -> None:
    house.run(house.delivery.prepare())
    house.discord.rates.limits = RateLimits(enabled=False)
    house.accept(make_signal(DRIFT_HIGH))
    house.deliver_for(5)
    house.accept(make_signal(DRIFT_HIGH, ends_at=at(0.5)))
    house.deliver_for(minute * 60)

    house.accept(
        *[make_signal({**API_DOWN, "n": str(n)}, group_labels={"c": str(n)}) for n in range(6)],
        *[make_signal({**DISK_FULL, "n": str(n)}, group_labels={"n": str(n)}) for n in range(300)],
        make_signal({**DRIFT_HIGH, "severity": "critical"}, starts_at=at(minute)),
    )
    house.deliver_for(20)
    house.accept(make_signal({**DRIFT_HIGH, "severity": "critical"}, ends_at=at(minute + 1)))
    house.deliver_for(20)

    digest = next(one for one in house.discord.messages() if "incidents" in one.embeds[0]["title"])
    old = next(one for one in house.discord.messages() if "DriftHigh" in one.embeds[0]["title"])
    assert "told again" in old.embeds[0]["title"]
    assert f"/{digest.id}" in str(old.embeds)
