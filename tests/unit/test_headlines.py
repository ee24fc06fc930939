"""The line of a new message that a lock screen shows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.discord import headlines
from alert_router.domain.model import Alert, Announcement, CardState, DigestCount, DigestState
from alert_router.domain.notify_values import Reason
from testbed.factories import API_DOWN, DISK_FULL, at, make_alert, make_state
from testbed.fakes.discord.mentions import Pings, pings

PG = {"alertname": "DiskFull", "severity": "warning", "device": "sda1"}
FULL = {"summary": "The disk is full"}


def hosts(*names: str, **changes: Any) -> list[Alert]:
    """Firing since noon, each a minute later than the one before it, newest first."""
    return [
        make_alert({**PG, "instance": name}, id=n, annotations=FULL, **{"starts_at": at(0), **changes})
        for n, name in reversed(list(enumerate(names, start=1)))
    ]


def line(*alerts: Alert, reason: Reason = Reason.FIRST, **changes: Any) -> str:
    return headlines.of_card(make_state(*alerts), Announcement(reason, **changes))


@pytest.mark.parametrize(
    ("reason", "news", "text"),
    [
        (Reason.FIRST, (3, 2, 1), "🟡 DiskFull · 3 firing: pg-9, pg-2, pg-1 · The disk is full"),
        (Reason.NEW_ALERTS, (3, 2), "🟡 DiskFull · 2 more since 11:58 UTC: pg-9, pg-2 · The disk is full"),
        (Reason.WORSE, (3,), "🟡 DiskFull · worse now, 1 more since 11:58 UTC: pg-9 · The disk is full"),
        (Reason.FIRES_AGAIN, (2,), "🟡 DiskFull · fires again: pg-2 · The disk is full"),
        (Reason.FIRES_AGAIN, (3, 2), "🟡 DiskFull · 2 fire again: pg-9, pg-2 · The disk is full"),
        (Reason.UNSUPPRESSED, (1,), "🟡 DiskFull · no longer silenced: pg-1 · The disk is full"),
        (
            Reason.QUIET_HOURS_OVER,
            (3, 2),
            "🟡 DiskFull · quiet hours are over, 2 firing: pg-9, pg-2 · The disk is full",
        ),
        (
            Reason.REMINDER,
            (),
            "🟡 DiskFull · still firing for 4 h, nobody has acknowledged it · The disk is full",
        ),
        (
            Reason.ESCALATION,
            (),
            "🟡 DiskFull · escalated: nobody has acknowledged it for 4 h · The disk is full",
        ),
    ],
)
def test_line_says_what_is_new(reason: Reason, news: tuple[int, ...], text: str) -> None:
    alerts = hosts("pg-1", "pg-2", "pg-9")

    assert line(*alerts, reason=reason, news=news, previous_at=at(-2), at=at(240)) == text


def test_line_of_one_alert_is_its_name_and_the_one_fact() -> None:
    alert = make_alert(API_DOWN, annotations={"summary": "The API\n is down", "description": "No answer."})

    assert line(alert, news=(1,)) == "🔴 ApiDown: The API is down"


@pytest.mark.parametrize(
    ("annotations", "text"),
    [
        ({"description": "No answer."}, "🔴 ApiDown: No answer."),
        ({"summary": " ", "message": "Call Ann"}, "🔴 ApiDown: Call Ann"),
        ({}, "🔴 ApiDown"),
    ],
)
def test_fact_is_the_summary_else_the_description(annotations: Mapping[str, str], text: str) -> None:
    assert line(make_alert(API_DOWN, annotations=annotations), news=(1,)) == text


@pytest.mark.parametrize(
    ("severity", "text"),
    [("critical", "🟢 ApiDown · resolved · Over"), ("info", "🟢 ApiDown: Over")],
)
def test_line_of_an_alert_born_resolved(severity: str, text: str) -> None:
    alert = make_alert({**API_DOWN, "severity": severity}, ends_at=at(5), annotations={"summary": "Over"})

    assert line(alert) == text


def test_resolution_says_how_long_it_lasted() -> None:
    alert = make_alert(API_DOWN, ends_at=at(83), annotations={})

    assert line(alert, reason=Reason.RESOLVED) == "🟢 ApiDown · resolved after 1 h 23 min"


def test_reminder_without_a_time_says_since_when() -> None:
    alert = make_alert(API_DOWN, annotations={})

    text = line(alert, reason=Reason.REMINDER)

    assert text == "🔴 ApiDown · still firing since 12:00 UTC, nobody has acknowledged it"


def test_time_of_another_day_has_its_date() -> None:
    alerts = hosts("pg-1", "pg-2")

    text = line(*alerts, reason=Reason.NEW_ALERTS, news=(2,), previous_at=at(-24 * 60), at=at(0))

    assert "1 more since 23 Sep 12:00 UTC: pg-2" in text


def test_news_is_named_and_not_what_fires_already() -> None:
    payments = make_alert({"alertname": "PaymentsDown", "severity": "critical"}, id=9, annotations={})

    text = line(payments, *hosts("pg-1"), reason=Reason.NEW_ALERTS, news=(9,), previous_at=at(2))

    assert text == "🔴 PaymentsDown · 1 more since 12:02 UTC"


@pytest.mark.parametrize(
    ("group", "name"),
    [({"team": "shop", "cluster": "eu"}, "cluster=eu, team=shop"), ({}, "ApiDown and 1 more")],
)
def test_different_alerts_are_named_by_their_group(group: dict[str, str], name: str) -> None:
    state = make_state(make_alert(API_DOWN, id=1), make_alert(DISK_FULL, id=2))
    state = replace(state, incident=replace(state.incident, group_labels=group))

    assert headlines.of_card(state, Announcement(Reason.FIRST)).startswith(f"🔴 {name} · 2 firing")


def test_places_that_have_no_room_are_counted() -> None:
    text = line(*hosts(*(f"database-{n:02}.example.org" for n in range(1, 31))))

    assert (
        text == "🟡 DiskFull · 30 firing: database-30.example.org, database-29.example.org and 28 more "
        "· The disk is full"
    )


def test_alerts_beyond_the_card_are_counted_too() -> None:
    news = tuple(range(140, 0, -1))

    text = line(*hosts("pg-1", "pg-2"), reason=Reason.NEW_ALERTS, news=news, previous_at=at(-2))

    assert "140 more since 11:58 UTC: pg-2, pg-1" in text


def test_alerts_that_no_single_label_tells_apart_show_all_that_do() -> None:
    alerts = [
        make_alert({**PG, "instance": instance, "device": device}, id=n, annotations={})
        for n, (instance, device) in enumerate([("a", "sda"), ("a", "sdb"), ("b", "sda")], start=1)
    ]

    assert line(*alerts) == "🟡 DiskFull · 3 firing: a sda, a sdb, b sda"


def test_incident_without_alerts_has_a_line() -> None:
    assert line() == "Incident 1"


@pytest.mark.parametrize(
    ("firing", "reason", "text"),
    [
        (20, Reason.FIRST, "⛈️ 20 alerts firing in 12 incidents: DiskFull 20"),
        (
            20,
            Reason.QUIET_HOURS_OVER,
            "⛈️ 20 alerts firing in 12 incidents · quiet hours are over · DiskFull 20",
        ),
        (0, Reason.FIRST, "🟢 3 alerts in 12 incidents are over"),
    ],
)
def test_line_of_a_digest_counts(firing: int, reason: Reason, text: str) -> None:
    state = DigestState(at(0), None, 12, (DigestCount("DiskFull", "warning", firing, 3),), (), at(0))

    assert headlines.of_digest(state, Announcement(reason)) == text


WORDS = st.text(max_size=300) | st.sampled_from(
    ["@everyone", "https://x.org/@here", "<@&777>", "`<@5>`", "x" * 149 + "@everyone", "_" * 300]
)


@given(WORDS, WORDS, WORDS, st.sampled_from(Reason))
def test_line_is_one_short_line_that_mentions_nobody(
    name: str, summary: str, host: str, reason: Reason
) -> None:
    alerts = [
        make_alert(
            {"alertname": name, "severity": "critical", "instance": f"{host}{n}"},
            id=n,
            annotations={"summary": summary},
        )
        for n in (1, 2)
    ]
    state: CardState = make_state(*alerts)

    text = headlines.of_card(state, Announcement(reason, news=(1, 2), previous_at=at(-2)))

    assert len(text.splitlines()) == 1
    assert len(text.replace("\\", "").replace("\u200b", "")) <= headlines.LINE_CHARS
    if "http" not in text:  # an address is made inert when it is put into a message
        assert pings([text], {"parse": ["users", "roles", "everyone"]}) == Pings()
