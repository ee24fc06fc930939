"""What a silence matches, and until when."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from alert_router.domain import silences
from testbed.factories import API_DOWN, DISK_FULL, make_alert

PARIS = ZoneInfo("Europe/Paris")


def test_silence_matches_the_labels_common_to_what_fires() -> None:
    alerts = [make_alert({**DISK_FULL, "instance": name}) for name in ("db-1", "db-2")]

    assert list(map(str, silences.matchers(alerts))) == [
        'alertname="DiskFull"',
        'device="sda1"',
        'severity="warning"',
    ]


def test_silence_of_several_alertnames_names_each_of_them() -> None:
    alerts = [make_alert({"alertname": name, "cluster": "eu"}) for name in ("Disk.Full", "ApiDown")]

    assert list(map(str, silences.matchers(alerts))) == [r'alertname=~"ApiDown|Disk\.Full"', 'cluster="eu"']


def test_silence_of_one_alert_has_all_of_its_labels() -> None:
    assert len(silences.matchers([make_alert(API_DOWN)])) == len(API_DOWN)


@pytest.mark.parametrize(
    ("now", "choice", "end"),
    [
        ("2026-11-28T20:00", "1h", "2026-11-28T21:00"),
        ("2026-11-28T20:00", "4h", "2026-11-29T00:00"),
        ("2026-11-28T20:00", "9:00", "2026-11-29T08:00"),
        ("2026-11-28T07:59", "9:00", "2026-11-28T08:00"),
        ("2026-11-28T08:00", "9:00", "2026-11-29T08:00"),
        ("2026-03-28T20:00", "9:00", "2026-03-29T07:00"),
    ],
)
def test_end_of_a_silence_is_by_the_clock_of_the_people(now: str, choice: str, end: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert silences.until(choice, moment, PARIS) == datetime.fromisoformat(end).replace(tzinfo=UTC)
