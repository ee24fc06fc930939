"""The fake Paris API against the known behaviour of the real API."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from testbed.fakes.paris import publication, year
from testbed.fakes.paris.publication import Habits
from testbed.fakes.paris.state import Fault, ParisState
from testbed.pipeline.fake_router import NOON

DAY = timedelta(days=1)


@pytest.fixture
def client(paris_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=paris_url, timeout=5) as client:
        yield client


def total(client: httpx.Client, **params: str) -> int:
    number: int = client.get("/records", params={"limit": "1", **params}).json()["total_count"]
    return number


def test_page_has_the_real_shape(client: httpx.Client) -> None:
    page = client.get(
        "/records", params={"limit": "2", "order_by": "date DESC", "timezone": "Europe/Paris"}
    ).json()

    assert set(page) == {"total_count", "results"}
    assert [row["date"] for row in page["results"]] == ["2020-11-18T12:00:00+01:00"] * 2
    assert set(page["results"][0]["coordinates"]) == {"lon", "lat"}


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": "100"}, 200),
        ({"limit": "101"}, 400),
        ({"limit": "-1"}, 400),
        ({"limit": "100", "offset": "9900"}, 200),
        ({"limit": "100", "offset": "9901"}, 400),
        ({"offset": "10000", "limit": "0"}, 200),
        ({"where": "date >= '2020-11-01T00:00:00'"}, 200),
        ({"where": "date >= date'2020-11-01' and date < '2020-11-02'"}, 200),
        ({"where": "date >= yesterday"}, 400),
        ({"where": "date = '2020-11-01'"}, 400),
        ({"select": "sum_counts,date"}, 200),
        ({"select": "sum_count"}, 400),
        ({"order_by": "date,id_compteur"}, 200),
        ({"order_by": "day"}, 400),
        ({"timezone": "Europe/Pariss"}, 400),
        ({"page": "2"}, 400),
    ],
)
def test_parameters_are_validated(client: httpx.Client, params: dict[str, str], status: int) -> None:
    assert client.get("/records", params=params).status_code == status


def test_bounds_of_time_ranges(client: httpx.Client) -> None:
    hour = "'2020-11-10T08:00:00'"
    next_hour = "'2020-11-10T09:00:00'"

    assert total(client, where=f"date >= {hour} and date <= {next_hour}") == 12
    assert total(client, where=f"date > {hour} and date <= {next_hour}") == 6
    assert total(client, where=f"date >= {hour} and date < {next_hour}") == 6
    assert total(client, where=f"date > {hour} and date < {next_hour}") == 0


def test_hours_arrive_one_to_two_days_late(paris: ParisState, client: httpx.Client) -> None:
    paris.habits = Habits()
    newest = "'2020-11-16T12:00:00'"

    by_day = []
    for day in range(4):
        paris.now = NOON - DAY + DAY * day
        by_day.append(total(client, where=f"date >= {newest} and date <= {newest}"))

    assert by_day[0] == 0
    assert 0 < by_day[1] <= 6
    assert by_day[2:] == [6, 6]


def test_future_hours_are_hidden(client: httpx.Client) -> None:
    assert total(client, where="date > '2020-11-18T11:00:00'") == 0


def test_rows_older_than_13_months_are_gone(paris: ParisState, client: httpx.Client) -> None:
    paris.now = datetime(2021, 10, 20, tzinfo=UTC)

    assert total(client, where="date < '2020-09-19T00:00:00'") == 0
    assert total(client, where="date < '2020-09-20T00:00:00'") == 24 * 6


def test_null_count_is_filled_in_later(paris: ParisState) -> None:
    paris.habits = Habits(delay_hours=(1, 1), null_counts=1, null_places=0)
    span = {"since": NOON - 2 * DAY, "until": NOON}

    now = list(publication.shown(paris.year, paris.habits, NOON, **span))
    later = list(publication.shown(paris.year, paris.habits, NOON + 3 * DAY, **span))

    assert {row.count is None for row in now} == {True, False}
    assert not any(row.count is None for row in later)


def test_quota_is_daily_and_sends_retry_after(paris: ParisState, client: httpx.Client) -> None:
    paris.quota = 1
    client.get("/records")

    refused = client.get("/records")
    paris.now += DAY
    next_day = client.get("/records")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, str(12 * 3600))
    assert refused.json()["reset_time"] == "2020-11-19T00:00:00Z"
    assert next_day.status_code == 200


def test_exports_hold_every_row_and_csv_has_a_bom(
    client: httpx.Client,
) -> None:
    params = {"where": "date >= '2020-11-01T00:00:00'", "select": "date,sum_counts"}

    as_json = client.get("/exports/json", params=params).json()
    as_csv = client.get("/exports/csv", params=params).text.split("\r\n")

    assert len(as_json) == total(client, where=params["where"])
    assert as_csv[0] == "\ufeffdate;sum_counts"
    assert len(as_csv) == len(as_json) + 2, "a header, and nothing after the last line"


def test_faults_are_injected_once_and_in_order(paris: ParisState, client: httpx.Client) -> None:
    paris.faults.extend([Fault(status=429, retry_after_s=3), Fault(status=502)])

    answers = [client.get("/records") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 502, 200]
    assert answers[0].headers["retry-after"] == "3"


def test_control_routes(paris_url: str, paris: ParisState) -> None:
    root = paris_url.partition("/api/")[0]
    with httpx.Client(base_url=root) as control:
        moved = control.post("/control/clock", json={"now": "2020-12-01T00:00:00Z", "hours": 6}).json()
        control.post("/control/faults", json={"status": 500, "times": 2})
        control.post("/control/quota", json={"calls": 5})
        shown = control.get("/control/state").json()

    assert moved["now"] == shown["now"] == "2020-12-01T06:00:00+00:00"
    assert (len(paris.faults), paris.quota) == (2, 5)


def test_generated_year_is_deterministic() -> None:
    assert year.generated(days=3) == year.generated(days=3)
    assert year.generated(days=3) != year.generated(days=3, seed=1)


def test_real_year_is_read() -> None:
    if not (year.SHARED / year.COUNTS_FILE).exists():
        pytest.skip("the real counts are not part of the repository and are not here")

    real = year.read(year.SHARED)

    assert (len(real.counters), len(real.hours)) == (56, 8_975)
    assert real.hours[0] == datetime(2020, 9, 1, 1, tzinfo=UTC)
    assert (real.counts[0][0], real.counts[0][-1]) == (1, None)
    assert real.counters[0].name == "28 boulevard Diderot O-E"


def test_generated_year_is_the_fallback(tmp_path: Path) -> None:
    assert year.real_or_generated(tmp_path) == year.generated()
