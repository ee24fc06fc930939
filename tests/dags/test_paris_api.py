from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dags.pipeline.paris_api import Count, ParisApi, Refused, Unreadable, from_line, from_record
from dags.pipeline.retry import Unavailable
from testbed.fakes.paris.publication import Habits
from testbed.fakes.paris.state import Fault, ParisState
from testbed.pipeline.fake_router import NOON


@dataclass
class Waits:
    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def api(paris_url: str, waits: Waits) -> Iterator[ParisApi]:
    with httpx.Client(base_url=paris_url, timeout=5) as client:
        yield ParisApi(client, waits)


def everything(paris: ParisState, since: datetime) -> list[tuple[str, datetime, int | None]]:
    year = paris.year
    return [
        (counter.id, hour, count)
        for hour, row in zip(year.hours, year.counts, strict=True)
        for counter, count in zip(year.counters, row, strict=True)
        if since <= hour <= paris.now - timedelta(hours=1)
    ]


def rows(counts: list[Count]) -> list[tuple[str, datetime, int | None]]:
    return sorted((count.counter_id, count.hour, count.count) for count in counts)


def test_pages_neither_lose_nor_repeat_rows(paris: ParisState, api: ParisApi) -> None:
    since = NOON - timedelta(days=3)

    counts = list(api.counts_since(since))

    assert rows(counts) == sorted(everything(paris, since))
    assert all("/records" in request for request in paris.requests)
    assert len(paris.requests) == 5, "6 counters x 72 hours are 432 rows: five pages of at most 100"


def test_more_than_10000_rows_are_exported(paris: ParisState, api: ParisApi) -> None:
    since = NOON - timedelta(days=75)

    counts = list(api.counts_since(since))

    assert rows(counts) == sorted(everything(paris, since))
    assert len(counts) > 10_000
    assert ["/records?" in request for request in paris.requests] == [True, False]


def test_10000_rows_are_paged(paris: ParisState, api: ParisApi) -> None:
    hours = 10_000 // 6
    paris.now = paris.year.hours[hours] + timedelta(minutes=30)
    total = hours * 6

    counts = list(api.counts_since(paris.year.hours[0]))

    assert len(counts) == total
    assert not any("/exports" in request for request in paris.requests)


def test_null_count_and_place_on_a_page(paris: ParisState, api: ParisApi) -> None:
    paris.habits = Habits(delay_hours=(1, 1), null_counts=1, null_places=1)

    counts = list(api.counts_since(NOON - timedelta(hours=5)))

    assert {count.count for count in counts} == {None}
    assert {(count.latitude, count.longitude) for count in counts} == {(None, None)}


def test_null_count_and_place_in_an_export(paris: ParisState, api: ParisApi) -> None:
    paris.habits = Habits(delay_hours=(1, 1), null_counts=0.5, null_places=0.5)

    counts = list(api.counts_since(NOON - timedelta(days=75)))

    assert any(count.count is None for count in counts)
    assert any(count.latitude is None for count in counts)
    assert any(count.latitude is not None for count in counts)


STRANGE = [{"id_compteur": None}, {"id_compteur": ""}, {"sum_counts": -1}, {"sum_counts": 1_000_001}]


@pytest.mark.parametrize("change", STRANGE)
def test_impossible_count_or_missing_counter_is_none(
    change: dict[str, object],
) -> None:
    record = {"id_compteur": "a", "date": "2021-09-10T01:00:00+02:00", "sum_counts": 24} | change
    line = {name: "" if value is None else str(value) for name, value in record.items()}

    for count in (from_record(record), from_line(line)):
        assert count.count is None
        assert count.counter_id == (record["id_compteur"] or "")


def test_server_errors_are_retried_with_backoff(paris: ParisState, api: ParisApi, waits: Waits) -> None:
    paris.faults.extend([Fault(status=502), Fault(status=503), Fault(status=500)])

    counts = list(api.counts_since(NOON - timedelta(hours=5)))

    assert counts
    assert waits.seconds == [1, 2, 4]


def test_short_retry_after_is_obeyed(paris: ParisState, api: ParisApi, waits: Waits) -> None:
    paris.faults.append(Fault(status=429, retry_after_s=20))

    assert list(api.counts_since(NOON - timedelta(hours=5)))

    assert waits.seconds == [20]


def test_long_retry_after_gives_up_at_once(paris: ParisState, api: ParisApi, waits: Waits) -> None:
    paris.quota = 2

    with pytest.raises(Unavailable, match="429"):
        list(api.counts_since(NOON - timedelta(days=3)))

    assert waits.seconds == []


def test_retries_are_limited(paris: ParisState, api: ParisApi) -> None:
    paris.faults.extend([Fault(status=500)] * 5)

    with pytest.raises(Unavailable, match=r"HTTP 500 \(tries: 5\)"):
        list(api.counts_since(NOON - timedelta(hours=5)))


def test_broken_export_is_an_error(paris: ParisState, api: ParisApi) -> None:
    paris.faults.extend([Fault(), Fault(broken_after_rows=3_000)])

    with pytest.raises(Unavailable, match="broke off"):
        list(api.counts_since(NOON - timedelta(days=75)))


def test_refused_query_is_not_retried(paris_url: str, waits: Waits) -> None:
    with (
        httpx.Client(base_url=paris_url.replace("comptage", "unknown")) as client,
        pytest.raises(Refused, match="404"),
    ):
        list(ParisApi(client, waits).counts_since(NOON))

    assert waits.seconds == []


def test_local_hour_is_converted_to_utc() -> None:
    record = {"id_compteur": "a", "date": "2021-09-10T01:00:00+02:00", "sum_counts": 24, "coordinates": None}

    assert from_record(record) == Count("a", datetime(2021, 9, 9, 23, tzinfo=UTC), 24)


@pytest.mark.parametrize(
    "change", [{"date": None}, {"date": "2021-09-10T01:00:00"}, {"date": "soon"}, {"sum_counts": "many"}]
)
def test_row_of_unknown_shape_is_unreadable(change: dict[str, object]) -> None:
    record = {"id_compteur": "a", "date": "2021-09-10T01:00:00+02:00", "sum_counts": 24}

    with pytest.raises(Unreadable):
        from_record(record | change)
