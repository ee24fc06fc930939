"""The pages without a browser: their texts, escaping and accessibility."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from http import HTTPStatus

import jinja2
import pytest
from jinja2 import meta

from alert_router.discord import embeds
from alert_router.domain.model import ChannelName, RefusedBody
from alert_router.sources.errors import FieldError
from alert_router.store.acts import Act, Kind, Recorded
from alert_router.store.alert_extras import Acknowledgement, Message
from alert_router.store.alert_list import Count
from alert_router.store.dead_letters import DeadLetter
from alert_router.store.earlier import Earlier
from alert_router.store.filters import Cursor
from alert_router.store.quarantine import Kept
from alert_router.store.silences import Silence
from alert_router.store.why import Answer
from alert_router.web import discord_html
from alert_router.web.alerts_page import AlertsPage, Row, Section
from alert_router.web.api_docs import Operation
from alert_router.web.incident_pages import AlertPage, IncidentPage
from alert_router.web.insights_page import InsightsPage
from alert_router.web.now import NowPage
from alert_router.web.pages import (
    FOLDER,
    SCRIPTS,
    STATIC,
    STYLESHEETS,
    ApiPage,
    DeadLettersPage,
    ErrorPage,
    Page,
    Pages,
    PreviewPage,
)
from alert_router.web.problems import Problem
from alert_router.web.timeline_lines import Line
from alert_router.web.troubles import Trouble
from alert_router.web.upkeep import ActsPage, KeptItem, OperationsPage, QuarantinePage
from testbed.factories import API_DOWN, DISK_FULL, NOON, at, make_alert
from testbed.page_factories import (
    STATS,
    alert_page,
    alerts_page,
    incident_page,
    insights_page,
    make_card,
    make_firing,
    make_habit,
    make_listed,
    now_page,
    operations_page,
    query_of,
)
from testbed.parsed_page import ParsedPage

PAGES = Pages()
TEMPLATES: Mapping[str, type[Page]] = {
    "now.html": NowPage,
    "alerts.html": AlertsPage,
    "alert.html": AlertPage,
    "incident.html": IncidentPage,
    "insights.html": InsightsPage,
    "operations.html": OperationsPage,
    "quarantine.html": QuarantinePage,
    "dead_letters.html": DeadLettersPage,
    "acts.html": ActsPage,
    "preview.html": PreviewPage,
    "api_docs.html": ApiPage,
    "error.html": ErrorPage,
}
BAD = HTTPStatus.BAD_REQUEST
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
OPS, CHANNEL = ChannelName("ops"), ChannelName(HOSTILE)
ADA = Acknowledgement(NOON, "Ada", "on it")
SILENCE = Silence("s1", "http://am:9093", "Grace", "deploying", NOON, at(60), ())
POSTED = Message(OPS, "delivered", "https://discord.com/channels/1/2/3", 1)


def render(template: str, page: Page) -> ParsedPage:
    return ParsedPage(bytes(PAGES.render(template, page).body).decode())


# What fires now


def test_now_shows_the_worst_incident_first_with_its_next_step() -> None:
    annotations = {"summary": "The API is down", "runbook_url": "https://e.org/run", "value": "0.2"}
    alert = make_alert(annotations=annotations, incident_id=7)
    disk = make_alert(DISK_FULL, id=2, incident_id=8)

    seen = render(
        "now.html",
        now_page(
            now=at(12),
            firing={"warning": 1, "critical": 1},
            waiting=make_firing(make_listed(alert, messages=(POSTED,)), make_listed(disk)),
        ),
    )

    assert seen.text.index("2 firing") < seen.text.index("ApiDown") < seen.text.index("DiskFull")
    assert f"12 min since {NOON:%H:%M} UTC The API is down value 0.2" in seen.text
    assert "ops Runbook Graph Acknowledge" in seen.text
    assert {"https://e.org/run", "/incidents/7", "/incidents/7#acknowledge", POSTED.url} <= set(seen.links)


def test_now_keeps_apart_what_somebody_has_and_what_is_silenced() -> None:
    mine = make_listed(acknowledgement=ADA)
    silenced = make_listed(make_alert(DISK_FULL, id=2, suppressed="silenced"), silence=SILENCE)

    seen = render(
        "now.html", now_page(taken=make_firing(mine), silenced=make_firing(silenced), silenced_alerts=1)
    )

    assert "Nobody has it" not in seen.text
    assert "Somebody has it 1 incident, worst first critical, firing ApiDown" in seen.text
    assert f"Ada since {NOON:%H:%M} UTC: on it" in seen.text
    assert "1 alert fires silenced silenced, warning, still firing DiskFull" in seen.text


def test_more_than_the_page_shows_is_one_link_away() -> None:
    cut = render("now.html", now_page(waiting=make_firing(make_listed()), is_cut=True))
    whole = render("now.html", now_page(waiting=make_firing(make_listed())))

    assert "/alerts?status=firing&group=incident" in cut.links
    assert "/alerts?status=firing&group=incident" not in whole.links


def test_incident_of_many_alerts_says_where_it_fires() -> None:
    listed = [
        make_listed(make_alert({**API_DOWN, "instance": f"api-{n}"}, id=n, incident_id=7)) for n in (1, 2)
    ]

    seen = render("now.html", now_page(waiting=make_firing(*listed)))

    assert "2 alerts: api-1, api-2" in seen.text


def test_what_is_wrong_with_the_router_stands_above_what_fires() -> None:
    trouble = Trouble("channel ops", "is gone", "/operations")

    seen = render("now.html", now_page(troubles=(trouble,), waiting=make_firing(make_listed())))
    calm = render("now.html", now_page())

    assert "The router needs attention channel ops is gone Nobody has it" in seen.text
    assert "/operations" in seen.links
    assert "Nothing is firing The router accepts alerts" in calm.text


def test_how_to_connect_is_folded_away_after_the_first_alert() -> None:
    new = render("now.html", now_page(is_new=True))
    used = render("now.html", now_page())

    assert "No alerts yet" in new.text
    assert "curl http://router.example.org/webhooks/alertmanager" in new.text
    assert [tag for tag, _ in new.tags].count("details") == 0
    assert "Connect Alertmanager, Grafana, DAGs and services; send a test" in used.text


# The list


def test_firing_row_says_severity_duration_and_what_differs() -> None:
    alerts = [make_alert({**API_DOWN, "instance": f"api-{n}", "job": "api"}, id=n) for n in (1, 2)]

    seen = render("alerts.html", alerts_page(*map(make_listed, alerts), now=at(12)))

    assert "critical, firing ApiDown instance api-1 ApiDown it is not notified 12 min since" in seen.text
    assert "job" not in seen.text


def test_resolved_row_says_resolved_and_how_long_it_lasted() -> None:
    seen = render("alerts.html", alerts_page(make_listed(make_alert(ends_at=at(9))), now=at(12)))

    assert "Resolved, was critical" in seen.text
    assert "3 min ago lasted 9 min" in seen.text


def test_silenced_row_says_by_whom_and_does_not_look_firing() -> None:
    listed = make_listed(make_alert(suppressed="silenced"), silence=SILENCE)

    seen = render("alerts.html", alerts_page(listed))

    assert "silenced, critical, still firing" in seen.text
    assert "by Grace until" in seen.text
    assert "row is-silenced critical" in seen.attributes("li", "class")


def test_row_says_who_has_acknowledged_it() -> None:
    seen = render("alerts.html", alerts_page(make_listed(acknowledgement=ADA)))

    assert "Ada" in seen.text


@pytest.mark.parametrize(
    ("message", "words", "url"),
    [
        (POSTED, "ops", POSTED.url),
        (replace(POSTED, state="dead"), "not delivered", "/dead-letters"),
        (replace(POSTED, revision=-1, url=None), "queued", None),
        (replace(POSTED, url=None), "ops", None),
        (None, "not notified", None),
    ],
)
def test_row_says_whether_people_were_notified(message: Message | None, words: str, url: str | None) -> None:
    listed = make_listed(messages=(message,) if message else ())

    seen = render("alerts.html", alerts_page(listed))

    assert words in seen.text
    assert url is None or url in seen.links


def test_incident_row_stands_for_its_alerts() -> None:
    listed = [make_listed(make_alert(incident_id=7, id=n)) for n in (1, 2)]
    (incident,) = make_firing(*listed)
    sections = (Section("", (Row(listed[0], incident),)),)

    seen = render("alerts.html", alerts_page(listed[0], sections=sections, is_grouped=True))

    assert "/incidents/7" in seen.links
    assert "2 alerts" in seen.text


def test_counts_of_what_fires_lead_to_it_worst_first() -> None:
    seen = render("alerts.html", alerts_page(firing={"warning": 1, "critical": 3}))

    links = [link for link in seen.links if "status=firing" in link]
    assert links == ["/alerts?status=firing&severity=critical", "/alerts?status=firing&severity=warning"]
    assert "3 critical 1 warning" in seen.text


def test_list_says_what_is_shown_and_how_many_there_are() -> None:
    some = render("alerts.html", alerts_page(make_listed(), query=query_of("severity=critical&order=worst")))
    many = render("alerts.html", alerts_page(make_listed(), count=Count(1000, is_exact=False)))

    assert "Critical alerts, worst first 1 alert" in some.text
    assert "more than 1,000 alerts" in many.text


def test_list_links_onward_back_and_to_its_exports() -> None:
    query = replace(query_of("status=firing"), after=Cursor(90))

    seen = render("alerts.html", alerts_page(make_listed(), query=query, next_url="/alerts?cursor=40"))

    assert {"/alerts?cursor=40", "/alerts?status=firing", "/alerts?status=firing&format=csv"} <= set(
        seen.links
    )
    assert "/alerts.atom?status=firing" in seen.links


def test_empty_result_offers_to_clear_the_filters() -> None:
    seen = render("alerts.html", alerts_page(query=query_of("q=nothing")))

    assert "No alerts match these filters." in seen.text
    assert "/alerts" in seen.links


def test_form_keeps_what_was_asked_for() -> None:
    query = query_of("severity=disaster&match=a%3D1&match=b%3D2&since=90m&limit=5&notified=no")

    seen = render("alerts.html", alerts_page(query=query))

    values = [(a["name"], a["value"]) for t, a in seen.tags if t == "input" and a.get("value")]
    assert values == [
        ("limit", "5"),
        ("severity", "disaster"),
        ("since", "90m"),
        ("match", "a=1"),
        ("match", "b=2"),
    ]
    assert "no" in [a["value"] for t, a in seen.tags if t == "option" and "selected" in a]


def test_wrong_filter_is_described_beside_its_field() -> None:
    page = alerts_page(errors={"since": "must be a time", "foo": "unknown filter"})

    seen = render("alerts.html", page)

    (field,) = [attrs for tag, attrs in seen.tags if attrs.get("id") == "since"]
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "since-wrong")
    assert "must be a time" in seen.text
    assert "foo: unknown filter" in seen.text
    assert "Nothing is listed" in seen.text


# One alert, one incident


def test_firing_alert_links_the_next_steps() -> None:
    annotations = {"runbook_url": "https://e.org/run", "dashboard_url": "http://grafana:3000/d/1"}

    seen = render("alert.html", alert_page(make_listed(make_alert(annotations=annotations))))

    assert "Firing for 12 min" in seen.text
    assert "Runbook Dashboard Graph Silence" in seen.text
    assert {"https://e.org/run", "http://grafana:3000/d/1"} <= set(seen.links)
    assert "curl http://router.example.org/alerts/1" in seen.text


def test_resolved_alert_has_no_silence_link() -> None:
    seen = render("alert.html", alert_page(make_listed(make_alert(ends_at=at(9)))))

    assert "Resolved 3 min ago, after 9 min" in seen.text
    assert "Silence" not in seen.text


def test_measured_values_are_shown_in_the_header() -> None:
    annotations = {"summary": "Too hot", "values": "B = 18.9821, C = 0"}

    seen = render("alert.html", alert_page(make_listed(make_alert(annotations=annotations))))

    assert "Too hot B = 18.9821, C = 0" in seen.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Nobody has it."),
        ({"acknowledgement": ADA}, "Ada has it since"),
        ({"alert": make_alert(suppressed="silenced"), "silence": SILENCE}, "Silenced by Grace until"),
        ({"alert": make_alert(suppressed="inhibited")}, "Alertmanager is quiet about it: it is inhibited."),
        ({"alert": make_alert(ends_at=at(9)), "acknowledgement": ADA}, "Ada had it since"),
    ],
)
def test_head_says_who_has_it_and_what_silences_it(changes: dict[str, object], words: str) -> None:
    seen = render("incident.html", incident_page(replace(make_listed(), **changes)))  # type: ignore[arg-type]

    assert words in seen.text


def test_timeline_shows_each_fact_with_its_details() -> None:
    lines = (
        Line(NOON, "Began, says Prometheus", tone="bad"),
        Line(at(1), "Message edited in ops", count=3, last_at=at(4)),
        Line(at(5), "Silenced by Grace", "deploying", until=at(60), place="api-1"),
    )

    seen = render("alert.html", alert_page(make_listed(), lines=lines))

    assert "Began, says Prometheus" in seen.text
    assert "Message edited in ops 3 times" in seen.text
    assert "Silenced by Grace api-1 until" in seen.text
    assert "deploying" in seen.text


def test_page_says_why_there_was_a_message() -> None:
    answer = Answer(OPS, NOON, POSTED.url, "announced at 12:00", ())

    seen = render("alert.html", alert_page(make_listed(), why=(answer,)))

    assert "ops: announced at 12:00 The message" in seen.text
    assert POSTED.url in seen.links


def test_earlier_episodes_show_length_and_notes() -> None:
    before = make_alert(id=9, starts_at=at(-90), ends_at=at(-70))
    earlier = Earlier((make_listed(before, acknowledgement=ADA),), is_all=True)

    seen = render("alert.html", alert_page(make_listed(episodes_30d=2), earlier=earlier))

    assert "Twice in 30 days, usually over after 20 min." in seen.text
    assert "lasted 20 min Ada: on it" in seen.text
    assert "/alerts/9" in seen.links


def test_other_alerts_of_the_incident_are_listed() -> None:
    sibling = make_listed(make_alert({**API_DOWN, "instance": "api-2"}, id=2))

    seen = render("alert.html", alert_page(make_listed(), sibling))

    assert "Same incident" in seen.text
    assert "/alerts/2" in seen.links


def test_page_shows_the_card_as_it_looks_now() -> None:
    card = make_card(body={"content": "**Look**"})

    seen = render("incident.html", incident_page(make_listed(), card=card))

    assert "The card in preview" in seen.text
    assert "Look" in seen.text


def test_held_and_expiring_alerts_show_their_deadline() -> None:
    held = render("alert.html", alert_page(make_listed(make_alert(ends_at=at(9), held_until=at(14)))))
    expiring = render("alert.html", alert_page(make_listed(make_alert(expires_at=at(60)))))

    assert "A late “firing” arrived after it resolved" in held.text
    assert "Resolves at" in expiring.text


# Insights, and the pages about the router


def test_insights_show_numbers_and_what_they_suggest() -> None:
    seen = render("insights.html", insights_page(make_habit()))

    assert "alerts 9 as before (9)" in seen.text
    assert "ApiDown 9 3 5 min fires 9 times a week" in seen.text
    assert "9 of 9" in seen.text
    assert "/alerts?alertname=ApiDown&since=30d" in seen.links
    assert "By week: 4, 5" in seen.attributes("svg", "aria-label")


def test_operations_show_each_channel_and_who_was_refused() -> None:
    channel = replace(operations_page().channels[0], trouble="accepts nothing", stats=replace(STATS, dead=2))

    seen = render("operations.html", operations_page(channels=(channel,), refused=((401, "10.0.0.7", 3),)))

    assert "discord accepts nothing 0 2 1 2 just now, sent HTTP 200 Send" in seen.text
    assert "10.0.0.7 401 no valid token 3" in seen.text
    assert "/dead-letters" in seen.links


def test_acts_say_who_did_what_and_until_when() -> None:
    act = Act(7, Kind.SILENCED, NOON, "Grace", "deploying", "card", at(60))

    seen = render("acts.html", ActsPage(NOON, (Recorded(act, "ApiDown"),)))

    assert f"{NOON:%H:%M} UTC Grace silenced ApiDown deploying {at(60):%H:%M} UTC card" in seen.text
    assert "/incidents/7" in seen.links


def kept(text: str = '{"a": 1}', **changes: str) -> KeptItem:
    return KeptItem(
        Kept(3, RefusedBody(NOON, "grafana", "alerts.0: no labels", text.encode())), text, **changes
    )


def test_quarantined_body_can_be_mended_on_the_page() -> None:
    seen = render("quarantine.html", QuarantinePage(NOON, (kept(error="still not JSON"),)))

    assert "alerts.0: no labels Body" in seen.text
    assert "still not JSON" in seen.text
    assert seen.attributes("form", "action") == ["/quarantine/done", "/quarantine/3/replay"]
    assert seen.attributes("button", "formaction") == ["/quarantine/3/done"]


def test_body_too_large_for_the_page_can_be_marked_as_done() -> None:
    seen = render("quarantine.html", QuarantinePage(NOON, (replace(kept(), text=""),)))

    assert "too large to be mended here" in seen.text
    assert not [tag for tag, _ in seen.tags if tag == "textarea"]
    assert "/quarantine/3/done" in seen.attributes("button", "formaction")


def test_dead_letter_shows_its_reason_and_a_retry_button() -> None:
    letter = DeadLetter(17, "discord", 7, 3, "HTTP 400: too long", NOON)

    seen = render("dead_letters.html", DeadLettersPage(now=NOON, letters=(letter,)))

    assert "1 card that Discord rejected for good" in seen.text
    assert "alert 3 HTTP 400: too long Retry" in seen.text
    assert seen.attributes("form", "action") == ["/dead-letters/replay", "/dead-letters/17/replay"]
    assert "/alerts/3" in seen.links


def test_no_retry_button_without_dead_letters() -> None:
    seen = render("dead_letters.html", DeadLettersPage(now=NOON, letters=()))

    assert "None: every card" in seen.text
    assert seen.attributes("form", "action") == []


def test_error_page_names_each_parameter() -> None:
    problem = Problem(HTTPStatus.BAD_REQUEST, "no", errors=[FieldError("since", "must be a time")])

    answer = PAGES.error(problem, NOON)

    seen = ParsedPage(bytes(answer.body).decode())
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "since must be a time" in seen.text
    assert "/alerts" in seen.links


# The preview


def preview(body: Mapping[str, object], **changes: object) -> PreviewPage:
    return PreviewPage(now=at(5), cards=(make_card(body=dict(body), **changes),), channel="preview")


def test_preview_renders_all_parts_of_a_card() -> None:
    body = {
        "content": "**Look**",
        "embeds": [
            {
                "title": "🔴 Api\\_Down",
                "color": 0xE5484D,
                "description": "It is <t:1:R>",
                "timestamp": NOON.isoformat(),
                "footer": {"text": "incident *7*"},
                "fields": [{"name": f"n{n}", "value": "`v`", "inline": True} for n in range(4)],
            }
        ],
        "components": [
            {"type": 1, "components": [{"type": 2, "style": 5, "label": "Graph", "url": "https://e.org/"}]}
        ],
    }

    seen = render("preview.html", preview(body, edited=True))

    classes = [attrs.get("class") for _, attrs in seen.tags]
    assert "embed bar-e5484d" in classes
    assert [name for name in classes if name and name.startswith("fields")] == ["fields of-3", "fields of-1"]
    assert "🔴 Api_Down" in seen.text
    assert f"incident *7* • {NOON:%H:%M} UTC" in seen.text
    assert "(edited)" in seen.text
    assert {"https://e.org/", "/alerts/3"} <= set(seen.links)


def test_preview_renders_a_plain_text_card() -> None:
    seen = render("preview.html", preview({"content": "only text", "embeds": [], "components": []}))

    assert "only text" in seen.text
    assert "(edited)" not in seen.text


def test_empty_preview_explains_when_cards_appear() -> None:
    seen = render("preview.html", PreviewPage(now=NOON, cards=(), channel="preview"))

    assert "No cards yet." in seen.text


# Hostile alerts


def hostile_pages() -> list[tuple[str, Page]]:
    alert = make_alert(
        {"alertname": HOSTILE, "severity": HOSTILE, HOSTILE: HOSTILE},
        annotations=dict.fromkeys(("summary", "description", "runbook_url", "value", HOSTILE), HOSTILE)
        | {"dashboard_url": "javascript:alert(1)"},
        generator_url="javascript:alert(1)",
        reporter=HOSTILE,
        suppressed=HOSTILE,
    )
    acknowledgement = Acknowledgement(NOON, HOSTILE, HOSTILE)
    silence = replace(SILENCE, created_by=HOSTILE, comment=HOSTILE)
    messages = (Message(CHANNEL, "delivered", "javascript:alert(1)", 1),)
    silenced = make_listed(alert, acknowledgement=acknowledgement, silence=silence, messages=messages)
    listed = replace(silenced, alert=replace(alert, id=2, incident_id=2, suppressed=None))
    episode = {
        "lines": (Line(NOON, HOSTILE, HOSTILE, place=HOSTILE),),
        "why": (Answer(CHANNEL, NOON, "javascript:alert(1)", HOSTILE, ()),),
        "earlier": Earlier((listed,), is_all=False),
        "card": make_card(body={"content": HOSTILE}, channel=HOSTILE),
    }
    text = {"name": HOSTILE, "value": HOSTILE}
    embed = {
        "title": HOSTILE,
        "url": "javascript:alert(1)",
        "description": HOSTILE,
        "fields": [text],
        "footer": {"text": HOSTILE},
    }
    buttons = [{"components": [{"label": HOSTILE, "url": "javascript:alert(1)"}]}]
    names = (HOSTILE,)
    troubles = (Trouble(HOSTILE, HOSTILE, "/operations"),)
    query = query_of(f"q={HOSTILE}&severity={HOSTILE}".replace("<", "%3C"))
    channel = replace(operations_page().channels[0], name=CHANNEL, trouble=HOSTILE, fallback=HOSTILE)
    return [
        (
            "now.html",
            now_page(
                firing={HOSTILE: 1},
                waiting=make_firing(listed),
                silenced=make_firing(silenced),
                resolved=(listed,),
                troubles=troubles,
                channel_names=names,
            ),
        ),
        (
            "alerts.html",
            alerts_page(
                listed,
                silenced,
                query=query,
                firing={HOSTILE: 1},
                alertnames=names,
                severities=names,
                teams=names,
                label_names=names,
            ),
        ),
        ("alerts.html", alerts_page(query=query, errors={"q": HOSTILE, HOSTILE: HOSTILE})),
        ("alert.html", alert_page(silenced, listed, as_json=HOSTILE, **episode)),
        ("incident.html", incident_page(listed, silenced, **episode)),
        ("insights.html", insights_page(make_habit(alertname=HOSTILE, sentence=HOSTILE))),
        (
            "operations.html",
            operations_page(troubles=troubles, channels=(channel,), refused=((401, HOSTILE, 1),)),
        ),
        ("quarantine.html", QuarantinePage(NOON, (hostile_item(),))),
        (
            "preview.html",
            preview({"content": HOSTILE, "embeds": [embed], "components": buttons}, channel=HOSTILE),
        ),
        ("acts.html", ActsPage(NOON, (hostile_act(),))),
        ("dead_letters.html", DeadLettersPage(NOON, (DeadLetter(1, HOSTILE, None, None, HOSTILE, NOON),))),
        ("api_docs.html", ApiPage(NOON, (hostile_operation(),))),
        ("error.html", ErrorPage(NOON, Problem(BAD, HOSTILE, errors=[FieldError(HOSTILE, HOSTILE)]))),
        ("error.html", ErrorPage(NOON, Problem(BAD, HOSTILE))),
    ]


def hostile_item() -> KeptItem:
    refused = RefusedBody(NOON, HOSTILE, HOSTILE, b"")
    return KeptItem(Kept(1, refused), f"</textarea>{HOSTILE}", HOSTILE)


def hostile_act() -> Recorded:
    return Recorded(Act(1, Kind.SILENCED, NOON, HOSTILE, HOSTILE, HOSTILE, NOON), HOSTILE)


def hostile_operation() -> Operation:
    spec = {
        "summary": HOSTILE,
        "description": HOSTILE,
        "parameters": [{"name": HOSTILE, "in": HOSTILE, "required": True, "description": HOSTILE}],
        "requestBody": {"content": {"application/json": {"example": HOSTILE}}},
        "responses": {HOSTILE: {"description": HOSTILE}},
    }
    return Operation(HOSTILE, HOSTILE, HOSTILE, spec)


@pytest.mark.parametrize(("template", "page"), hostile_pages())
def test_hostile_text_stays_text_on_every_page(template: str, page: Page) -> None:
    seen = render(template, page)

    scripts = [attrs for tag, attrs in seen.tags if tag == "script"]
    assert all(str(attrs["src"]).startswith("/static/js/") for attrs in scripts)
    assert "img" not in {tag for tag, _ in seen.tags}
    assert not [name for _, attrs in seen.tags for name in attrs if name.startswith("on") or name == "style"]
    assert all(link.startswith(("/", "#", "http://", "https://")) for link in seen.links)
    assert "<script>alert(1)</script>" in seen.words


@pytest.mark.parametrize(("template", "page"), hostile_pages())
def test_external_links_send_no_referrer(template: str, page: Page) -> None:
    tags = render(template, page).tags

    away = [attrs for tag, attrs in tags if tag == "a" and str(attrs["href"]).startswith("http")]
    assert all(attrs["rel"] == "noopener noreferrer nofollow" for attrs in away)


@pytest.mark.parametrize(("template", "page"), hostile_pages())
def test_pages_load_own_resources_only_and_no_inline_code(template: str, page: Page) -> None:
    answer = PAGES.render(template, page)

    policy = answer.headers["Content-Security-Policy"]
    sources = [
        attrs.get("src") or attrs.get("href")
        for tag, attrs in ParsedPage(bytes(answer.body).decode()).tags
        if tag in ("script", "link", "img")
    ]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert all(str(source).startswith("/static/") for source in sources)
    assert answer.headers["Vary"] == "Accept"


# Accessibility


def contrast(color: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""

    def luminance(color: str) -> float:
        parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(color), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> list[dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "css" / "colors.css").read_text(), re.DOTALL)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return [light, light | dark]


GROUNDS = ("page", "surface", "sunken")
TEXT_ON = [
    *((text, ground) for text in ("text", "quiet", "link") for ground in ("page", "surface")),
    *((text, "sunken") for text in ("text", "quiet", "link")),
    *((f"{tone}-text", ground) for tone in ("critical", "error", "warning", "info") for ground in GROUNDS),
    *(("resolved", ground) for ground in GROUNDS),
    *(("text", "chip"), ("page", "text")),
    *((f"on-{tone}", tone) for tone in ("critical", "error", "warning", "info", "none")),
]
MARKS_ON = [(mark, "surface") for mark in ("critical", "error", "warning-mark", "info", "none", "muted-mark")]


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_contrast_of_text_and_marks(palette: Mapping[str, str]) -> None:
    faint = [pair for pair in TEXT_ON if contrast(*(palette[name] for name in pair)) < 4.5]
    faint += [pair for pair in MARKS_ON if contrast(*(palette[name] for name in pair)) < 3]

    assert faint == []


@pytest.mark.parametrize(("template", "page"), hostile_pages())
def test_page_has_language_title_one_heading_and_skip_link(template: str, page: Page) -> None:
    seen = render(template, page)

    tags = [tag for tag, _ in seen.tags]
    assert ("html", {"lang": "en"}) in seen.tags
    assert tags.count("h1") == 1
    assert seen.text.split(" Skip")[0].endswith("alert-router")
    assert seen.links[0] == "#main"


@pytest.mark.parametrize(("template", "page"), hostile_pages())
def test_inputs_are_labelled_and_ids_are_unique(template: str, page: Page) -> None:
    tags = render(template, page).tags

    ids = [attrs["id"] for _, attrs in tags if attrs.get("id")]
    labelled = {attrs["for"] for tag, attrs in tags if tag == "label"}
    fields = ("input", "select", "textarea")
    inputs = {a.get("id") for t, a in tags if t in fields and a.get("type") != "hidden"}
    assert inputs == labelled
    assert len(ids) == len(set(ids))


# Templates and stylesheets


def names_in(environment: jinja2.Environment, template: str) -> set[str]:
    """The variables that a template and its partials use."""
    source = (FOLDER / "templates" / template).read_text()
    tree = environment.parse(source)
    names = meta.find_undeclared_variables(tree)
    for other in meta.find_referenced_templates(tree):
        names |= names_in(environment, str(other))
    return names


@pytest.mark.parametrize(("template", "page"), TEMPLATES.items())
def test_template_uses_every_field_of_its_page(template: str, page: type[Page]) -> None:
    used = names_in(PAGES._env, template)

    assert {field.name for field in fields(page)} <= used


def test_every_embed_colour_has_a_class() -> None:
    css = (STATIC / "css" / "preview.css").read_text()

    for color in {*embeds.COLORS.values(), embeds.GREEN, embeds.GREY}:
        assert f".{discord_html.bar(color)} {{\n  --bar: #{color:06x};" in css
    assert f".{discord_html.bar(0x123456)} {{" in css


def test_every_stylesheet_is_linked_in_cascade_order() -> None:
    links = [str(attrs["href"]) for tag, attrs in render("now.html", now_page()).tags if tag == "link"]

    files = {path.stem for path in (STATIC / "css").iterdir()}
    assert files == set(STYLESHEETS)
    assert [link.partition("?")[0] for link in links[1:]] == [
        f"/static/css/{name}.css" for name in STYLESHEETS
    ]


def test_every_css_class_is_used() -> None:
    css = "".join((STATIC / "css" / f"{name}.css").read_text() for name in STYLESHEETS)
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", css, flags=re.DOTALL)
    sources = [*(FOLDER / "templates").glob("*.html"), *FOLDER.glob("*.py"), *(STATIC / "js").glob("*.js")]
    words = set(re.findall(r"[\w-]+", " ".join(path.read_text() for path in sources)))
    computed = re.compile(r"bar-[0-9a-f]{6}|head-[1-3]|of-[23]|heat-[0-5]")

    classes = set(re.findall(r"\.([a-z][\w-]*)", selectors))

    assert {name for name in classes - words if not computed.fullmatch(name)} == set()


def test_every_script_is_linked_as_a_module() -> None:
    tags = render("now.html", now_page()).tags

    scripts = [attrs for tag, attrs in tags if tag == "script"]
    assert {path.stem for path in (STATIC / "js").iterdir()} == set(SCRIPTS)
    assert [str(attrs["src"]).partition("?")[0] for attrs in scripts] == [
        f"/static/js/{name}.js" for name in SCRIPTS
    ]
    assert {attrs["type"] for attrs in scripts} == {"module"}
