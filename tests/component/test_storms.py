"""More new cards than the channel takes: one digest tells them, whatever happens meanwhile."""

from collections.abc import Mapping

import sqlalchemy as sa

from alert_router.domain import digest_policy
from alert_router.domain.model import Signal
from alert_router.store.tables import digests
from testbed.factories import API_DOWN, DISK_FULL, at, make_signal
from testbed.fakes.discord import Message, faults, only
from testbed.router_harness import House


def signals(
    labels: Mapping[str, str], count: int, *, first: int = 0, ended_at: float | None = None
) -> list[Signal]:
    """Each an incident of its own."""
    ends_at = None if ended_at is None else at(ended_at)
    return [
        make_signal({**labels, "n": str(n)}, ends_at=ends_at, group_labels={"n": f"{labels['alertname']}{n}"})
        for n in range(first, first + count)
    ]


def digest_of(house: House) -> Message:
    """The one there must be."""
    return only([m for m in house.discord.messages() if "digest" in m.embeds[0]["footer"]["text"]])


def title(message: Message) -> str:
    return str(message.embeds[0]["title"])


def folded(house: House) -> int:
    return sum(card.state == "folded" for card in house.cards())


def test_a_storm_is_told_as_one_digest_and_loses_nothing(house: House) -> None:
    house.accept(*signals(DISK_FULL, 300), *signals(API_DOWN, 3))

    house.deliver_for(90)

    assert house.discord.limited == 0
    assert len(house.discord.creates) <= 30
    assert {card.state for card in house.cards()} <= {"delivered", "folded"}
    text = str([message.embeds for message in house.discord.messages()])
    assert "300" in text
    assert sum("ApiDown" in title(one) for one in house.discord.messages()) == 3


def test_a_restart_amid_a_storm_goes_on_with_its_digest(house: House) -> None:
    house.accept(*signals(DISK_FULL, 100))
    house.deliver_for(10)

    restarted = house.another_delivery()
    house.run(restarted.prepare())
    house.accept(*signals(DISK_FULL, 50, first=100))
    house.deliver_for(30, restarted)

    assert folded(house) > 100
    assert title(digest_of(house)) == f"⛈️ {folded(house)} alerts firing in {folded(house)} incidents"
    assert len(house.discord.messages()) + folded(house) == 151


def test_a_restart_before_the_digest_was_told_tells_it(house: House) -> None:
    house.discord.faults.next(faults.status(503), times=1)
    house.accept(*signals(DISK_FULL, 100))
    house.deliver()

    house.deliver_for(30, house.another_delivery())

    assert title(digest_of(house)) == "⛈️ 100 alerts firing in 100 incidents"


def test_a_storm_ends_by_itself_and_what_comes_later_has_a_card_of_its_own(house: House) -> None:
    house.accept(*signals(DISK_FULL, 100))
    house.deliver_for(digest_policy.QUIET_S + 60)

    house.accept(*signals(API_DOWN, 1))
    house.deliver_for(30)

    assert "digest" not in house.discord.messages()[-1].embeds[0]["footer"]["text"]
    assert house.ask(lambda conn: conn.scalar(sa.select(digests.c.ended_at))) is not None


def test_a_digest_tells_the_end_of_what_it_told(house: House) -> None:
    house.accept(*signals(DISK_FULL, 100))
    house.deliver_for(10)

    house.accept(*signals(DISK_FULL, 100, ended_at=5))
    house.deliver_for(60)

    count = folded(house)
    assert title(digest_of(house)) == f"🟢 The storm is over \N{EN DASH} {count} alerts in {count} incidents"


def test_what_a_digest_takes_in_that_is_critical_does_not_wait_behind_single_cards(house: House) -> None:
    """The critical ones that are told singly take every request there is."""
    house.accept(*signals(DISK_FULL, 60))
    house.deliver_for(5)
    longest_s = 0.0

    for second in range(240):
        house.accept(*signals(API_DOWN, 1, first=second))
        house.deliver()
        house.clock.move(1)
        waits = [card.waiting_since for card in house.cards() if card.digest_id and card.waiting_since]
        longest_s = max([longest_s, *((house.clock.time() - since).total_seconds() for since in waits)])

    assert longest_s < 60
    assert house.discord.limited == 0


def test_no_critical_alert_is_crowded_out_of_a_digest_by_many_names(house: House) -> None:
    many = [
        signal
        for n in range(130)
        for signal in signals({"alertname": f"KubeContainerWaits{n:03}", "severity": "warning"}, 2)
    ]
    critical = [{"alertname": f"Critical{n}", "severity": "critical"} for n in range(9)]

    house.accept(*many, *[signal for labels in critical for signal in signals(labels, 1)])
    house.deliver_for(60)

    text = str([message.embeds for message in house.discord.messages()])
    assert [labels["alertname"] for labels in critical if labels["alertname"] not in text] == []


def test_a_card_that_fails_again_and_again_does_not_prolong_a_storm(house: House) -> None:
    house.discord.faults.next(faults.status(500), times=None, operation="create", containing="ApiDown")
    house.accept(*signals(DISK_FULL, 60), *signals(API_DOWN, 1))
    house.deliver_for(600)

    house.accept(*signals(DISK_FULL, 1, first=60))
    house.deliver_for(30)

    assert "Took alerts until" in str(digest_of(house).embeds)
    assert folded(house) == 60


def test_a_trickle_after_a_storm_is_told_card_by_card(house: House) -> None:
    house.accept(*signals(DISK_FULL, 60))
    house.deliver_for(30)

    for number in range(10):
        house.accept(*signals(DISK_FULL, 1, first=60 + number))
        house.deliver_for(50)

    assert folded(house) == 60
    assert len(house.discord.messages()) == 11
    assert "Took alerts until" in str(digest_of(house).embeds)
