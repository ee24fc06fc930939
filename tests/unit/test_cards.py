"""The exact messages people see. UPDATE_GOLDEN=1 writes them anew; then read the difference."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.discord import embeds, templates
from alert_router.discord.embeds import Renderer
from alert_router.discord.packer import Payload
from alert_router.discord.templates import Templates
from alert_router.domain.model import Alert, CardState, Signal
from alert_router.sources import event_signals, events, webhook
from testbed.factories import (
    API_DOWN,
    DISK_FULL,
    DRIFT_HIGH,
    as_bytes,
    at,
    event_json,
    grafana_json,
    make_alert,
    make_incident,
    make_state,
    signal_applier,
    wire_alert,
)
from testbed.fakes.discord.acceptance import refusals, shapes

GOLDEN = Path(__file__).parents[1] / "golden" / "cards"
HOSTILE = "@everyone <@1> [x](http://evil.example) **b** `c` # d\n# e\u2028- f <t:0:R> ||g||"
RENDERER = Renderer(Templates(), "https://router.example.org")
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


def hostile() -> CardState:
    labels = {"alertname": HOSTILE, "severity": "critical", "instance": HOSTILE, "n": HOSTILE}
    words = {"summary": HOSTILE, "description": HOSTILE, "runbook_url": f"javascript:{HOSTILE}"}
    return make_state(
        make_alert(labels, annotations=words), make_alert({**labels, "n": "2"}, id=2, annotations=words)
    )


def nothing_left() -> CardState:
    return make_state(incident=make_incident(firing=0))


def of_signal(signal: Signal) -> CardState:
    return make_state(replace(signal_applier()(None, signal, at(1)).alert, incident_id=1))


def of_grafana() -> CardState:
    return of_signal(webhook.parse(as_bytes(grafana_json()), at(1)).signals[0])


def event(type_: str) -> Callable[[], CardState]:
    return lambda: of_signal(event_signals.to_signals(events.parse(as_bytes(event_json(type_)))).signal)


CASES: dict[str, Callable[[], CardState]] = {
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
        hostile,
        nothing_left,
        of_grafana,
    )
} | {
    type_: event(type_)
    for type_ in ("training_success", "training_failure", "drift_alert", "performance_alert", "api_error")
}


def rendered(case: str) -> Payload:
    return RENDERER.render(CASES[case]())


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

    assert embeds.payload_hash(again) == embeds.payload_hash(rendered(case))


def test_different_states_render_different_messages() -> None:
    digests = {embeds.payload_hash(rendered(case)) for case in CASES}

    assert len(digests) == len(CASES)


def test_alerts_that_do_not_fit_are_counted() -> None:
    text = str(rendered("more_than_a_card_looks_at")["embeds"])
    shown = text.count("instance=db-")

    assert f"and {123 - shown} more" in text


@pytest.mark.parametrize("where", ["summary", "message", "description"])
def test_measured_values_stand_beside_the_rules_text(where: str) -> None:
    def lines(*hosts: str) -> str:
        alerts = [
            {
                **wire_alert({"alertname": "Host", "severity": "critical", "host": host}),
                "annotations": {where: f"Call {host}"},
            }
            for host in hosts
        ]
        signals = webhook.parse(as_bytes(grafana_json(*alerts)), at(1)).signals
        state = make_state(
            *(
                make_alert(signal.labels, id=n, annotations=signal.annotations)
                for n, signal in enumerate(signals)
            )
        )
        description: str = RENDERER.render(state)["embeds"][0]["description"]
        return description

    assert lines("ann").replace("**", "") == "Call ann\nB = 18.9821, C = 0"
    assert [line for line in lines("ann", "bob").splitlines() if "host=" in line] == [
        f"🔴 `host={host}` Call {host} · B = 18.9821, C = 0 (<t:{int(at(0).timestamp())}:R>)"
        for host in ("ann", "bob")
    ]


@pytest.mark.parametrize("degraded", [embeds.FULL, embeds.WITHOUT_URLS, embeds.PLAIN])
def test_hostile_text_is_inert_in_a_card(degraded: int) -> None:
    payload = RENDERER.render(hostile(), degraded)

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
)
def test_card_renders_whatever_an_alert_lacks(
    labels: dict[str, str], annotations: dict[str, str], *, ends: bool, count: int
) -> None:
    alerts = [
        make_alert(labels, id=n, annotations=annotations, ends_at=at(9) if ends else None)
        for n in range(count, 0, -1)
    ]

    payload = RENDERER.render(make_state(*alerts))

    assert refusals(payload) == []
    assert payload["embeds"][0]["title"]


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

    assert title_with(tmp_path) == "Mine: 🔴 ApiDown"


def test_missing_blocks_come_from_the_builtin_template(tmp_path: Path) -> None:
    (tmp_path / "default.j2").write_text("{% block title %}Mine{% endblock %}")
    renderer = Renderer(Templates(tmp_path), "https://router.example.org")

    custom, builtin = (
        each.render(make_state(make_alert(API_DOWN)))["embeds"][0] for each in (renderer, RENDERER)
    )

    assert custom == {**builtin, "title": "Mine"}


def test_documented_template_example_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "CONFIGURATION.md").read_text()
    [example] = re.findall(r"```jinja\n(.*?)```", page, re.DOTALL)
    (tmp_path / "default.j2").write_text(example)
    alert = make_alert({**API_DOWN, "cluster": "eu"}, annotations={"team": "bikes"})

    embed = Renderer(Templates(tmp_path), "https://router.example.org").render(make_state(alert))["embeds"][0]

    assert embed["title"] == "[eu] 🔴 ApiDown"
    assert ("Team", "bikes") in [(field["name"], field["value"]) for field in embed["fields"]]


def test_every_template_value_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "CONFIGURATION.md").read_text()
    documented = set(re.findall(r"`(\w+)", page[page.index("| value |") :]))
    values = set(templates._context(make_state()))

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

    embed = renderer.render(make_state(make_alert(API_DOWN)))["embeds"][0]

    assert "ApiDown" in embed["title"]
    assert "Your template failed" in embed["description"]
    assert "ApiDown.j2" in caplog.text


def title_with(folder: Path) -> str:
    renderer = Renderer(Templates(folder), "https://router.example.org")
    title: str = renderer.render(make_state(make_alert(API_DOWN)))["embeds"][0]["title"]
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
    payload = RENDERER.render(make_state(make_alert({**API_DOWN, "alertname": alertname})))

    assert payload["embeds"][0]["title"]
