"""Dead letters are kept, shown and replayed: by page, API and command."""

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


def test_replayed_dead_letter_shows_the_present_state(harness: RouterHarness) -> None:
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
    assert (len(message.embeds), message.content) == (1, "🔴 ApiDown: ApiDown it is")
    assert harness.replay() == 0


def test_replayed_create_keeps_its_priority(harness: RouterHarness) -> None:
    refuse(harness, make_signal())

    harness.replay()
    harness.accept(*[make_signal({**DRIFT_HIGH, "n": str(n)}, group_labels={"n": str(n)}) for n in range(3)])
    harness.deliver_one()

    assert [message.embeds[0]["title"] for message in harness.discord.messages()] == ["🔴 critical · ApiDown"]


def test_single_dead_letter_is_replayed(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), make_signal(DRIFT_HIGH))
    first, second = harness.cards()

    harness.replay(first.id)
    harness.deliver_for(10)

    assert [card.state for card in harness.cards()] == ["delivered", "dead"]
    assert harness.replay(first.id, 99) == 0
    assert harness.replay(second.id) == 1


def test_all_dead_letters_are_replayed(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), make_signal(DRIFT_HIGH))

    assert harness.replay() == 2
    harness.deliver_for(10)

    assert len(harness.discord.messages()) == 2


def test_refused_edit_is_replayed_into_its_message(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.deliver()
    refuse(harness, make_signal(ends_at=at(5)))
    title = only(harness.discord.messages()).embeds[0]["title"]

    harness.replay()
    harness.deliver_for(10)

    assert "🔴" in title
    assert "🟢" in only(harness.discord.messages()).embeds[0]["title"]


def test_replay_refused_again_is_a_dead_letter(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), times=2 * TRIES)

    harness.replay()
    harness.deliver_for(10)

    assert [card.state for card in harness.cards()] == ["dead"]
    assert harness.ledger().balanced


@pytest.fixture
def refused(make_client: Any, unlimited: DiscordState) -> TestClient:
    """Two dead letters, of a router that runs."""
    client: TestClient = make_client(discord_webhook_url=WEBHOOK)
    unlimited.faults.next(faults.status(400, message="not <like> this"), times=2 * TRIES, operation="create")
    for labels in (API_DOWN, DRIFT_HIGH):
        client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(labels)))
    until(lambda: len(client.get("/dead-letters").json()) == 2)
    return client


def test_api_lists_and_replays_dead_letters(refused: TestClient) -> None:
    listed = refused.get("/dead-letters").json()
    metric = 'alert_router_cards{state="dead"} 2.0'
    assert metric in refused.get("/metrics").text
    assert {letter["channel"] for letter in listed} == {"discord"}
    assert all("not <like> this" in letter["reason"] for letter in listed)
    assert [letter["alert_id"] for letter in listed] == [1, 2]

    first = refused.post(f"/dead-letters/{listed[0]['card_id']}/replay")
    again = refused.post(f"/dead-letters/{listed[0]['card_id']}/replay")
    rest = refused.post("/dead-letters/replay")

    assert (first.status_code, first.json()) == (200, {"replayed": 1})
    assert again.status_code == 404
    assert rest.json() == {"replayed": 1}
    assert refused.get("/dead-letters").json() == []


def test_page_lists_and_replays_dead_letters(refused: TestClient, unlimited: DiscordState) -> None:
    page = refused.get("/dead-letters", headers=PAGE).text
    assert "not &lt;like&gt; this" in page

    first = refused.post("/dead-letters/1/replay", headers={**PAGE, **HERE}, follow_redirects=False)
    rest = refused.post("/dead-letters/replay", headers={**PAGE, **HERE}, follow_redirects=False)
    until(lambda: len(unlimited.messages()) == 2)

    for answer in (first, rest):
        assert (answer.status_code, answer.headers["location"]) == (303, "/dead-letters")


def test_cross_site_replay_is_refused(refused: TestClient) -> None:
    answer = refused.post("/dead-letters/replay", headers={"origin": "https://evil.example.org"})

    assert answer.status_code == 403
    assert len(refused.get("/dead-letters").json()) == 2


def test_commands_list_replay_and_count(harness: RouterHarness) -> None:
    refuse(harness, make_signal(), make_signal(DRIFT_HIGH))

    listed = command(harness.url, "dead-letters", "list")
    counted = command(harness.url, "ledger")
    first = command(harness.url, "dead-letters", "replay", "1")
    wrong = command(harness.url, "dead-letters", "replay", "1")
    rest = command(harness.url, "dead-letters", "replay")

    assert listed[0] == 0
    assert [line.split()[1] for line in listed[1].splitlines()] == ["1", "2"]
    assert "not like this" in listed[1]
    assert SECRET not in listed[1]
    assert counted == (0, "wanted 2 = delivered 0 + pending 0 + dead 2 (channel discord)\n")
    assert first == (0, "1 queued again\n")
    assert wrong[0] == 1
    assert rest == (0, "1 queued again\n")
    harness.clock.move(86_400 * 365)
    harness.deliver_for(10)
    assert len(harness.discord.messages()) == 2


def test_ledger_command_fails_when_unbalanced(harness: RouterHarness) -> None:
    harness.accept(make_signal())
    harness.lose_cards()

    status, output = command(harness.url, "ledger")

    assert status == 1
    assert "does not balance" in output


@pytest.mark.parametrize("webhook", ["", WEBHOOK.get_secret_value()])
def test_ledger_command_counts_the_routers_channel(harness: RouterHarness, webhook: str) -> None:
    harness.accept(make_signal())
    harness.deliver()

    status, output = command(harness.url, "ledger", DISCORD_WEBHOOK_URL=webhook)

    assert (status, output) == (0, "wanted 1 = delivered 1 + pending 0 + dead 0 (channel discord)\n")


READING = [("ledger",), ("dead-letters", "list"), ("dead-letters", "replay")]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_commands_create_no_database(words: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.db"

    status, output = command(f"sqlite:///{file}", *words)

    assert status == 1
    assert str(file) in output
    assert "ALERT_ROUTER_DATABASE_URL" in output
    assert not file.exists()


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_command_without_tables_suggests_db_upgrade(words: tuple[str, ...], harness: RouterHarness) -> None:
    migrate.downgrade(harness.store, "base")

    status, output = command(harness.url, *words)

    assert (status, output.count("alert-router db upgrade")) == (1, 1)
    assert command(harness.url, "db", "upgrade")[0] == 0
    assert command(harness.url, *words)[0] == 0
