"""Direct reports of everybody: events, runs of jobs, marks; what a card says about a run's edge."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from alert_router.sources.event_examples import EXAMPLES
from alert_router.store import history, marks, runs
from testbed.factories import at, event_json, wire_time
from testbed.router_harness import RouterHarness

EVENTS = "/events"
TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1\n    train()\nValueError: no rows'


def event(status: str = "firing", **changes: Any) -> dict[str, Any]:
    return {"type": "event", "status": status, "name": "BackupFailed", "key": "orders", **changes}


def run(state: str, run_id: str, minute: float, **changes: Any) -> dict[str, Any]:
    moment = wire_time(at(minute))
    return {
        "type": "run",
        "job": "backup",
        "run_id": run_id,
        "state": state,
        "occurred_at": moment,
        **changes,
    }


def shown(harness: RouterHarness) -> str:
    """The text of all cards."""
    harness.deliver()
    return "\n".join(str(message.embeds) for message in harness.discord.messages())


def test_event_fires_until_it_is_resolved(harness: RouterHarness) -> None:
    first = harness.report(event(summary="The backup failed", labels={"team": "shop"}, severity="critical"))
    again = harness.report(event(summary="The backup failed", labels={"team": "shop"}, severity="critical"))
    ended = harness.report(event("resolved"))

    [alert] = harness.alerts()
    assert (alert.alertname, alert.severity, alert.labels["team"]) == ("BackupFailed", "critical", "shop")
    assert not alert.firing
    assert {first.alert_id, again.alert_id, ended.alert_id} == {alert.id}
    assert (first.new, again.new, ended.new) == (True, False, True)


def test_event_of_another_key_is_another_alert(harness: RouterHarness) -> None:
    harness.report(event())
    harness.report(event(key="billing"))
    harness.report(event("resolved"))

    assert [alert.firing for alert in harness.alerts()] == [False, True]


def test_event_is_over_when_nobody_repeats_it_for_eight_days(harness: RouterHarness) -> None:
    harness.report(event())

    harness.pass_time(8 * 86_400 + 1)

    assert not harness.alert().firing


def test_resolved_event_without_an_open_alert_changes_nothing(harness: RouterHarness) -> None:
    receipt = harness.report(event("resolved"))

    assert (receipt.alert_id, receipt.new) == (None, False)
    assert harness.alerts() == []


def test_each_info_is_shown_once_and_ends_nothing(harness: RouterHarness) -> None:
    harness.report(event())
    receipts = [harness.report(event("info", occurred_at=wire_time(at(minute)))) for minute in (1, 2, 2)]

    assert [receipt.new for receipt in receipts] == [True, True, False]
    assert [alert.firing for alert in harness.alerts()] == [True, False, False]
    assert len({alert.incident_id for alert in harness.alerts()}) == 3


def test_deployment_is_a_mark_and_no_card(harness: RouterHarness) -> None:
    deployed = event("info", mark=True, summary="shop 1 -> 2", occurred_at=wire_time(at(3)))

    receipts = [harness.report(deployed) for _ in range(2)]

    [mark] = harness.ask(lambda conn: marks.between(conn, at(0), at(5)))
    assert (mark.title, mark.at) == ("shop 1 -> 2", at(3))
    assert [(receipt.alert_id, receipt.new) for receipt in receipts] == [(None, True), (None, False)]
    assert harness.alerts() == []


def test_training_is_a_mark_too(harness: RouterHarness) -> None:
    harness.report(event_json("training_success"))

    [mark] = harness.ask(lambda conn: marks.between(conn, at(0), at(0)))
    assert (mark.title, mark.labels) == ("training: rf deploy", {"model_type": "rf"})


def test_run_that_starts_or_succeeds_makes_no_card(harness: RouterHarness) -> None:
    receipts = [harness.report(run(state, "1", 0)) for state in ("started", "succeeded", "succeeded")]

    assert [(receipt.alert_id, receipt.new) for receipt in receipts] == [
        (None, True),
        (None, True),
        (None, False),
    ]
    [kept] = harness.ask(lambda conn: runs.last(conn, "backup", 10))
    assert (kept.run_id, kept.state) == ("1", "succeeded")


def test_card_of_a_failed_run_tells_its_edge_and_its_log(harness: RouterHarness) -> None:
    for number in range(3):
        harness.report(run("succeeded", str(number), number, metrics={"rows": 10 + number}))
    links = [{"title": "Log", "url": "https://ci.example.org/3"}]
    harness.report(run("failed", "3", 3, metrics={"rows": 4}, log_tail=TRACEBACK, links=links, duration_s=95))

    text = shown(harness)
    assert "backup failed: first failure after 3 good runs" in text
    assert "rows 4 ↓ from 12" in text
    assert "It took 1 min." in text
    assert '```\\nTraceback (most recent call last):\\n  File "a.py", line 1\\n    train()' in text
    [message] = harness.discord.messages()
    buttons = [button for row in message.components for button in row["components"]]
    assert ("Log", "https://ci.example.org/3") in [(button["label"], button["url"]) for button in buttons]


def test_failures_in_a_row_are_counted_until_a_run_is_good_again(harness: RouterHarness) -> None:
    for number in range(4):
        harness.report(run("failed", str(number), 10 * number))
    assert "backup failed: 4th in a row" in shown(harness)

    harness.report(run("succeeded", "4", 130))

    assert not harness.alert().firing
    assert "Good again after 4 failures, 2 h 10 min." in shown(harness)


def test_training_is_compared_with_the_champion(harness: RouterHarness) -> None:
    trained = [("a", 0.8, "deploy"), ("b", 0.7, "skip"), ("c", 0.75, "skip")]
    for minute, (run_id, r2, decision) in enumerate(trained):
        moment = wire_time(at(minute))
        harness.report(
            event_json("training_success", run_id=run_id, new_r2=r2, decision=decision, occurred_at=moment)
        )

    assert harness.alerts()[-1].annotations["values"] == "r2 0.75 ↑ from 0.7, ↓ from the champion's 0.8"


def test_trial_is_no_run_of_the_real_training(harness: RouterHarness) -> None:
    harness.report(event_json(test_mode=True, run_id="trial"))
    harness.report(event_json(run_id="real", occurred_at=wire_time(at(1))))

    assert harness.alerts()[-1].annotations["summary"] == "A training failed"


def test_failure_of_a_second_task_is_kept_beside_the_first(harness: RouterHarness) -> None:
    harness.report(event_json(task_id="fine_tune", error_message="first"))

    second = event_json(task_id="other_task", error_message="second")
    receipts = [harness.report(second), harness.report({**second, "try_number": 2})]

    alert = harness.alert()
    assert alert.annotations["description"] == "first\nother_task: second"
    assert [(receipt.alert_id, receipt.new) for receipt in receipts] == [(alert.id, True), (alert.id, False)]
    detail = harness.ask(lambda conn: history.alert_detail(conn, alert.id))
    assert detail is not None
    assert "other_task: second" in [entry.detail for entry in detail.transitions]


def test_next_try_of_a_task_is_the_same_failure(harness: RouterHarness) -> None:
    harness.report(event_json(task_id="fine_tune", error_message="first"))
    harness.report(event_json(task_id="fine_tune", try_number=2, error_message="again"))

    assert harness.alert().annotations["description"] == "first"


@pytest.mark.parametrize(
    ("body", "field", "suggestion"),
    [
        (event(sumary="x"), "sumary", "did you mean summary?"),
        (run("failed", "1", 0, duration=5), "duration", "did you mean duration_s?"),
        (event_json(error_mesage="x"), "error_mesage", "did you mean error_message?"),
        (event(qqq=1), "qqq", "there are description, key, labels"),
        (event(links=[{"title": "Log", "uri": "https://x.example"}]), "links.0.url", "Field required"),
        (event("info", mrak=True), "mrak", "did you mean mark?"),
        (event("firing", mark=True), "", "only an event of status info is a mark"),
        (event(links=[{"title": "x", "url": "javascript:alert(1)"}]), "links.0.url", "http or https"),
    ],
)
def test_unknown_field_is_refused_with_a_suggestion(
    client: TestClient, body: dict[str, Any], field: str, suggestion: str
) -> None:
    answer = client.post(EVENTS, json=body)

    assert answer.status_code == 422
    messages = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert suggestion in messages[field]


def test_texts_that_are_too_long_are_cut_and_say_so(client: TestClient) -> None:
    body = event_json("api_error", endpoint="/predict/" + "x" * 300, error="a" * 30_000 + "the end")

    answer = client.post(EVENTS, json=body)

    assert answer.status_code == 201
    alert = client.get(answer.json()["url"]).json()
    assert "(cut: 10107 characters are left out)" in alert["annotations"]["description"]
    assert alert["annotations"]["description"].endswith("the end")
    assert "… (cut: 309 characters, " in alert["labels"]["endpoint"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_documented_example_is_accepted_as_it_stands(client: TestClient, name: str) -> None:
    answer = client.post(EVENTS, json=EXAMPLES[name])

    assert answer.is_success
    assert client.get("/docs", headers={"Accept": "text/html"}).text.count("Example body") >= len(EXAMPLES)
