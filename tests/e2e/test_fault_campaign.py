"""The short form of the fault campaign, and that its checks find planted errors."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testbed.fakes.discord import Message, RequestRecord
from testbed.faults import (
    campaign,
    card_checks,
    channels,
    checks,
    create_checks,
    fake_clock,
    message_parser,
    news_checks,
    plan,
)
from testbed.faults.campaign import Outcome
from testbed.faults.checks import Case
from testbed.faults.fault_plan import Kind
from testbed.faults.records import HistoryAlert, Records

SEED = 3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def run_campaign(folder: Path, database: plan.DatabaseName) -> Outcome:
    if os.environ.get("CI") and fake_clock.in_folder(folder).library is None:
        pytest.fail("CI needs libfaketime")
    return campaign.run(plan.draw(SEED, plan.SHORT, database), folder / "campaign")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run_campaign(tmp_path_factory.mktemp("faults"), "sqlite")


@pytest.fixture
def case(outcome: Outcome) -> Case:
    return outcome.case


def test_fault_campaign_on_sqlite(outcome: Outcome) -> None:
    assert outcome.findings == [], "\n".join(outcome.figures)


@pytest.mark.postgres
def test_fault_campaign_on_postgresql(tmp_path: Path) -> None:
    outcome = run_campaign(tmp_path, "postgres")

    assert outcome.findings == [], "\n".join(outcome.figures)


def test_checks_find_a_lost_alert(case: Case) -> None:
    first = next(alert for alert in case.records.history if alert.key in case.sender.accepted)
    rest = [alert for alert in case.records.history if alert is not first]

    assert names(checks.findings(with_history(case, rest))) >= {"history"}


def test_checks_find_a_duplicate_alert(case: Case) -> None:
    first = next(alert for alert in case.records.history if alert.key in case.sender.accepted)

    findings = checks.findings(with_history(case, [*case.records.history, first]))

    assert names(findings) >= {"history"}


def test_checks_find_a_wrong_final_status(case: Case) -> None:
    wrong = [replace(alert, status="firing") for alert in case.records.history]

    assert names(checks.findings(with_history(case, wrong))) == {"history"}


@pytest.fixture
def single(case: Case) -> Iterator[Message]:
    """An incident's own message with at least one edit; its revisions are restored afterwards."""
    known = {card.message_id for card in case.records.tables.cards if card.incident_id is not None}
    one = next(message for message in case.records.messages.values() if message.id in known and message.edits)
    kept = list(one.revisions)
    yield one
    one.revisions[:] = kept


def test_checks_find_a_card_without_its_last_edit(case: Case, single: Message) -> None:
    del single.revisions[1:]

    assert list(card_checks.findings(case.records))


def test_checks_find_an_outdated_digest(case: Case) -> None:
    """Of one that no newer digest has replaced."""
    messages = case.records.messages
    digests = (card for card in case.records.digests.values() if card.message_id in messages)
    card = next(card for card in digests if message_parser.parse(messages[card.message_id]).digest)
    embed: dict[str, Any] = messages[card.message_id].embeds[0]  # type: ignore[assignment] # it is one
    title = embed["title"]
    embed["title"] = re.sub(r"\d+", "1", title, count=1)
    try:
        assert list(card_checks.findings(case.records))
    finally:
        embed["title"] = title


def test_checks_find_a_repeated_create_without_cause(case: Case) -> None:
    created = sole_create(case.records)
    again = replace(created, at=created.at + 0.001)
    case.records.discord.requests.append(again)
    try:
        assert create_checks.counted(case.records).unexplained
    finally:
        case.records.discord.requests.remove(again)


def test_a_kill_explains_one_repeated_create(case: Case) -> None:
    created = sole_create(case.records)
    again = [replace(created, at=created.at + 0.001 * n) for n in (1, 2)]
    case.records.discord.requests.extend(again)
    kill = [*case.records.kills, created.at + 0.0005]
    try:
        unexplained = create_checks.counted(replace(case.records, kills=kill)).unexplained
    finally:
        for record in again:
            case.records.discord.requests.remove(record)

    assert len(unexplained) == 1


def test_checks_find_alerts_that_only_an_edit_shows(case: Case) -> None:
    """As if all of them had begun after the last create."""
    now = case.records.discord.clock()
    later = {key: replace(times, sent_at=now) for key, times in case.sender.sent.items()}

    assert list(news_checks.unannounced(case.records, later))


def test_checks_find_a_message_in_another_channel(case: Case) -> None:
    created = sole_create(case.records)
    own = created.webhook_id
    created.webhook_id = next(one.webhook_id for one in channels.CHANNELS if one.webhook_id != own)
    try:
        assert list(news_checks.misrouted(case.records))
    finally:
        created.webhook_id = own


def test_checks_find_more_messages_than_the_hourly_limit(case: Case) -> None:
    card = next(card for card in case.records.tables.cards if card.incident_id and card.message_id)
    tables = replace(case.records.tables, cards=[card] * 9)

    assert list(news_checks.over_hourly_limit(replace(case.records, tables=tables)))
    assert not list(news_checks.over_hourly_limit(case.records))


def test_checks_find_a_token_in_the_log(case: Case) -> None:
    leaked = replace(case, log=f"POST /api/webhooks/1/{channels.CHANNELS[0].token}")

    assert names(checks.findings(leaked)) == {"secrets"}


def test_checks_find_unplanned_dead_letters(case: Case) -> None:
    more = replace(
        case,
        dead_letters=replace(case.dead_letters, actual=case.dead_letters.actual + Counter(["S0000"])),
    )

    assert names(checks.findings(more)) == {"dead letters"}


def test_full_campaign_plans_every_kind_of_fault() -> None:
    full = plan.draw(SEED, plan.FULL, "sqlite"), plan.draw(SEED, plan.FULL, "postgres")

    assert {fault.kind for one in full for fault in one.faults} == set(Kind)


def sole_create(records: Records) -> RequestRecord:
    """The create of a group that has one message and is in no digest; no kill explains a repeat of it."""
    for record in records.discord.creates:
        if any(abs(record.at - at) <= 2 * create_checks.ON_THE_WAY_S for at in records.kills):
            continue
        token = message_parser.parse_payload(record.payload).token
        own_cards = [card for card in records.tables.cards if card.message_id == record.stored]
        if token is None or record.fault is not None or len(own_cards) != 1:
            continue
        group = [
            card
            for card in records.tables.cards
            if card.incident_id is not None and records.group_of(card.incident_id).token == token
        ]
        if group == own_cards:
            return record
    raise AssertionError("every group has more than one message")


def with_history(case: Case, history: Sequence[HistoryAlert]) -> Case:
    old = case.records
    return replace(case, records=Records(old.plan, history, old.tables, old.discord, old.kills))


def names(findings: Sequence[str]) -> set[str]:
    return {text.partition(":")[0] for text in findings}
