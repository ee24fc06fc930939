"""Reports that were refused or lost, as they were reported, where the files are there."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

REPORTED = Path(__file__).parents[3] / "shared" / "payloads" / "reported"
LONG, TASKS = REPORTED / "27_events_too_long_refused.json", REPORTED / "29_second_task_of_a_run_dropped.json"
FILES = [path for path in (LONG, TASKS) if path.exists()]


def answers(client: TestClient, path: Path) -> list[dict[str, Any]]:
    bodies = [request["body"] for request in json.loads(path.read_text())["requests"]]
    sent = [client.post("/events", json=body) for body in bodies]
    assert [answer.status_code for answer in sent if answer.status_code != 201] == []
    return [answer.json() for answer in sent]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reported_event_is_kept_whole_or_says_what_is_cut(client: TestClient, path: Path) -> None:
    found = [client.get(answer["url"]).json() for answer in answers(client, path)]

    text = json.dumps(found, ensure_ascii=False)
    sent = [request["body"] for request in json.loads(path.read_text())["requests"]]
    for body in sent:
        for value in (body.get("error_message"), body.get("error"), body.get("endpoint")):
            assert value is None or value in text or "(cut: " in text
