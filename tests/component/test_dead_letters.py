"""What Discord refuses for good is kept, shown, and told again on demand: by page, API and command."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from alert_router.store import migrate
from alert_router.store.ledger import Ledger
from testbed.commands import command
from testbed.factories import API_DOWN, DRIFT_HIGH, SECRET, at, make_signal, webhook_json, wire_alert
from testbed.fakes.discord import DiscordState, faults, only
from testbed.router_harness import WEBHOOK, RouterHarness, until

TRIES = 3
"""With all, without URLs, as plain text."""
HERE = {"origin": "http://127.0.0.1:8010"}
PAGE = {"accept": "text/html"}


def refuse(harness: RouterHarness, *signals: Any, times: int = TRIES) -> None:
    harness.discord.faults.next(faults.status(400, message="not like this"), times=times * len(signals))
    harness.accept(*signals)
    harness.deliver_for(30)


def test_one_that_is_replayed_is_told_as_it_would_be_today(harness: RouterHarness) -> None:
    refuse(harness, make_signal())
    [card] = harness.cards()

    replayed = harness.replay(card.id)
    pending = harness.ledger()
    harness.deliver_for(10)

    assert (replayed, card.state) == (1, "dead")
    assert "not like this" in card.error
    assert pending == Ledger(wanted=1, delivered=0, pending=1, dead=0)
    # With all of it again, not as the plain text it had come to.
    message = only(harness.discord.messages())
    assert (len(message.embeds), message.content) == (1, "")
    assert harness.replay() == 0


def test_what_nobody_has_seen_is_told_again_as_urgently_as_at_first(harness: RouterHarness) -> None:
    refuse(harness, make_signal())

    harness.replay()
    harness.accept(*[make_signal({**DRIFT_HIGH, "n": str(n)}, group_labels={"n": str(n)}) for n in range(3)])
    harness.deliver_one()

    assert [message.embeds[0]["title"] for message in harness.discord.messages()] == ["🔴 ApiDown"]


def test_one_is_replayed_and_the_other_stays(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), make_signal(DRIFT_HIGH))
    first, second = harness.cards()

    harness.replay(first.id)
    harness.deliver_for(10)

    assert [card.state for card in harness.cards()] == ["delivered", "dead"]
    assert harness.replay(first.id, 99) == 0
    assert harness.replay(second.id) == 1


def test_all_are_replayed(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), make_signal(DRIFT_HIGH))

    assert harness.replay() == 2
    harness.deliver_for(10)

    assert len(harness.discord.messages()) == 2


def test_an_edit_that_was_refused_is_replayed_into_its_message(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    refuse(harness, make_signal(ends_at=at(5)))
    told = only(harness.discord.messages()).embeds[0]["title"]

    harness.replay()
    harness.deliver_for(10)

    assert "🔴" in told
    assert "🟢" in only(harness.discord.messages()).embeds[0]["title"]


def test_what_is_refused_again_is_a_dead_letter_again(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), times=2 * TRIES)

    harness.replay()
    harness.deliver_for(10)

    assert [card.state for card in harness.cards()] == ["dead"]
    assert harness.ledger().balanced


# --- by page and by API


@pytest.fixture
def refused(make_client: Any, unlimited: DiscordState) -> TestClient:
    """Two dead letters, of a router that runs."""
    client: TestClient = make_client(discord_webhook_url=WEBHOOK)
    unlimited.faults.next(faults.status(400, message="not <like> this"), times=2 * TRIES, operation="create")
    for labels in (API_DOWN, DRIFT_HIGH):
        client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(labels)))
    until(lambda: len(client.get("/dead-letters").json()) == 2)
    return client


def test_the_api_lists_them_with_the_reason_and_replays_one_or_all(refused: TestClient) -> None:
    listed = refused.get("/dead-letters").json()
    metric = 'alert_router_cards{state="dead"} 2.0'
    assert metric in refused.get("/metrics").text
    assert {letter["channel"] for letter in listed} == {"discord"}
    assert all("not <like> this" in letter["reason"] for letter in listed)
    assert [letter["alert_id"] for letter in listed] == [1, 2]

    one = refused.post(f"/dead-letters/{listed[0]['card_id']}/replay")
    again = refused.post(f"/dead-letters/{listed[0]['card_id']}/replay")
    rest = refused.post("/dead-letters/replay")

    assert (one.status_code, one.json()) == (200, {"replayed": 1})
    assert again.status_code == 404
    assert rest.json() == {"replayed": 1}
    assert refused.get("/dead-letters").json() == []


def test_the_page_shows_them_and_its_buttons_replay(refused: TestClient, unlimited: DiscordState) -> None:
    page = refused.get("/dead-letters", headers=PAGE).text
    assert "not &lt;like&gt; this" in page

    one = refused.post("/dead-letters/1/replay", headers={**PAGE, **HERE}, follow_redirects=False)
    rest = refused.post("/dead-letters/replay", headers={**PAGE, **HERE}, follow_redirects=False)
    until(lambda: len(unlimited.messages()) == 2)

    for answer in (one, rest):
        assert (answer.status_code, answer.headers["location"]) == (303, "/dead-letters")


def test_another_sites_page_replays_nothing(refused: TestClient) -> None:
    answer = refused.post("/dead-letters/replay", headers={"origin": "https://evil.example.org"})

    assert answer.status_code == 403
    assert len(refused.get("/dead-letters").json()) == 2


# --- by command


def test_the_commands_list_and_replay_and_count(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), make_signal(DRIFT_HIGH))

    listed = command(harness.url, "dead-letters", "list")
    counted = command(harness.url, "ledger")
    one = command(harness.url, "dead-letters", "replay", "1")
    wrong = command(harness.url, "dead-letters", "replay", "1")
    rest = command(harness.url, "dead-letters", "replay")

    assert listed[0] == 0
    assert [line.split()[1] for line in listed[1].splitlines()] == ["1", "2"]
    assert "not like this" in listed[1]
    assert SECRET not in listed[1]
    assert counted == (0, "wanted 2 = delivered 0 + pending 0 + dead 2 (channel discord)\n")
    assert one == (0, "1 queued again\n")
    assert wrong[0] == 1
    assert rest == (0, "1 queued again\n")
    harness.clock.move(86_400 * 365)
    harness.deliver_for(10)
    assert len(harness.discord.messages()) == 2


def test_the_command_says_when_the_ledger_does_not_balance(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.lose_cards()

    status, said = command(harness.url, "ledger")

    assert status == 1
    assert "does not balance" in said


@pytest.mark.parametrize("webhook", ["", WEBHOOK.get_secret_value()])
def test_ledger_command_counts_the_routers_own_channel(harness: RouterHarness, webhook: str) -> None:
    harness.accept(make_signal())
    harness.deliver()

    status, said = command(harness.url, "ledger", DISCORD_WEBHOOK_URL=webhook)

    assert (status, said) == (0, "wanted 1 = delivered 1 + pending 0 + dead 0 (channel discord)\n")


READING = [("ledger",), ("dead-letters", "list"), ("dead-letters", "replay")]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_who_looks_makes_no_database(words: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.db"

    status, said = command(f"sqlite:///{file}", *words)

    assert status == 1
    assert str(file) in said
    assert "ALERT_ROUTER_DATABASE_URL" in said
    assert not file.exists()


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_command_without_tables_says_how_to_make_them(words: tuple[str, ...], harness: RouterHarness) -> None:
    migrate.downgrade(harness.store, "base")

    status, said = command(harness.url, *words)

    assert (status, said.count("alert-router db upgrade")) == (1, 1)
    assert command(harness.url, "db", "upgrade")[0] == 0
    assert command(harness.url, *words)[0] == 0
