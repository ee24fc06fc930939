"""Downloads, feeds, insights and explanations over HTTP; the commands that look after the database."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from alert_router import cli
from alert_router.domain import noise, retention
from alert_router.domain.noise import Past
from alert_router.domain.percentiles import Percentiles
from alert_router.store import search_writer, upkeep
from alert_router.store.engine import open_store
from alert_router.web.export import cell
from testbed.factories import DISK_FULL, make_signal, webhook_json, wire_alert
from testbed.router_harness import RouterHarness

ATOM = "{http://www.w3.org/2005/Atom}"


def send_many(client: TestClient, number: int) -> None:
    alerts = [wire_alert({**DISK_FULL, "n": str(n)}) for n in range(number)]
    assert client.post("/webhooks/alertmanager", json=webhook_json(*alerts)).status_code == 200


def test_csv_holds_all_that_is_filtered(client: TestClient) -> None:
    send_many(client, 620)

    answer = client.get("/alerts", params={"format": "csv", "severity": "warning"})

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert [int(row["id"]) for row in rows] == list(range(620, 0, -1))
    assert json.loads(rows[0]["labels"])["n"] == "619"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_cell_is_never_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_csv_cell_of_a_number_stays_one() -> None:
    assert (cell(-1), cell(None), cell(True)) == ("-1", "", "true")


def test_ndjson_has_an_alert_a_line(client: TestClient) -> None:
    send_many(client, 3)

    lines = client.get("/alerts?format=ndjson").text.splitlines()

    assert [json.loads(line)["id"] for line in lines] == [3, 2, 1]
    assert json.loads(lines[0])["origin"] == "webhook"


def test_unknown_format_is_a_problem_that_names_it(client: TestClient) -> None:
    answer = client.get("/alerts?format=xml")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["format"]


def test_feed_is_valid_whatever_an_alert_says(client: TestClient) -> None:
    labels = {**DISK_FULL, "alertname": '<b>&"\x08'}
    client.post("/webhooks/alertmanager", json=webhook_json(wire_alert(labels)))

    feed = ET.fromstring(client.get("/alerts.atom").text)  # noqa: S314 - our own

    [entry] = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == 'firing warning <b>&"'


def test_unchanged_page_is_answered_304(client: TestClient) -> None:
    send_many(client, 1)
    etag = client.get("/alerts/1").headers["etag"]

    again = client.get("/alerts/1", headers={"if-none-match": etag})

    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/alerts/1", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("text", ['{severity="warning",device=~"sd.*"}', 'severity="warning", device!="x"'])
def test_matchers_are_read_as_people_paste_them(client: TestClient, text: str) -> None:
    send_many(client, 1)

    assert [alert["id"] for alert in client.get("/alerts", params={"match": text}).json()["alerts"]] == [1]


def test_insights_have_the_documented_fields(client: TestClient) -> None:
    found = client.get("/insights?since=30d").json()

    assert set(found) >= {
        *("alerts", "incidents", "notified", "at_night", "by_day", "noisiest", "previous"),
        *("time_to_acknowledge_s", "time_to_resolve_s"),
    }
    assert set(found["time_to_resolve_s"]) == {"median", "p90"}


@pytest.mark.parametrize("since", ["yesterday", "99999d", "2999-01-01T00:00:00Z"])
def test_insights_refuse_a_wrong_span_by_name(client: TestClient, since: str) -> None:
    answer = client.get("/insights", params={"since": since})

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["since"]


def test_why_answers_for_each_channel(client: TestClient) -> None:
    send_many(client, 1)

    answer = client.get("/alerts/1/why").json()

    assert answer["alert_id"] == 1
    assert len(answer["channels"]) == 1
    assert client.get("/alerts/99/why").status_code == 404


def run(harness: RouterHarness, *arguments: str, **environment: str) -> str:
    """The output of a command on the harness's database."""
    env = {"ALERT_ROUTER_DATABASE_URL": harness.url, **environment}
    result = CliRunner().invoke(cli.main, list(arguments), env=env)
    assert result.exit_code == 0, result.output
    return result.output


def test_explain_says_the_same_by_id_and_fingerprint(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))
    harness.deliver()

    by_id = run(harness, "explain", "1")
    by_fingerprint = run(harness, "explain", harness.alert().fingerprint)

    assert by_id == by_fingerprint
    assert "the first message of the incident" in by_id


def test_backup_is_a_sound_copy(harness: RouterHarness, tmp_path: Path) -> None:
    harness.accept(make_signal(DISK_FULL))
    target = tmp_path / "copy.db"

    run(harness, "db", "backup", str(target))

    checked = run(harness, "db", "check", ALERT_ROUTER_DATABASE_URL=f"sqlite:///{target}")
    assert "sound" in checked
    assert "alerts" in run(harness, "db", "stats", ALERT_ROUTER_DATABASE_URL=f"sqlite:///{target}")


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_backup_is_private_while_it_is_made(harness: RouterHarness, tmp_path: Path) -> None:
    seen: set[int] = set()

    upkeep.backup(harness.store, tmp_path / "copy.db", lambda _done, _of: seen.update(modes(tmp_path)))

    assert seen == {0o600}


def test_files_of_the_database_are_private_from_the_start(tmp_path: Path) -> None:
    """Also where no connection that writes narrows their permissions."""
    store = open_store(f"sqlite:///{tmp_path / 'router.db'}")
    with store.read():
        seen = modes(tmp_path)
    store.close()
    (tmp_path / "router.db-search").unlink()
    writer = search_writer.of_store(store)
    assert writer is not None

    writer.rebuild(0, 0)

    assert seen | modes(tmp_path) == {0o600}


def test_prune_and_vacuum_say_what_they_did(harness: RouterHarness) -> None:
    harness.accept(make_signal(DISK_FULL))

    assert "nothing is past its retention" in run(harness, "db", "prune")
    assert "before" in run(harness, "db", "vacuum")


@pytest.mark.parametrize("text", ["alerts", "alerts=1y", "alerts=0d", "cards=3d", "quarantine_size=5"])
def test_wrong_retention_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|is not"):
        retention.parse(text)


def test_retention_keeps_the_defaults_of_what_is_not_named() -> None:
    kept = retention.parse("alerts=52w, deliveries=0")

    assert kept.alerts is not None
    assert (kept.alerts.days, kept.deliveries) == (364, None)
    assert kept.quarantine == retention.Retention().quarantine


@pytest.mark.parametrize(
    ("past", "sentence"),
    [
        (Past(2, 2, 2, 0, days=30), ""),
        (
            Past(39, 12, 11, 0, days=30, durations=Percentiles(300, 840)),
            "fires 9 times a week, over by itself in 11 of 12: raise `for` to 15 min?",
        ),
        (Past(39, 12, 2, 0, days=30), "fires 9 times a week, over by itself in 2 of 12"),
    ],
)
def test_advice_follows_from_the_past(past: Past, sentence: str) -> None:
    assert noise.advice(past) == sentence
