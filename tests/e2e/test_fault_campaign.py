"""The fault campaign's short form, and that its judge sees what is wrong."""

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
    cards_examined,
    checks,
    creates_examined,
    fake_clock,
    message_parser,
    plan,
)
from testbed.faults.campaign import Outcome
from testbed.faults.checks import Case
from testbed.faults.fault_plan import Kind
from testbed.faults.records import Evidence, Past

SEED = 3

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def lived(folder: Path, database: plan.DatabaseName) -> Outcome:
    if os.environ.get("CI") and fake_clock.found(folder).library is None:
        pytest.fail("CI needs libfaketime")
    return campaign.run(plan.made(SEED, plan.SHORT, database), folder / "campaign")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return lived(tmp_path_factory.mktemp("faults"), "sqlite")


@pytest.fixture
def case(outcome: Outcome) -> Case:
    return outcome.case


def test_whatever_goes_wrong_nothing_is_lost_or_told_wrongly(outcome: Outcome) -> None:
    assert outcome.findings == [], "\n".join(outcome.figures)


@pytest.mark.postgres
def test_nor_is_it_on_postgresql(tmp_path: Path) -> None:
    outcome = lived(tmp_path, "postgres")

    assert outcome.findings == [], "\n".join(outcome.figures)


def test_the_judge_misses_an_alert_that_was_answered_2xx(case: Case) -> None:
    first = next(past for past in case.evidence.history if past.key in case.door.accepted)
    rest = [past for past in case.evidence.history if past is not first]

    assert names(checks.findings(with_history(case, rest))) >= {"history"}


def test_the_judge_sees_an_alert_that_is_there_twice(case: Case) -> None:
    first = next(past for past in case.evidence.history if past.key in case.door.accepted)

    found = checks.findings(with_history(case, [*case.evidence.history, first]))

    assert names(found) >= {"history"}


def test_the_judge_sees_a_wrong_final_status(case: Case) -> None:
    wrong = [replace(past, status="firing") for past in case.evidence.history]

    assert names(checks.findings(with_history(case, wrong))) == {"history"}


@pytest.fixture
def single(case: Case) -> Iterator[Message]:
    """A message of its own that was edited to its last state; put back afterwards."""
    known = {card.message_id for card in case.evidence.tables.cards if card.incident_id is not None}
    one = next(
        message for message in case.evidence.messages.values() if message.id in known and message.edits
    )
    kept = list(one.revisions)
    yield one
    one.revisions[:] = kept


def test_the_judge_sees_a_card_that_missed_its_last_edit(case: Case, single: Message) -> None:
    del single.revisions[1:]

    assert list(cards_examined.findings(case.evidence))


def test_the_judge_sees_a_digest_that_is_behind(case: Case) -> None:
    card = next(iter(case.evidence.digests.values()))
    embed: dict[str, Any] = case.evidence.messages[card.message_id].embeds[0]  # type: ignore[assignment] # it is one
    title = embed["title"]
    embed["title"] = re.sub(r"\d+", "1", title, count=1)
    try:
        assert list(cards_examined.findings(case.evidence))
    finally:
        embed["title"] = title


def test_the_judge_asks_for_the_excuse_of_every_repeated_create(case: Case) -> None:
    created = sole_create(case.evidence)
    again = replace(created, at=created.at + 0.001)
    case.evidence.discord.requests.append(again)
    try:
        assert creates_examined.counted(case.evidence).unexcused
    finally:
        case.evidence.discord.requests.remove(again)


def test_the_judge_lets_a_kill_excuse_one_repeated_create_and_not_two(case: Case) -> None:
    created = sole_create(case.evidence)
    again = [replace(created, at=created.at + 0.001 * n) for n in (1, 2)]
    case.evidence.discord.requests.extend(again)
    kill = [*case.evidence.kills, created.at + 0.0005]
    try:
        unexcused = creates_examined.counted(replace(case.evidence, kills=kill)).unexcused
    finally:
        for record in again:
            case.evidence.discord.requests.remove(record)

    assert len(unexcused) == 1


def test_the_judge_sees_a_token_in_a_log(case: Case) -> None:
    leaked = replace(case, log=f"POST /api/webhooks/1/{campaign.WEBHOOK_TOKEN}")

    assert names(checks.findings(leaked)) == {"secrets"}


def test_the_judge_sees_dead_letters_that_nobody_planned(case: Case) -> None:
    more = replace(case, dead=replace(case.dead, found=case.dead.found + Counter(["S0000"])))

    assert names(checks.findings(more)) == {"dead letters"}


def test_every_kind_of_mishap_of_the_short_form_is_planned_for_the_full_one() -> None:
    full = plan.made(SEED, plan.FULL, "sqlite"), plan.made(SEED, plan.FULL, "postgres")

    assert {mishap.kind for one in full for mishap in one.mishaps} == set(Kind)


def sole_create(evidence: Evidence) -> RequestRecord:
    """Of a group that was told by one message alone, and by no digest."""
    for record in evidence.discord.creates:
        token = message_parser.of_payload(record.payload).token
        told = [card for card in evidence.tables.cards if card.message_id == record.stored]
        if token is None or record.fault is not None or len(told) != 1:
            continue
        group = [
            card
            for card in evidence.tables.cards
            if card.incident_id is not None and evidence.group_of(card.incident_id).token == token
        ]
        if group == told:
            return record
    raise AssertionError("every group was told twice")


def with_history(case: Case, history: Sequence[Past]) -> Case:
    one = case.evidence
    return replace(case, evidence=Evidence(one.plan, history, one.tables, one.discord, one.kills))


def names(findings: Sequence[str]) -> set[str]:
    return {text.partition(":")[0] for text in findings}
