"""Times at both ends of the calendar are refused, beside the field."""

import pytest
from starlette.testclient import TestClient

from testbed.factories import Clock, webhook_json


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("path", ["/alerts", "/alerts.atom"])
@pytest.mark.parametrize("field", ["since", "until"])
@pytest.mark.parametrize("moment", ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_time_at_the_end_of_the_calendar_is_refused(
    client: TestClient, accept: str, path: str, field: str, moment: str
) -> None:
    answer = client.get(path, params={field: moment, "q": "zzz"}, headers={"accept": accept})

    assert answer.status_code == 400
    assert "must be a time such as" in answer.text


@pytest.mark.parametrize("span", ["0m", "4x", "-1h", "1h\n"])
def test_acknowledgement_for_no_time_is_refused(client: TestClient, span: str) -> None:
    client.post("/webhooks/alertmanager", json=webhook_json())

    answer = client.post("/alerts/1/acknowledge", json={"by": "Ada", "until": span})

    assert answer.status_code == 422


def test_acknowledgement_lasts_from_when_it_is_sent(client: TestClient, clock: Clock) -> None:
    client.post("/webhooks/alertmanager", json=webhook_json())
    clock.move(3700)

    answer = client.post("/alerts/1/acknowledge", json={"by": "Ada", "until": "1h"})

    assert answer.status_code == 204
