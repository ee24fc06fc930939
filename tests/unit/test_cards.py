"""The exact messages people see. UPDATE_GOLDEN=1 writes them anew; then read the difference."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.config.configuration import Forum
from alert_router.discord import embeds, members
from alert_router.discord.card_view import CardView
from alert_router.discord.embeds import WITHOUT_URLS, Renderer
from alert_router.discord.forum_posts import ForumPosts
from alert_router.discord.links import Links
from alert_router.discord.packer import Payload
from alert_router.discord.templates import Templates
from alert_router.domain.card_facts import CardFacts, Measure
from alert_router.domain.model import (
    Alert,
    Announcement,
    CardState,
    DigestCount,
    DigestState,
    Mentions,
    Signal,
)
from alert_router.domain.notify_values import Reason
from alert_router.domain.severity import Severities, Severity
from alert_router.sources import event_signals, events, webhook
from testbed.factories import (
    API_DOWN,
    DISK_FULL,
    DRIFT_HIGH,
    NOON,
    as_bytes,
    at,
    event_json,
    grafana_json,
    make_alert,
    make_incident,
    make_state,
    signal_applier,
)
from testbed.fakes.discord.acceptance import refusals, shapes
from testbed.fakes.discord.mentions import Pings, pings

GOLDEN = Path(__file__).parents[1] / "golden" / "cards"
HOSTILE = "@everyone <@1> [x](http://evil.example) **b** `c` # d\n# e\u2028- f <t:0:R> ||g||"
RENDERER = Renderer(Templates(), "https://router.example.org")
ON_CALL = Mentions(roles=("777",), here=True)
LINKS = {
    "runbook_url": "https://docs.example.org/runbooks/ApiDown",
    "dashboard_url": "https://grafana.example.org/d/api",
}


def disks(count: int) -> list[Alert]:
    return [
        make_alert({**DISK_FULL, "instance": f"db-{n}"}, id=n, starts_at=at(n)) for n in range(count, 0, -1)
    ]


def firing_critical() -> CardState:
    words = {"summary": "The API is down", "description": "No answer from api-1 for 5 minutes.", **LINKS}
    return make_state(make_alert(id=17, annotations=words))


def resolved() -> CardState:
    return make_state(make_alert(id=17, ends_at=at(83)))


def mixed_group_of_five() -> CardState:
    over = [replace(make_alert({**DISK_FULL, "instance": f"db-{n}"}, ends_at=at(9)), id=n) for n in (4, 5)]
    return make_state(*disks(3), *over)


def forty_alerts() -> CardState:
    return make_state(*disks(40))


def more_than_a_card_looks_at() -> CardState:
    return make_state(*disks(100), more_alerts=23)


def two_reporters() -> CardState:
    dag = make_alert(DRIFT_HIGH, id=2, source="events", reporter="Airflow monitor_and_fine_tune")
    return make_state(make_alert(DRIFT_HIGH), dag)


def flapped() -> CardState:
    state = make_state(make_alert(flaps=7, received_at=at(30)))
    return replace(state, incident=replace(state.incident, flaps=7))


def moved() -> CardState:
    return make_state(make_alert(), newer_url="https://discord.com/channels/9/100/42")


def two_more() -> CardState:
    announcement = Announcement(
        Reason.NEW_ALERTS, news=(4, 3), previous_at=at(2), mentions=ON_CALL, silent=True
    )
    return make_state(*disks(4), announcement=announcement)


def storm() -> DigestState:
    counts = (
        DigestCount("DiskFull", "warning", 20, 1, Severity.WARNING),
        DigestCount("NoSeverity", "", 3, 0, Severity.WARNING),
    )
    announcement = Announcement(Reason.FIRST, mentions=ON_CALL)
    return DigestState(at(1), None, 12, counts, tuple(disks(2)), at(0), announcement=announcement)


def left_out() -> CardState:
    state = make_state(*disks(2))
    return replace(state, incident=replace(state.incident, left_out=3))


def two_alertmanagers() -> CardState:
    urls = ("https://am.cluster-a.example.org", "https://am.cluster-b.example.org")
    starts = ("2026-09-24T12:00:00Z", "2026-09-24T12:01:00Z")
    speakers = [{"source_url": url, "starts_at": start} for url, start in zip(urls, starts, strict=True)]
    return make_state(make_alert(source_url=urls[0], also_firing=speakers))


def hostile() -> CardState:
    labels = {"alertname": HOSTILE, "severity": "critical", "instance": HOSTILE, "n": HOSTILE}
    words = {"summary": HOSTILE, "description": HOSTILE, "runbook_url": f"javascript:{HOSTILE}"}
    return make_state(
        make_alert(labels, annotations=words), make_alert({**labels, "n": "2"}, id=2, annotations=words)
    )


def nothing_left() -> CardState:
    return make_state(incident=make_incident(firing=0))


def of_signal(signal: Signal) -> CardState:
    alert = signal_applier()(None, signal, at(1)).alert
    rank = Severities().rank(alert.labels.get("severity"))
    return make_state(replace(alert, incident_id=1, severity_rank=rank))


def of_grafana() -> CardState:
    return of_signal(webhook.parse(as_bytes(grafana_json()), at(1)).signals[0])


def event(type_: str) -> Callable[[], CardState]:
    return lambda: of_signal(
        event_signals.to_signals(events.parse(as_bytes(event_json(type_))), now=NOON).signal
    )


CASES: Mapping[str, Callable[[], CardState | DigestState]] = {
    case.__name__: case
    for case in (
        firing_critical,
        resolved,
        mixed_group_of_five,
        forty_alerts,
        more_than_a_card_looks_at,
        two_reporters,
        flapped,
        moved,
        two_more,
        storm,
        left_out,
        two_alertmanagers,
        hostile,
        nothing_left,
        of_grafana,
    )
} | {
    type_: event(type_)
    for type_ in ("training_success", "training_failure", "drift_alert", "performance_alert", "api_error")
}


def rendered(case: str) -> Payload:
    return RENDERER.render(CASES[case]()).payload


@pytest.mark.parametrize("case", CASES)
def test_card_matches_its_golden(case: str) -> None:
    path = GOLDEN / f"{case}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        assert not os.environ.get("CI"), "what people see is not agreed upon by a machine"
        path.write_text(json.dumps(rendered(case), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    assert rendered(case) == json.loads(path.read_text(encoding="utf-8"))


def test_every_golden_has_a_case() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_every_card_is_accepted_by_discord(case: str) -> None:
    for payload in shapes(rendered(case)):
        assert refusals(payload) == []


@pytest.mark.parametrize("case", CASES)
def test_same_state_renders_the_same_message(case: str) -> None:
    again = Renderer(Templates(), "https://router.example.org").render(CASES[case]())

    assert again == RENDERER.render(CASES[case]())


def test_different_states_render_different_messages() -> None:
    hashes = {RENDERER.render(CASES[case]()).hash for case in CASES}

    assert len(hashes) == len(CASES)


@pytest.mark.parametrize("degraded", [embeds.FULL, embeds.WITHOUT_URLS, embeds.PLAIN])
@pytest.mark.parametrize("state", [firing_critical(), two_more(), storm()])
def test_hash_of_a_create_is_that_of_its_next_edit(state: CardState | DigestState, degraded: int) -> None:
    announced = replace(state, announcement=Announcement(Reason.FIRST, mentions=ON_CALL, silent=True))
    unannounced = replace(state, announcement=None)
    renderer = replace(RENDERER, posts=ForumPosts(Forum("{{ name }}", {"critical": "11"})))

    create, edit = renderer.render(announced, degraded), renderer.render(unannounced, degraded)

    assert create.hash == edit.hash
    assert create.payload != edit.payload
    assert edit.payload["allowed_mentions"] == {"parse": []}
    assert not edit.payload.keys() & {"flags", "thread_name", "applied_tags"}
    assert refusals(create.payload) == refusals(edit.payload) == []


@pytest.mark.parametrize(
    ("word", "color", "sign"),
    [
        ("disaster", 0xE5484D, "🔴"),
        ("CRIT", 0xE5484D, "🔴"),
        ("P1", 0xE5484D, "🔴"),
        ("high", 0xE5734D, "🟠"),
        ("whatever", 0xF5A524, "🟡"),
        ("debug", 0x3E8BFF, "🔵"),
    ],
)
def test_color_and_sign_follow_the_rank_of_the_senders_word(word: str, color: int, sign: str) -> None:
    payload = RENDERER.render(make_state(make_alert({**API_DOWN, "severity": word}))).payload

    [embed] = payload["embeds"]
    assert (embed["color"], embed["title"]) == (color, f"{sign} {word} · ApiDown")


@pytest.mark.parametrize("labels", [{"alertname": "NoSev"}, {"alertname": "NoSev", "severity": ""}])
def test_card_invents_no_severity(labels: dict[str, str]) -> None:
    [embed] = RENDERER.render(make_state(make_alert(labels))).payload["embeds"]

    assert embed["color"] == embeds.COLORS[Severity.WARNING]
    assert embed["title"] == "🟡 NoSev"
    assert "severity" not in str(embed).lower()


def test_report_does_not_take_the_buttons_of_the_alert_beside_it() -> None:
    words = {"summary": "It failed", **LINKS}
    rule = make_alert({**DRIFT_HIGH, "alertname": "TrainingFailure"}, annotations=words)
    report = make_alert(
        {"alertname": "TrainingFailure", "severity": "critical"},
        id=2,
        source="events",
        generator_url="",
        source_url="",
        annotations={"summary": "It failed"},
        reporter="Airflow fine_tune",
    )

    payload = RENDERER.render(make_state(report, rule)).payload

    labels = [button["label"] for row in payload["components"] for button in row["components"]]
    assert labels == ["Runbook", "Graph", "Silence all", "Open", "Dashboard"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "resolved by itself"),
        ({"acknowledged_by": "Ada"}, "resolved after Ada took it"),
        ({"recoveries": {1: "Airflow fine_tune: Decision: deploy."}}, "resolved by a deployment"),
    ],
)
@pytest.mark.parametrize("severity", ["critical", "info"])
def test_resolved_card_says_in_the_past_tense_how_it_ended(
    changes: dict[str, Any], words: str, severity: str
) -> None:
    state = make_state(
        make_alert({**API_DOWN, "severity": severity}, ends_at=at(14)),
        recoveries=changes.get("recoveries", {}),
        facts=CardFacts({1: Measure("3.42 s", "3 s")}),
    )
    incident = replace(state.incident, acknowledged_by=changes.get("acknowledged_by"))

    [embed] = RENDERER.render(replace(state, incident=incident)).payload["embeds"]

    assert embed["title"] == "🟢 ApiDown \u2013 resolved"
    assert f"was **3.42 s** · limit 3 s · lasted 14 min · {words}" in embed["description"]


@pytest.mark.parametrize(
    ("annotations", "line"),
    [
        ({"value": "97 %", "threshold": "95 %"}, "value **97 %** · limit 95 % · since"),
        ({"current_value": "3.14159265"}, "value **3.1416** · since"),
        ({"values": "A = 0.000012345678, C = 1"}, "value **0.00001235** · since"),
        ({"values": "cpu = 97.25, C = 0"}, "value **cpu = 97.25** · since"),
        ({"values": "A = 1, B = 2, C = 1"}, "value **A = 1, B = 2** · since"),
        ({"values": "98 °C"}, "value **98 °C** · since"),
        ({}, "since"),
    ],
)
def test_line_has_the_value_that_the_annotations_bring(annotations: dict[str, str], line: str) -> None:
    [embed] = RENDERER.render(make_state(make_alert(annotations=annotations))).payload["embeds"]

    assert embed["description"].splitlines()[0].startswith(line)


def test_words_that_all_share_are_written_once() -> None:
    alerts = [
        make_alert(
            {**DISK_FULL, "instance": name}, id=id_, annotations={"summary": f"Disk of {name} is full"}
        )
        for id_, name in enumerate(("db-1", "db-2"), start=1)
    ]

    [embed] = RENDERER.render(make_state(*alerts)).payload["embeds"]

    assert embed["description"].splitlines()[0] == "### Disk of … is full"
    assert "`db-1` `db-2`" in embed["description"]


@pytest.mark.parametrize(
    ("starts_at", "shown"),
    [(datetime(1, 1, 1, tzinfo=UTC), at(3)), (at(600), at(3)), (at(1), at(1))],
    ids=["zero", "future", "past"],
)
def test_time_that_cannot_be_is_not_shown(starts_at: datetime, shown: datetime) -> None:
    alert = make_alert(starts_at=starts_at, received_at=at(3))

    [embed] = RENDERER.render(make_state(alert)).payload["embeds"]

    assert f"since <t:{int(shown.timestamp())}:R>" in embed["description"]


def test_links_lead_to_the_addresses_for_people() -> None:
    links = Links({"prometheus": "https://prom.example.org/p", "alertmanager": "https://am.example.org"})
    alert = make_alert(
        generator_url="http://prometheus:9090/graph?g0.expr=up", source_url="http://alertmanager:9093"
    )

    message = replace(RENDERER, links=links).render(make_state(alert))

    buttons = {
        button["label"]: button["url"]
        for row in message.payload["components"]
        for button in row["components"]
    }
    assert buttons["Graph"] == "https://prom.example.org/p/graph?g0.expr=up"
    assert buttons["Silence"].startswith("https://am.example.org/#/silences/new")
    assert message.unreachable == ()


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9090/x", "http://localhost:9090/x", "http://prometheus:9090/x", "/graph", "ftp://x.y"],
)
def test_link_that_nobody_can_open_is_text_and_counted(url: str) -> None:
    message = RENDERER.render(make_state(make_alert(generator_url=url)))

    assert "Graph" not in [
        button["label"] for row in message.payload["components"] for button in row["components"]
    ]
    assert f"Graph `{url}`" in str(message.payload["embeds"][0]["fields"])
    assert message.unreachable == ("graph",)


def test_noise_is_counted_and_shown_only_where_there_is_nothing_else() -> None:
    noisy = {"alertname": "A", "uid": "u-1", "container": "c"}
    descriptions = [
        RENDERER.render(make_state(make_alert(labels, annotations={}))).payload["embeds"][0]["description"]
        for labels in (noisy, {**noisy, "namespace": "shop"})
    ]

    assert "`container=c` `uid=u-1`" in descriptions[0]
    assert "`namespace=shop` [+2 more labels](" in descriptions[1]


def test_continued_card_is_one_line_that_links_to_the_new_one() -> None:
    payload = rendered("moved")

    assert payload["embeds"] == [
        {
            "title": "⤴️ ApiDown \u2013 continued in a newer message",
            "url": "https://discord.com/channels/9/100/42",
            "color": embeds.GREY,
        }
    ]
    assert payload["components"] == []
    assert "content" not in payload


def test_continued_card_without_a_known_link_is_one_line() -> None:
    [embed] = RENDERER.render(make_state(make_alert(), newer_url="")).payload["embeds"]

    assert embed == {"title": "⤴️ ApiDown \u2013 continued in a newer message", "color": embeds.GREY}


def test_title_says_how_many_alertmanager_left_out() -> None:
    [embed] = rendered("left_out")["embeds"]

    assert embed["title"] == (
        "🟡 warning · DiskFull \u2013 2 firing, 3 more that Alertmanager left out (max\\_alerts)"
    )


def test_card_names_the_alertmanagers_that_speak_of_one_alert() -> None:
    [embed] = rendered("two_alertmanagers")["embeds"]

    assert (
        "Two Alertmanagers speak of this alert: `https://am.cluster-a.example.org`, "
        "`https://am.cluster-b.example.org`. Give them external_labels that differ" in embed["description"]
    )


def test_alerts_that_do_not_fit_are_counted() -> None:
    [embed] = rendered("more_than_a_card_looks_at")["embeds"]

    assert len(re.findall("`db-[0-9]+`", embed["description"])) == members.MAX_MEMBERS
    assert "[+115 more](https://router.example.org/alerts/100)" in embed["description"]


@pytest.mark.parametrize("degraded", [embeds.FULL, embeds.WITHOUT_URLS, embeds.PLAIN])
def test_hostile_text_is_inert_in_a_card(degraded: int) -> None:
    payload = RENDERER.render(hostile(), degraded).payload

    for text in texts(payload):
        live = re.sub(r"\\.|`[^`]*`", "", text)  # without what is escaped and what is in a code span
        assert not [mark for mark in ("[x](", "<@", "@everyone", "||", "<t:0") if mark in live]
        assert not any(line.startswith(("# ", "- f")) for line in text.splitlines())
    assert payload["components"] == [] or "javascript" not in str(payload["components"])


TEXT = st.text(max_size=40)


@given(
    labels=st.dictionaries(st.sampled_from(["alertname", "severity", "instance", "items"]), TEXT),
    annotations=st.dictionaries(st.sampled_from(["summary", "description", "message", "runbook_url"]), TEXT),
    ends=st.booleans(),
    count=st.integers(1, 3),
    reason=st.sampled_from(Reason),
)
def test_card_renders_whatever_an_alert_lacks(
    labels: dict[str, str], annotations: dict[str, str], *, ends: bool, count: int, reason: Reason
) -> None:
    alerts = [
        make_alert(labels, id=n, annotations=annotations, ends_at=at(9) if ends else None)
        for n in range(count, 0, -1)
    ]

    announcement = Announcement(reason, news=(1,), previous_at=at(-5), mentions=ON_CALL)
    payload = RENDERER.render(make_state(*alerts, announcement=announcement)).payload

    assert refusals(payload) == []
    assert payload["embeds"][0]["title"]
    assert pings([payload["content"]], payload["allowed_mentions"]) == Pings(roles=("777",), here=True)


def test_missing_label_is_empty_in_a_custom_template(tmp_path: Path) -> None:
    (tmp_path / "ApiDown.j2").write_text(
        '{% extends "default.j2" %}'
        "{% block title %}{{ first.labels.region }}{{ first.annotations['team'] }}x{% endblock %}"
    )

    assert title_with(tmp_path) == "x"


def test_custom_default_extends_the_builtin_one(tmp_path: Path) -> None:
    (tmp_path / "default.j2").write_text(
        '{% extends "ours/default.j2" %}{% block title %}Mine: {{ super() }}{% endblock %}'
    )

    assert title_with(tmp_path) == "Mine: 🔴 critical · ApiDown"


def test_missing_blocks_come_from_the_builtin_template(tmp_path: Path) -> None:
    (tmp_path / "default.j2").write_text("{% block title %}Mine{% endblock %}")
    renderer = Renderer(Templates(tmp_path), "https://router.example.org")

    custom, builtin = (
        each.render(make_state(make_alert(API_DOWN))).payload["embeds"][0] for each in (renderer, RENDERER)
    )

    assert custom == {**builtin, "title": "Mine"}


def test_documented_template_example_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "CONFIGURATION.md").read_text()
    [example] = re.findall(r"```jinja\n(.*?)```", page, re.DOTALL)
    (tmp_path / "default.j2").write_text(example)
    alert = make_alert({**API_DOWN, "cluster": "eu"}, annotations={"team": "bikes"})

    renderer = Renderer(Templates(tmp_path), "https://router.example.org")
    embed = renderer.render(make_state(alert)).payload["embeds"][0]

    assert embed["title"] == "[eu] 🔴 critical · ApiDown"
    assert ("Team", "bikes") in [(field["name"], field["value"]) for field in embed["fields"]]


def test_every_template_value_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "CONFIGURATION.md").read_text()
    documented = set(re.findall(r"`(\w+)", page[page.index("| value |") :]))
    values = {*CardView(make_state(), "https://router.example.org").values()}

    assert values - documented == set()


@pytest.mark.parametrize(
    "broken", ["{{ no_such_name }}", "{{ 1 / 0 }}", "{{ first.nothing.more }}", "{% if %}"]
)
def test_broken_custom_template_falls_back_to_the_builtin_one(
    tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ApiDown.j2").write_text(
        f'{{% extends "default.j2" %}}{{% block title %}}{broken}{{% endblock %}}'
    )
    renderer = Renderer(Templates(tmp_path), "https://router.example.org")

    embed = renderer.render(make_state(make_alert(API_DOWN))).payload["embeds"][0]

    assert "ApiDown" in embed["title"]
    assert embed["description"].startswith("(Your template failed")
    assert "ApiDown.j2" in caplog.text


def test_changed_template_is_read_again(tmp_path: Path) -> None:
    template = tmp_path / "ApiDown.j2"
    renderer = Renderer(Templates(tmp_path), "https://router.example.org")
    titles = []

    for written_at, text in enumerate(("one", "two"), start=1):
        template.write_text(f"{{% block title %}}{text}{{% endblock %}}")
        os.utime(template, (written_at, written_at))
        titles.append(renderer.render(make_state(make_alert(API_DOWN))).payload["embeds"][0]["title"])

    assert titles == ["one", "two"]


def title_with(folder: Path) -> str:
    renderer = Renderer(Templates(folder), "https://router.example.org")
    title: str = renderer.render(make_state(make_alert(API_DOWN))).payload["embeds"][0]["title"]
    return title


def texts(value: Any) -> list[str]:
    """Every text of the message that is shown."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, inner in value.items() if name != "url" for text in texts(inner)]
    return [text for inner in value for text in texts(inner)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize(
    "alertname", ["x" * 300, "../../etc/passwd", "default", "digest", "", "a/b", "\u0661"]
)
def test_alertname_cannot_name_another_file(alertname: str) -> None:
    payload = RENDERER.render(make_state(make_alert({**API_DOWN, "alertname": alertname}))).payload

    assert payload["embeds"][0]["title"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://grafana.example.org/p.png", True),
        ("http://localhost:3000/p.png", False),
        ("http://grafana:3000/p.png", False),
        ("https://grafana.example.org/" + "p" * 3000, False),
    ],
)
def test_grafanas_picture_is_shown_where_discord_can_fetch_it(url: str, shown: bool) -> None:
    state = make_state(make_alert(annotations={"image_url": url}))

    embed = Renderer(Templates(), "https://router.example.org").render(state).payload["embeds"][0]

    assert embed.get("image") == ({"url": url} if shown else None)


def test_chart_goes_with_the_message_that_names_it_and_not_with_a_lesser_one() -> None:
    facts = CardFacts(chart=b"PNG", chart_name="chart-1.png")
    state = replace(make_state(make_alert(annotations={"image_url": "https://x.org/p.png"})), facts=facts)
    renderer = Renderer(Templates(), "https://router.example.org")

    full, lesser = renderer.render(state), renderer.render(state, WITHOUT_URLS)

    assert full.payload["embeds"][0]["image"] == {"url": "attachment://chart-1.png"}
    assert full.files == {"chart-1.png": b"PNG"}
    assert "image" not in lesser.payload["embeds"][0]
    assert lesser.files == {}
