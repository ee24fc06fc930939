"""docs/EVENTS.md: every command works when pasted."""

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from alert_router.sources.event_examples import EXAMPLES
from testbed.router_harness import MadeClient

PAGE = Path(__file__).parent.parent.parent / "docs" / "EVENTS.md"
BODIES = [
    json.loads(body)
    for body in re.findall(
        r"^curl [^\n]*/events [^\n]* -d '(.*?)'$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
]


@pytest.fixture
def client(make_sqlite_client: MadeClient) -> TestClient:
    return make_sqlite_client()


def test_every_command_of_the_events_page_is_accepted(client: TestClient) -> None:
    answers = [client.post("/events", json=body) for body in BODIES]

    assert [answer.json() for answer in answers if answer.status_code != 201] == []


def test_every_type_and_status_is_on_the_events_page() -> None:
    shown = {(body["type"], body.get("status") or body.get("state")) for body in BODIES}

    known = {(body["type"], body.get("status") or body.get("state")) for body in EXAMPLES.values()}
    assert known - shown == {("run", "started")}
