"""More new cards than the channel takes become one digest, whatever happens meanwhile."""

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from alert_router import config
from alert_router.domain import digest_policy
from alert_router.domain.model import Signal
from alert_router.store.tables import digests
from testbed.factories import API_DOWN, DISK_FULL, at, make_signal
from testbed.fakes.discord import Message, faults, only
from testbed.router_harness import WEBHOOK, RouterHarness


def signals(
    labels: Mapping[str, str], count: int, *, first: int = 0, ended_at: float | None = None
) -> list[Signal]:
    """Each an incident of its own."""
    ends_at = None if ended_at is None else at(ended_at)
    return [
        make_signal({**labels, "n": str(n)}, ends_at=ends_at, group_labels={"n": f"{labels['alertname']}{n}"})
        for n in range(first, first + count)
    ]


def digest_of(harness: RouterHarness) -> Message:
    """The only one."""
    return only([m for m in harness.discord.messages() if "digest" in m.embeds[0]["footer"]["text"]])


def title(message: Message) -> str:
    return str(message.embeds[0]["title"])


def folded(harness: RouterHarness) -> int:
    return sum(card.state == "folded" for card in harness.cards())


def test_storm_is_one_digest_and_loses_nothing(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 300), *signals(API_DOWN, 3))

    harness.deliver_for(90)

    assert harness.discord.limited == 0
    assert len(harness.discord.creates) <= 30
    assert {card.state for card in harness.cards()} <= {"delivered", "folded"}
    text = str([message.embeds for message in harness.discord.messages()])
    assert "300" in text
    assert sum("ApiDown" in title(message) for message in harness.discord.messages()) == 3


def test_restart_in_a_storm_continues_its_digest(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 100))
    harness.deliver_for(10)

    restarted = harness.another_delivery()
    harness.run(restarted.prepare())
    harness.accept(*signals(DISK_FULL, 50, first=100))
    harness.deliver_for(30, restarted)

    assert folded(harness) > 100
    assert title(digest_of(harness)) == f"⛈️ {folded(harness)} alerts firing in {folded(harness)} incidents"
    assert len(harness.discord.messages()) + folded(harness) == 151


def test_restart_delivers_an_unsent_digest(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(503), times=1)
    harness.accept(*signals(DISK_FULL, 100))
    harness.deliver()

    harness.deliver_for(30, harness.another_delivery())

    assert title(digest_of(harness)) == "⛈️ 100 alerts firing in 100 incidents"


def test_storm_ends_and_later_alerts_get_their_own_cards(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 100))
    harness.deliver_for(digest_policy.QUIET_S + 60)

    harness.accept(*signals(API_DOWN, 1))
    harness.deliver_for(30)

    assert "digest" not in harness.discord.messages()[-1].embeds[0]["footer"]["text"]
    assert harness.ask(lambda conn: conn.scalar(sa.select(digests.c.ended_at))) is not None


def test_digest_shows_the_end_of_its_alerts(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 100))
    harness.deliver_for(10)

    harness.accept(*signals(DISK_FULL, 100, ended_at=5))
    harness.deliver_for(60)

    count = folded(harness)
    assert (
        title(digest_of(harness)) == f"🟢 The storm is over \N{EN DASH} {count} alerts in {count} incidents"
    )


def test_critical_alert_in_a_digest_does_not_wait_behind_single_cards(
    harness: RouterHarness,
) -> None:
    """The critical alerts with cards of their own take every request there is."""
    harness.accept(*signals(DISK_FULL, 60))
    harness.deliver_for(5)
    longest_s = 0.0

    for second in range(240):
        harness.accept(*signals(API_DOWN, 1, first=second))
        harness.deliver()
        harness.clock.move(1)
        # The last message that notifies of them; an earlier one becomes a link to it when there is time.
        digest = [card for card in harness.cards() if card.digest_id][-1]
        waits = [digest.waiting_since] if digest.waiting_since else []
        longest_s = max([longest_s, *((harness.clock.time() - since).total_seconds() for since in waits)])

    assert longest_s < 60
    assert harness.discord.limited == 0


def test_critical_alerts_are_never_crowded_out_of_a_digest(harness: RouterHarness) -> None:
    many = [
        signal
        for n in range(130)
        for signal in signals({"alertname": f"KubeContainerWaits{n:03}", "severity": "warning"}, 2)
    ]
    critical = [{"alertname": f"Critical{n}", "severity": "critical"} for n in range(9)]

    harness.accept(*many, *[signal for labels in critical for signal in signals(labels, 1)])
    harness.deliver_for(60)

    text = str([message.embeds for message in harness.discord.messages()])
    assert [labels["alertname"] for labels in critical if labels["alertname"] not in text] == []


def test_failing_card_does_not_prolong_a_storm(harness: RouterHarness) -> None:
    harness.discord.faults.next(faults.status(500), times=None, operation="create", containing="ApiDown")
    harness.accept(*signals(DISK_FULL, 60), *signals(API_DOWN, 1))
    harness.deliver_for(600)

    harness.accept(*signals(DISK_FULL, 1, first=60))
    harness.deliver_for(30)

    assert "complete since" in str(digest_of(harness).embeds)
    assert folded(harness) == 60


def test_trickle_after_a_storm_gets_single_cards(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 60))
    harness.deliver_for(30)

    for number in range(10):
        harness.accept(*signals(DISK_FULL, 1, first=60 + number))
        harness.deliver_for(50)

    assert folded(harness) == 60
    assert len(harness.discord.messages()) == 11
    assert "complete since" in str(digest_of(harness).embeds)


def digests_of(harness: RouterHarness) -> list[Message]:
    return [m for m in harness.discord.messages() if "digest" in str(m.embeds) or "Storm" in title(m)]


def test_new_digest_announces_what_was_folded_later(harness: RouterHarness) -> None:
    """An edit of the digest notifies nobody."""
    harness.configuration.swap(
        config.single(WEBHOOK, mentions="error=role:777,warning=role:5", remind_every="none")
    )
    errors = {**DISK_FULL, "severity": "error"}
    harness.accept(*signals(errors, 60))
    harness.deliver_for(10)
    harness.accept(*signals(errors, 20, first=60))
    harness.deliver_for(240)
    early = len(digests_of(harness))

    harness.deliver_for(120)

    old, new = digests_of(harness)
    assert early == 1
    assert "continued in a newer message" in title(old)
    assert old.embeds[0]["url"].endswith(f"/{new.id}")
    assert title(new) == "⛈️ 80 alerts firing in 80 incidents"
    assert "<@&777>" in new.content
    harness.pass_time(7200)
    harness.deliver_for(120)
    assert len(digests_of(harness)) == 2


def test_worse_alert_in_a_storm_is_announced_at_once(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 60))
    harness.deliver_for(10)

    harness.accept(*signals(API_DOWN, 20))
    harness.deliver_for(30)

    creates = len(digests_of(harness))
    harness.accept(*signals(API_DOWN, 20, first=20))
    harness.deliver_for(20)
    assert creates == 2
    assert len(digests_of(harness)) == 2, "as bad as what was announced: it waits"
    harness.deliver_for(240)
    assert len(digests_of(harness)) == 3


def test_folded_incident_counts_as_announced(harness: RouterHarness) -> None:
    harness.accept(*signals(DISK_FULL, 60))
    harness.deliver_for(digest_policy.QUIET_S + 60)

    harness.pass_time(3600)
    harness.deliver_for(10)
    announced = len(harness.discord.creates)
    again = signals(DISK_FULL, 1)[0]
    harness.accept(replace(again, labels={**again.labels, "device": "sdb"}, fingerprint="other"))  # type: ignore[arg-type]
    harness.pass_time(60)
    harness.deliver_for(10)

    assert announced == 1
    assert len(harness.discord.creates) == 2
    assert "1 more" in harness.discord.messages()[-1].content


def test_storm_of_a_thousand_ends_within_90_seconds(harness: RouterHarness) -> None:
    for second in range(10):
        harness.accept(*signals(DISK_FULL, 95, first=100 * second), *signals(API_DOWN, 5, first=100 * second))
        harness.deliver_for(1)

    harness.deliver_for(80)

    assert harness.discord.limited == 0
    assert {card.state for card in harness.cards()} <= {"delivered", "folded"}
    shown = [m for m in digests_of(harness) if "continued" not in title(m)]
    singles = len(harness.discord.messages()) - len(digests_of(harness))
    assert title(shown[-1]) == f"⛈️ {1000 - singles} alerts firing in {1000 - singles} incidents"
