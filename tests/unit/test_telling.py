"""Which labels a row shows."""

from typing import Any

import pytest

from alert_router.web import telling
from testbed.factories import API_DOWN, DISK_FULL, NOON, make_alert


def test_labels_that_differ_are_shown_and_no_others() -> None:
    first, second = (
        make_alert({**DISK_FULL, "instance": name, "team": "data"}, id=number)
        for number, name in enumerate(("db-1", "db-2"))
    )

    assert telling.telling_labels(first, (first, second)) == [("instance", "db-1")]


def test_alert_without_neighbours_shows_the_most_telling_labels() -> None:
    alert = make_alert({**DISK_FULL, "zone": "a", "team": "data"})

    assert telling.telling_labels(alert, (alert,)) == [("instance", "db-1"), ("device", "sda1")]


def test_labels_of_the_machinery_are_never_shown() -> None:
    noise = dict.fromkeys(telling.NOISE, "x") | {"alertname": "ApiDown"}

    assert telling.telling_labels(make_alert(noise), ()) == []


def test_many_places_are_cut_and_counted() -> None:
    alerts = [make_alert({**API_DOWN, "instance": f"api-{n}"}, id=n) for n in range(9)]

    assert telling.places(alerts)[-2:] == ("api-5", "3 more")


@pytest.mark.parametrize(
    ("changes", "look"),
    [({}, "is-firing"), ({"suppressed": "muted"}, "is-silenced"), ({"ends_at": NOON}, "is-resolved")],
)
def test_row_looks_like_its_state(changes: dict[str, Any], look: str) -> None:
    assert telling.look(make_alert(**changes)) == look
