"""Cards that went wrong elsewhere: each as it was reported, if its file is there, and written out here."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from alert_router.sources import webhook
from testbed.factories import NOON, as_bytes, at, event_json, grafana_json, webhook_json, wire_alert
from testbed.router_harness import RouterHarness

REPORTED = Path(__file__).parents[3] / "shared" / "payloads" / "reported"
TIME = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+Z")
Body = Mapping[str, Any]


class Card:
    """The one message of the fake Discord."""

    def __init__(self, harness: RouterHarness) -> None:
        [message] = harness.discord.messages()
        self.embeds: Sequence[Body] = message.embeds
        self.title = str(message.embeds[0]["title"])
        self.description = "\n".join(str(embed.get("description", "")) for embed in message.embeds)
        self.fields = str(message.embeds[0].get("fields", ""))
        self.buttons = {
            button["label"]: button["url"] for row in message.components for button in row["components"]
        }


def shown(harness: RouterHarness, bodies: Sequence[Body]) -> Card:
    """After each body, what is due is delivered."""
    for body in bodies:
        if "type" in body:
            harness.report(dict(body))
        else:
            message = webhook.parse(as_bytes(body), harness.clock.time())
            harness.run(harness.intake.accept(message))
        harness.deliver_for(40)
    return Card(harness)


def down(name: str, *changes: Body, **group: Any) -> Body:
    """A webhook of firing alerts, a minute old."""
    alerts = [
        wire_alert({"alertname": name, **change.get("labels", {})}, starts_at=at(-1))
        | {key: value for key, value in change.items() if key != "labels"}
        for change in changes
    ]
    return webhook_json(*alerts, **group)


def false_common_label() -> list[Body]:
    pods = [("ns-a", "critical", n) for n in range(120)] + [("ns-b", "warning", n) for n in range(130)]
    labels = [
        {"severity": severity, "namespace": namespace, "pod": f"{namespace}-{n}"}
        for namespace, severity, n in pods
    ]
    return [down("PodDown", *({"labels": each} for each in labels))]


def check_false_common_label(card: Card) -> None:
    assert card.title == "🔴 critical · PodDown \u2013 250 firing"
    assert not re.search("^`namespace=", card.description, re.MULTILINE)
    assert "`namespace=ns-a`" in card.description
    assert "[+242 more]" in card.description


def mixed_names() -> list[Body]:
    def alert(name: str, instance: str, summary: str) -> Body:
        labels = {"alertname": name, "severity": "warning", "instance": instance, "cluster": "eu"}
        return {**wire_alert(labels), "annotations": {"summary": summary}}

    alerts = [
        alert("HighCpu", "web-1", "CPU of web-1 above 90%"),
        alert("DiskFull", "db-1", "Disk of db-1 is full"),
        alert("DiskFull", "db-2", "Disk of db-2 is full"),
    ]
    return [webhook_json(*alerts, groupLabels={"cluster": "eu"})]


def check_mixed_names(card: Card) -> None:
    assert card.title == "🟡 warning · cluster=eu: 3 firing (DiskFull 2, HighCpu 1)"
    assert "###" not in card.description
    assert all(f"Disk of {name} is full" in card.description for name in ("db-1", "db-2"))


def of_grafana(name: str, **changes: Any) -> Body:
    generator = f"https://grafana.example.org/alerting/grafana/uid1/view?orgId={changes.pop('org', 1)}"
    labels = {"alertname": name, "grafana_folder": "ops", **changes.pop("labels", {})}
    alert = wire_alert(labels, starts_at=at(-11), ends_at=changes.pop("ends_at", None))
    return grafana_json({**alert, "generatorURL": generator, "dashboardURL": "", "panelURL": "", **changes})


def check_organisation(card: Card) -> None:
    assert "orgId=7" in card.buttons["Silence"]


def check_digits(card: Card) -> None:
    for digits in ("A = 2879714", "B = 3780878882.1333", "F = 1700000000"):
        assert digits in card.description
    assert "e+" not in card.description


def missing_series() -> list[Body]:
    words = {"summary": "devices offline"}
    reason = {"grafana_state_reason": "MissingSeries"}
    return [
        of_grafana("Edge", annotations=words, values={"A": 12}),
        of_grafana("Edge", annotations=words | reason, values=None, ends_at=at(-1)),
    ]


def check_missing_series(card: Card) -> None:
    assert card.title == "🟢 Edge \u2013 resolved"
    assert "resolved \u2013 MissingSeries (no data any more)" in card.description
    assert "was **12**" in card.description


ADDRESSES = (
    "https://kibana.example.org/app/discover#/?_g=(time:(from:now-1h,to:now))&_a=(index:logs_app,query:'*')\n"
    'https://grafana.example.org/explore?left=["now-1h","now","Loki",{"expr":"{app=~\\"a|b\\"}"}]'
)


def check_addresses(card: Card) -> None:
    for address in re.findall(r"https://(?:kibana|grafana)\S+", card.description):
        assert not re.search(r"\\[_\[\]*|(~]", address)
    assert "_a=(index:logs_app,query:'*')" in card.description


def dotless() -> list[Body]:
    words = {"summary": "x", "runbook_url": "http://wiki/run"}
    alert = {"annotations": words, "generatorURL": "http://prometheus:9090/graph?g0.expr=up"}
    return [down("Dotless", alert, externalURL="http://alertmanager:9093")]


def check_dotless(card: Card) -> None:
    assert "Graph `http://prometheus:9090/graph?g0.expr=up`" in card.fields
    assert "Runbook `http://wiki/run`" in card.fields
    assert "Silence `http://alertmanager:9093/" in card.fields
    assert set(card.buttons) == {"Open"}


def check_left_out(card: Card) -> None:
    assert "2 firing, 3 more that Alertmanager left out (max\\_alerts)" in card.title


def check_no_future(card: Card) -> None:
    stamps = [int(stamp) for stamp in re.findall(r"<t:(\d+):R>", card.description)]

    assert max(stamps) <= int(at(2).timestamp())
    assert "resolved" in card.title


def check_no_severity(card: Card) -> None:
    assert card.title.startswith("🟡 ")
    assert "everity" not in str(card.embeds)


def check_long_text(card: Card) -> None:
    assert "… the text goes on: [all of it](https://" in card.description
    assert not re.search(r"\d+ more", card.description)


def other_annotations() -> list[Body]:
    words = {
        "title": "Disk nearly full",
        "details": "root is at 97 percent",
        "action": "clean /var",
        "runbook": "https://wiki.example.org/old",
        "dashboard": "https://g.example.org/d/1",
    }
    return [down("OtherAnn", {"annotations": words})]


def check_other_annotations(card: Card) -> None:
    for text in ("Disk nearly full", "root is at 97 percent", "clean /var"):
        assert text in card.description
    assert card.buttons["Runbook"] == "https://wiki.example.org/old"
    assert card.buttons["Dashboard"] == "https://g.example.org/d/1"


def check_data_source_error(card: Card) -> None:
    assert "failed to build query 'A'" in card.description
    assert "CPU too high" in card.description


def group_of_three() -> list[Body]:
    labels = [{"severity": "critical", "instance": f"web-{n}"} for n in range(3)]
    return [down("InstanceDown", *({"labels": each} for each in labels))]


def check_silence_of_all(card: Card) -> None:
    matchers = unquote(card.buttons["Silence all"].partition("filter=")[2])
    assert matchers == '{alertname="InstanceDown",severity="critical"}'


def check_umlaut(card: Card) -> None:
    assert "St%C3%B6rung" in card.buttons["Silence"]
    assert "Z%C3%BCrich" in card.buttons["Silence"]


def check_long_event(card: Card) -> None:
    assert "the text goes on" in card.description
    assert "EEEE" in card.description


FUTURE = {"status": "resolved", "endsAt": "2099-01-01T00:00:00Z"}
CASES: Mapping[str, tuple[Callable[[], Sequence[Body]], Callable[[Card], None]]] = {
    "04": (false_common_label, check_false_common_label),
    "06": (mixed_names, check_mixed_names),
    "07": (lambda: [of_grafana("OrgSeven", org=7, values={"A": 1})], check_organisation),
    "08": (
        lambda: [
            of_grafana("Big", values={"A": 2879714, "B": 3780878882.1333, "F": 1700000000, "C": 1234567.0})
        ],
        check_digits,
    ),
    "09": (missing_series, check_missing_series),
    "10": (
        lambda: [down("Urls", {"annotations": {"summary": "Disk full", "description": ADDRESSES}})],
        check_addresses,
    ),
    "12": (dotless, check_dotless),
    "13": (
        lambda: [down("Trunc", {"labels": {"i": "0"}}, {"labels": {"i": "1"}}, truncatedAlerts=3)],
        check_left_out,
    ),
    "18": (lambda: [down("FutureEnd", FUTURE)], check_no_future),
    "20": (lambda: [down("NoSev", {})], check_no_severity),
    "23": (
        lambda: [
            down("Long", {"annotations": {"summary": "short", "description": "lorem ipsum dolor " * 700}})
        ],
        check_long_text,
    ),
    "24": (other_annotations, check_other_annotations),
    "24b": (
        lambda: [
            of_grafana(
                "DatasourceError",
                labels={"rulename": "CPU too high"},
                annotations={"Error": "failed to build query 'A'", "summary": "CPU"},
            )
        ],
        check_data_source_error,
    ),
    "25": (group_of_three, check_silence_of_all),
    "33": (
        lambda: [down("Störung", {"labels": {"severity": "warning", "standort": "Zürich"}})],
        check_umlaut,
    ),
    "27": (
        lambda: [event_json("training_failure", error_message="EEEE " * 5_000)],
        check_long_event,
    ),
}
FIRST_REQUEST_ONLY = ("20", "24", "27")
"""Each of their requests is a card of its own."""


@pytest.mark.parametrize("number", CASES)
def test_reported_card_is_right(harness: RouterHarness, number: str) -> None:
    bodies, check = CASES[number]

    check(shown(harness, bodies()))


def reported(number: str) -> Sequence[Body]:
    """With the newest of their times moved to a minute before noon."""
    [path] = REPORTED.glob(f"{number}_*")
    text = path.read_text()
    times = [datetime.fromisoformat(time) for time in TIME.findall(text) if not time.startswith("2099")]
    by = at(-1) - max(times, default=NOON)
    moved = TIME.sub(
        lambda match: (
            match[0]
            if match[0].startswith("2099")
            else (datetime.fromisoformat(match[0]) + by).astimezone(UTC).isoformat()
        ),
        text,
    )
    bodies = [request["body"] for request in json.loads(moved)["requests"]]
    return bodies[:1] if number in FIRST_REQUEST_ONLY else bodies


@pytest.mark.parametrize(
    "number", [number for number in CASES if any(REPORTED.glob(f"{number}_*"))] or ["inline"]
)
def test_card_of_the_reported_file_is_right(harness: RouterHarness, number: str) -> None:
    bodies, check = (
        (CASES["06"][0](), CASES["06"][1]) if number == "inline" else (reported(number), CASES[number][1])
    )

    check(shown(harness, bodies))
