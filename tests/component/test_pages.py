"""The pages without a browser: their texts, escaping and accessibility."""

import html
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from http import HTTPStatus
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import meta
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from alert_router.discord import embeds
from alert_router.domain.model import Alert, TransitionKind
from alert_router.sources.errors import FieldError
from alert_router.store.dead_letters import DeadLetter
from alert_router.store.deliveries import Delivery
from alert_router.store.history import AlertDetail, TimelineEntry
from alert_router.store.preview import PreviewCard
from alert_router.web import alert_filters, discord_html, filter_summary, jinja_filters
from alert_router.web.alert_filters import Query
from alert_router.web.api_docs import Operation
from alert_router.web.metrics import DELIVERY_OUTCOMES
from alert_router.web.pages import (
    FOLDER,
    STATIC,
    STYLESHEETS,
    AlertPage,
    AlertsPage,
    ApiPage,
    DeadLettersPage,
    ErrorPage,
    LandingPage,
    Page,
    Pages,
    PreviewPage,
)
from alert_router.web.problems import Problem
from testbed.factories import API_DOWN, DISK_FULL, NOON, at, make_alert

PAGES = Pages()
TEMPLATES: Mapping[str, type[Page]] = {
    "alerts.html": AlertsPage,
    "alert.html": AlertPage,
    "preview.html": PreviewPage,
    "landing.html": LandingPage,
    "dead_letters.html": DeadLettersPage,
    "api_docs.html": ApiPage,
    "error.html": ErrorPage,
}
REL = 'rel="noopener noreferrer nofollow"'
BAD = HTTPStatus.BAD_REQUEST
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


class ParsedPage(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def text(self) -> str:
        return " ".join(self.words.split())

    @property
    def links(self) -> list[str]:
        return [attrs["href"] or "" for tag, attrs in self.tags if tag == "a"]


def render(template: str, page: Page) -> ParsedPage:
    return ParsedPage(bytes(PAGES.render(template, page).body).decode())


def query_of(query: str = "", now: datetime = NOON) -> Query:
    return alert_filters.parse(QueryParams(query), now)


def alerts_page(*alerts: Alert, **changes: Any) -> AlertsPage:
    defaults: dict[str, Any] = {
        "now": NOON,
        "query": query_of(),
        "alerts": alerts,
        "next_url": None,
        "firing": {},
        "severities": ("critical", "warning"),
        "alertnames": ("ApiDown", "DiskFull"),
        "troubles": {},
        "webhook_url": "http://127.0.0.1:8010/webhooks/alertmanager",
        "needs_token": False,
    }
    return AlertsPage(**{**defaults, **changes})


def detail_of(alert: Alert, **changes: Any) -> AlertDetail:
    opened = TimelineEntry(alert.starts_at, "opened", "alertmanager", "Prometheus")
    return replace(AlertDetail(alert, (opened,), (), ()), **changes)


def alert_page(alert: Alert, **changes: Any) -> AlertPage:
    return AlertPage(now=at(12), detail=detail_of(alert, **changes), public_url="http://router.example.org")


def card(body: Mapping[str, Any], **changes: Any) -> PreviewPage:
    sent = PreviewCard(1, "preview", 7, 3, "delivered", dict(body), NOON, NOON, edited=False)
    return PreviewPage(now=at(5), cards=(replace(sent, **changes),), channel="preview")


def landing(**changes: Any) -> LandingPage:
    defaults: dict[str, Any] = {
        "now": NOON,
        "firing": {},
        "pending_cards": 0,
        "dead_cards": 0,
        "quarantined": 0,
        "channel": "discord",
        "not_ready": {},
        "webhook_url": "http://router.example.org/webhooks/alertmanager",
        "needs_token": False,
        "channels": ("discord", "preview"),
    }
    return LandingPage(**{**defaults, **changes})


# Filters of the templates


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOON, "just now"),
        (at(-12), "12 min ago"),
        (at(-125), "2 h 5 min ago"),
        (at(0.5), "just now"),
        (at(-0.25), "15 s ago"),
        (at(3), "in 3 min"),
    ],
)
def test_ago_handles_past_and_future_times(moment: datetime, words: str) -> None:
    assert jinja_filters.ago(moment, NOON) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOON.replace(hour=3, minute=2), "03:02 UTC"),
        (NOON.replace(day=1, month=1), f"1 Jan {NOON:%H:%M} UTC"),
        (NOON.replace(year=2019, day=5, month=2), f"5 Feb 2019, {NOON:%H:%M} UTC"),
    ],
)
def test_clock_shows_only_the_needed_part_of_the_date(moment: datetime, words: str) -> None:
    now = NOON.replace(day=22, month=11)
    moment = moment if moment.month in (1, 2) else moment.replace(day=22, month=11)

    assert jinja_filters.clock(moment, now) == words


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//host/x",
        "https://",
        "https://a b",
        "https://a\n",
        "",
        "http://[",
    ],
)
def test_web_url_rejects_anything_but_http_urls(text: str) -> None:
    assert jinja_filters.web_url(text) is None


def test_web_url_accepts_any_host() -> None:
    for url in ("http://alertmanager:9093/#/alerts", "https://example.org/a?b=c"):
        assert jinja_filters.web_url(url) == url


def test_distinguishing_labels_come_first() -> None:
    first, second = (make_alert({**DISK_FULL, "instance": name}) for name in ("db-1", "db-2"))

    names = [name for name, _ in jinja_filters.distinguishing_labels_first(first, (first, second))]

    assert names == ["instance", "device"]


def test_unknown_severity_is_drawn_as_the_one_it_ranks_with() -> None:
    assert jinja_filters.rank_name("disaster") == "warning"
    assert [name for name, _ in jinja_filters.by_rank({"info": 1, "disaster": 2, "page": 3})] == [
        "page",
        "disaster",
        "info",
    ]


def test_every_transition_kind_has_a_description() -> None:
    assert set(jinja_filters.TRANSITIONS) == {kind.value for kind in TransitionKind}
    assert jinja_filters.words("some_new_kind", jinja_filters.TRANSITIONS) == "some new kind"


def test_every_delivery_outcome_has_a_description() -> None:
    assert set(jinja_filters.OUTCOMES) == set(DELIVERY_OUTCOMES)


# The filters in words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "All alerts, newest first"),
        ("limit=5", "All alerts, newest first"),
        (
            "status=firing&severity=critical&since=24h",
            "Firing critical alerts of the last 24 hours, newest first",
        ),
        ("since=90m", "All alerts of the last 90 minutes, newest first"),
        ("since=1w", "All alerts of the last week, newest first"),
        ("alertname=ApiDown&source=events", "All alerts named ApiDown from events, newest first"),
        (
            "match=a%3D1&match=b!~x.*&q=disk",
            'All alerts with a="1" and b!~"x.*" containing “disk”, newest first',
        ),
    ],
)
def test_filters_are_summarized_in_words(query: str, words: str) -> None:
    assert filter_summary.in_words(query_of(query), NOON) == words


def test_time_range_is_summarized_with_its_limits() -> None:
    query = query_of("since=2020-01-02T03:04:00Z&until=2020-01-03T00:00:00Z")

    words = filter_summary.in_words(query, NOON)

    assert words == ("All alerts since 2 Jan 2020, 03:04 UTC and before 3 Jan 2020, 00:00 UTC, newest first")


def test_chip_link_removes_only_its_filter() -> None:
    query = query_of("status=firing&match=a%3D1&match=b%3D2&limit=5")

    chips = filter_summary.chips(query)

    assert [chip.text for chip in chips] == ["status: firing", "a=1", "b=2"]
    assert chips[1].without_url == "/alerts?status=firing&match=b%3D2&limit=5"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_label_link_matches_exactly_that_label(value: str) -> None:
    url = filter_summary.with_label(None, "instance", value)

    assert url is not None
    (matcher,) = query_of(url.partition("?")[2]).filters.matchers
    assert (matcher.name, matcher.operator, matcher.value) == ("instance", "=", value)


def test_empty_severity_link_filters_by_empty_severity() -> None:
    filters = query_of(filter_summary.severity_url("").partition("?")[2]).filters

    assert [str(matcher) for matcher in filters.matchers] == ['severity=""']


def test_label_link_does_not_repeat_an_active_matcher() -> None:
    query = query_of("match=" + 'a%3D"1"')

    assert filter_summary.with_label(query, "a", "1") == "/alerts?match=a%3D%221%22"


def test_label_name_outside_ascii_words_is_quoted_in_the_link() -> None:
    assert filter_summary.with_label(None, "a.b/c", "1") == "/alerts?match=%22a.b%2Fc%22%3D%221%22"


# Discord's markdown


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**b** *i* _i_", "<p><strong>b</strong> <em>i</em> <em>i</em></p>"),
        ("__u__ ~~s~~", "<p><u>u</u> <s>s</s></p>"),
        ("__**both**__", "<p><u><strong>both</strong></u></p>"),
        ("`a <b>`", "<p><code>a &lt;b&gt;</code></p>"),
        ("```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("> quoted\nnot", "<blockquote>\n<p>quoted</p>\n</blockquote>\n<p>not</p>"),
        (r"\*no\* a\_b \<t:1:R\>", "<p>*no* a_b &lt;t:1:R&gt;</p>"),
        ("# Head", '<p class="head-1">Head</p>'),
        ("<b>&amp;", "<p>&lt;b&gt;&amp;amp;</p>"),
        (
            "[**x <b>**](https://e.org/?a=1&b)",
            f'<p><a href="https://e.org/?a=1&amp;b" {REL}><strong>x &lt;b&gt;</strong></a></p>',
        ),
        ("[x](javascript:alert%281%29)", "<p>[x](javascript:alert%281%29)</p>"),
        (
            "<@&777> <@5> @here @hereby",
            (
                '<p><span class="mention">@role 777</span> <span class="mention">@user 5</span> '
                '<span class="mention">@here</span> @hereby</p>'
            ),
        ),
        ("`<@&777>` @\u200beveryone", "<p><code>&lt;@&amp;777&gt;</code> @\u200beveryone</p>"),
        ("<javascript:alert(1)> <a@b.c>", "<p>&lt;javascript:alert(1)&gt; &lt;a@b.c&gt;</p>"),
    ],
)
def test_discord_markdown_is_rendered(text: str, html: str) -> None:
    assert discord_html.block(text, NOON).strip() == html


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("", "14 November 2023 22:13"),
        (":t", "22:13"),
        (":T", "22:13:20"),
        (":d", "14/11/2023"),
        (":D", "14 November 2023"),
        (":f", "14 November 2023 22:13"),
        (":F", "Tuesday, 14 November 2023 22:13"),
        (":R", "2 hours ago"),
    ],
)
def test_timestamp_is_rendered_in_each_style(style: str, words: str) -> None:
    now = datetime(2023, 11, 15, 0, 30, tzinfo=UTC)

    html = discord_html.inline(f"<t:1700000000{style}>", now)

    assert html == f'<span class="stamp">{words}</span>'


def test_out_of_range_timestamp_stays_text() -> None:
    assert discord_html.inline("<t:999999999999:R>", NOON) == "&lt;t:999999999999:R&gt;"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=-20), "a few seconds ago"),
        (timedelta(minutes=-1), "a minute ago"),
        (timedelta(hours=1), "in an hour"),
        (timedelta(days=-3), "3 days ago"),
    ],
)
def test_relative_time_is_worded_as_in_discord(span: timedelta, words: str) -> None:
    assert discord_html.relative(NOON + span, NOON) == words


PIECES = "<script> </p> ** __ _ ` ``` [x]( ) javascript: https://e.org/ \" ' onload= <t:1:R> &lt; < > | ~~"
LINES = ("\n", "> ", "\\", "- ", "# ", " ", " onload=")


@given(st.lists(st.sampled_from([*PIECES.split(), *LINES]), max_size=30).map("".join))
def test_any_text_renders_to_known_markup_only(text: str) -> None:
    known = {"p", "br", "strong", "em", "u", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span"}

    tags = ParsedPage(discord_html.block(text, NOON)).tags

    assert {tag for tag, _ in tags} <= known
    assert {name for _, attrs in tags for name in attrs} <= {"class", "href", "rel", "start"}
    assert all(str(attrs["href"]).startswith(("https://", "http://")) for _, attrs in tags if "href" in attrs)


# Texts of the pages


def test_empty_history_shows_how_to_send_an_alert() -> None:
    page = alerts_page(alertnames=(), webhook_url="https://router.example.org/webhooks/alertmanager")

    seen = render("alerts.html", page)

    assert "No alerts yet" in seen.text
    assert "curl https://router.example.org/webhooks/alertmanager" in seen.text
    assert "- url: https://router.example.org/webhooks/alertmanager" in seen.text
    assert not [tag for tag, _ in seen.tags if tag == "form"]


@pytest.mark.parametrize("page", ["/", "/alerts"])
@pytest.mark.parametrize("token", ["", "a-token-of-the-tests"])
def test_offered_curl_command_is_accepted(page: str, token: str, make_sqlite_client: Any) -> None:
    """Run as by a shell with the token in its environment."""
    client: TestClient = make_sqlite_client(ingest_tokens=token)

    text = client.get(page, headers={"accept": "text/html"}).text
    [offered] = re.findall(r"<code>(curl .*?)</code>", text, re.DOTALL)
    words = shlex.split(html.unescape(offered).replace("$ALERT_ROUTER_INGEST_TOKENS", token))
    headers = dict(value.split(": ") for word, value in pairwise(words) if word == "-H")
    answer = client.post(urlsplit(words[1]).path, content=words[-1].encode(), headers=headers)

    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert not token or token not in text
    assert ("# http_config" in text) == (not token)


def test_empty_result_offers_to_clear_the_filters() -> None:
    seen = render("alerts.html", alerts_page(query=query_of("q=nothing")))

    assert "No alerts match these filters." in seen.text
    assert "/alerts" in seen.links


def test_firing_row_shows_severity_duration_and_source() -> None:
    alert = make_alert(repeats=2, flaps=1)

    seen = render("alerts.html", alerts_page(alert, now=at(12)))

    for words in (
        "critical Firing",
        "ApiDown",
        "ApiDown it is",
        "for 12 min",
        "flapped once, repeated twice",
    ):
        assert words in seen.text
    assert f"since {NOON:%H:%M} UTC" in seen.text
    assert filter_summary.with_label(None, "instance", "api-1") in seen.links


def test_resolved_row_says_resolved_in_words() -> None:
    seen = render("alerts.html", alerts_page(make_alert(ends_at=at(9)), now=at(12)))

    assert "Resolved critical" in seen.text
    assert "3 min ago lasted 9 min" in seen.text
    assert "Firing critical" not in seen.text


def test_row_with_many_labels_links_to_the_rest() -> None:
    labels = API_DOWN | {f"label_{n}": "x" for n in range(20)}

    seen = render("alerts.html", alerts_page(make_alert(labels, id=9)))

    assert "15 more" in seen.text
    assert "/alerts/9#labels" in seen.links


def test_the_counts_of_what_fires_lead_to_it_worst_first() -> None:
    seen = render("alerts.html", alerts_page(firing={"warning": 1, "critical": 3}))

    links = [link for link in seen.links if "status=firing" in link]
    assert links == ["/alerts?status=firing&severity=critical", "/alerts?status=firing&severity=warning"]
    assert "3 critical 1 warning" in seen.text


def test_older_page_links_onward_and_back_to_newest() -> None:
    query = query_of("status=firing&cursor=90")

    seen = render("alerts.html", alerts_page(make_alert(), query=query, next_url="/alerts?cursor=40"))

    assert "older than #90" in seen.text
    assert "/alerts?cursor=40" in seen.links
    assert "/alerts?status=firing" in seen.links


def test_form_keeps_chosen_values_that_do_not_exist() -> None:
    query = query_of("severity=disaster&match=a%3D1&match=b%3D2&since=90m&limit=5")

    tags = render("alerts.html", alerts_page(query=query)).tags

    chosen = [attrs["value"] for tag, attrs in tags if tag == "option" and "selected" in attrs]
    hidden = [(a["name"], a["value"]) for tag, a in tags if tag == "input" and a.get("type") == "hidden"]
    assert chosen == ["disaster", "90m"]
    assert hidden == [("match", "a=1"), ("match", "b=2"), ("limit", "5")]


def test_firing_alert_links_the_next_steps() -> None:
    annotations = {"runbook_url": "https://e.org/run", "dashboard_url": "http://grafana:3000/d/1"}

    seen = render("alert.html", alert_page(make_alert(annotations=annotations)))

    assert "Firing for 12 min" in seen.text
    assert "Runbook Dashboard Graph Silence" in seen.text
    assert {"https://e.org/run", "http://grafana:3000/d/1"} <= set(seen.links)
    assert "curl http://router.example.org/alerts/1" in seen.text


def test_resolved_alert_has_no_silence_link() -> None:
    seen = render("alert.html", alert_page(make_alert(ends_at=at(9))))

    assert "Resolved 3 min ago, after 9 min" in seen.text
    assert "Silence" not in seen.text


def test_measured_values_are_shown_in_the_header() -> None:
    annotations = {"summary": "Too hot", "values": "B = 18.9821, C = 0"}

    seen = render("alert.html", alert_page(make_alert(annotations=annotations)))

    assert "Too hot B = 18.9821, C = 0" in seen.text


def test_transitions_and_deliveries_are_described() -> None:
    sent = Delivery(NOON, "discord", "create", "sent", 87, 200, "1234", "")
    failed = replace(sent, action="edit", outcome="retry", status=503, detail="HTTP 503")
    late = TimelineEntry(at(3), "superseded", "alert_router", "its resolve was missed; alert 2 follows")

    seen = render("alert.html", alert_page(make_alert(), transitions=(late,), deliveries=(sent, failed)))

    assert "Closed: a new episode started its resolve was missed; alert 2 follows" in seen.text
    assert "new message sent HTTP 200 message 1234 87 ms" in seen.text
    assert "message edited failed, retried HTTP 503" in seen.text


def test_other_alerts_of_the_incident_are_listed() -> None:
    sibling = make_alert({**API_DOWN, "instance": "api-2"}, id=2)

    seen = render("alert.html", alert_page(make_alert(), siblings=(sibling,)))

    assert "Same incident" in seen.text
    assert "/alerts/2" in seen.links


def test_held_and_expiring_alerts_show_their_deadline() -> None:
    held = render("alert.html", alert_page(make_alert(ends_at=at(9), held_until=at(14))))
    expiring = render("alert.html", alert_page(make_alert(expires_at=at(60))))

    assert "A late “firing” arrived after it resolved" in held.text
    assert "Resolves at" in expiring.text


def test_landing_page_of_a_healthy_router() -> None:
    seen = render("landing.html", landing())

    assert "Nothing is firing" in seen.text
    assert "No cards are queued. Cards go to Discord." in seen.text
    assert "rejected" not in seen.text


def test_landing_page_lists_every_problem() -> None:
    page = landing(
        firing={"critical": 2},
        pending_cards=1,
        dead_cards=2,
        quarantined=3,
        channel="preview",
        not_ready={"database": "does not answer"},
    )

    seen = render("landing.html", page)

    for words in (
        "2 alerts are firing",
        "1 card is queued",
        "2 cards were rejected by Discord for good",
        "3 messages could not be parsed",
        "database does not answer",
        "DISCORD_WEBHOOK_URL is not set",
    ):
        assert words in seen.text


def test_action_needed_is_shown_above_the_alerts() -> None:
    calm = render("alerts.html", alerts_page())
    troubled = render("alerts.html", alerts_page(troubles={"channel discord": "is gone"}))

    assert "Action needed" not in calm.text
    assert "Action needed channel discord is gone Firing now" in troubled.text


def test_dead_letter_shows_its_reason_and_a_retry_button() -> None:
    letter = DeadLetter(17, "discord", 7, 3, "HTTP 400: too long", NOON)

    seen = render("dead_letters.html", DeadLettersPage(now=NOON, letters=(letter,)))

    forms = [attrs for tag, attrs in seen.tags if tag == "form"]
    assert "1 card that Discord rejected for good" in seen.text
    assert "alert 3 HTTP 400: too long Retry" in seen.text
    assert [form["action"] for form in forms] == ["/dead-letters/replay", "/dead-letters/17/replay"]
    assert "/alerts/3" in seen.links


def test_no_retry_button_without_dead_letters() -> None:
    seen = render("dead_letters.html", DeadLettersPage(now=NOON, letters=()))

    assert "None: every card" in seen.text
    assert "form" not in {tag for tag, _ in seen.tags}


def test_error_page_names_each_parameter() -> None:
    problem = Problem(HTTPStatus.BAD_REQUEST, "no", errors=[FieldError("since", "must be a time")])

    answer = PAGES.error(problem, NOON)

    seen = ParsedPage(bytes(answer.body).decode())
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "sincemust be a time" in seen.text
    assert "/alerts" in seen.links


# The preview


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

    seen = render("preview.html", card(body, edited=True))

    classes = [attrs.get("class") for _, attrs in seen.tags]
    assert "embed bar-e5484d" in classes
    assert [name for name in classes if name and name.startswith("fields")] == ["fields of-3", "fields of-1"]
    assert "🔴 Api_Down" in seen.text
    assert f"incident *7* • {NOON:%H:%M} UTC" in seen.text
    assert "(edited)" in seen.text
    assert {"https://e.org/", "/alerts/3"} <= set(seen.links)


def test_preview_renders_a_plain_text_card() -> None:
    seen = render("preview.html", card({"content": "only text", "embeds": [], "components": []}))

    assert "only text" in seen.text
    assert "(edited)" not in seen.text


@pytest.mark.parametrize(
    ("inline", "sizes"),
    [([True] * 4, [3, 1]), ([True, False, True, True], [1, 1, 2]), ([False, False], [1, 1]), ([], [])],
)
def test_inline_fields_are_laid_out_three_to_a_row(inline: Sequence[bool], sizes: Sequence[int]) -> None:
    rows = discord_html.rows([{"inline": value} for value in inline])

    assert [len(row) for row in rows] == sizes


def test_empty_preview_explains_when_cards_appear() -> None:
    seen = render("preview.html", PreviewPage(now=NOON, cards=(), channel="preview"))

    assert "No cards yet." in seen.text


# Hostile alerts


def hostile_pages() -> list[tuple[str, Page]]:
    alert = make_alert(
        {"alertname": HOSTILE, "severity": HOSTILE, HOSTILE: HOSTILE},
        annotations=dict.fromkeys(("summary", "description", "runbook_url", HOSTILE), HOSTILE)
        | {"dashboard_url": "javascript:alert(1)"},
        generator_url="javascript:alert(1)",
        reporter=HOSTILE,
    )
    entry = TimelineEntry(NOON, HOSTILE, HOSTILE, HOSTILE)
    delivery = Delivery(NOON, HOSTILE, HOSTILE, HOSTILE, 1, 400, HOSTILE, HOSTILE)
    detail = {"transitions": (entry,), "deliveries": (delivery,), "siblings": (alert,)}
    query = query_of(f"q={HOSTILE}&severity={HOSTILE}".replace("<", "%3C"))
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
    letters = (DeadLetter(1, HOSTILE, None, None, HOSTILE, NOON),)
    return [
        (
            "alerts.html",
            alerts_page(
                alert,
                query=query,
                firing={HOSTILE: 1},
                severities=names,
                alertnames=names,
                troubles={HOSTILE: HOSTILE},
            ),
        ),
        ("alert.html", alert_page(alert, **detail)),
        (
            "preview.html",
            card({"content": HOSTILE, "embeds": [embed], "components": buttons}, channel=HOSTILE),
        ),
        ("landing.html", landing(firing={HOSTILE: 1}, not_ready={HOSTILE: HOSTILE})),
        ("dead_letters.html", DeadLettersPage(NOON, letters)),
        ("api_docs.html", ApiPage(NOON, (hostile_operation(),))),
        ("error.html", ErrorPage(NOON, Problem(BAD, HOSTILE, errors=[FieldError(HOSTILE, HOSTILE)]))),
        ("error.html", ErrorPage(NOON, Problem(BAD, HOSTILE))),
    ]


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
    assert [str(attrs["src"]).partition("?")[0] for attrs in scripts] == ["/static/live.js"]
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


TEXT_ON = [
    *((text, ground) for text in ("text", "quiet", "link") for ground in ("page", "surface")),
    *(("text", "chip"), ("resolved", "surface"), ("resolved", "page"), ("page", "text")),
    *((f"on-{tone}", tone) for tone in ("critical", "error", "warning", "info", "none")),
]
MARKS_ON = [
    (mark, "surface") for mark in ("critical", "error", "warning-mark", "info", "none", "critical-text")
]


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
    inputs = {a.get("id") for t, a in tags if t in ("input", "select") and a.get("type") != "hidden"}
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
    links = [str(attrs["href"]) for tag, attrs in render("landing.html", landing()).tags if tag == "link"]

    files = {path.stem for path in (STATIC / "css").iterdir()}
    assert files == set(STYLESHEETS)
    assert [link.partition("?")[0] for link in links[1:]] == [
        f"/static/css/{name}.css" for name in STYLESHEETS
    ]


def test_every_css_class_is_used() -> None:
    css = "".join((STATIC / "css" / f"{name}.css").read_text() for name in STYLESHEETS)
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", css, flags=re.DOTALL)
    sources = [*(FOLDER / "templates").glob("*.html"), *FOLDER.glob("*.py")]
    words = set(re.findall(r"[\w-]+", " ".join(path.read_text() for path in sources)))
    computed = re.compile(r"bar-[0-9a-f]{6}|head-[1-3]|of-[23]")

    classes = set(re.findall(r"\.([a-z][\w-]*)", selectors))

    assert {name for name in classes - words if not computed.fullmatch(name)} == set()
