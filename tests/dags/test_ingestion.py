from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from dags.pipeline import ingestion
from dags.pipeline.ingestion import Ingested
from dags.pipeline.paris_api import Count
from dags.pipeline.tables import raw_counts
from testbed.pipeline.fake_router import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def stored(engine: sa.Engine) -> dict[tuple[str, datetime], int]:
    with engine.begin() as conn:
        return {(row.counter_id, row.hour): row[2] for row in conn.execute(sa.select(raw_counts))}


def test_new_hours_are_stored(engine: sa.Engine) -> None:
    ingested = ingestion.ingest(engine, [Count("a", NOON, 12), Count("b", NOON, 0)], lambda: NOON)

    assert ingested == Ingested(records_fetched=2, records_count=2)
    assert stored(engine) == {("a", NOON): 12, ("b", NOON): 0}


def test_known_hours_are_not_new(engine: sa.Engine) -> None:
    counts = [Count("a", NOON, 12), Count("b", NOON, 3)]
    ingestion.ingest(engine, counts, lambda: NOON)

    ingested = ingestion.ingest(engine, counts, lambda: NOON + DAY)

    assert ingested == Ingested(records_fetched=2)
    assert ingested.deduplication_ratio == 1


def test_late_counter_is_added_to_a_known_hour(engine: sa.Engine) -> None:
    ingestion.ingest(engine, [Count("a", NOON, 12)], lambda: NOON)

    ingested = ingestion.ingest(engine, [Count("a", NOON, 12), Count("b", NOON, 5)], lambda: NOON + DAY)

    assert ingested.records_count == 1
    assert stored(engine) == {("a", NOON): 12, ("b", NOON): 5}


def test_corrected_count_replaces_the_old_count(engine: sa.Engine) -> None:
    ingestion.ingest(engine, [Count("a", NOON, 12)], lambda: NOON)

    ingested = ingestion.ingest(engine, [Count("a", NOON, 13)], lambda: NOON + DAY)

    assert ingested.records_count == 1
    assert stored(engine) == {("a", NOON): 13}


def test_null_count_does_not_erase_a_number(engine: sa.Engine) -> None:
    ingestion.ingest(engine, [Count("a", NOON, 12)], lambda: NOON)

    ingested = ingestion.ingest(engine, [Count("a", NOON, None), Count("b", NOON, None)], lambda: NOON)

    assert ingested == Ingested(records_fetched=2, without_count=2)
    assert stored(engine) == {("a", NOON): 12}


def test_duplicate_row_in_a_batch_is_stored_once(engine: sa.Engine) -> None:
    ingested = ingestion.ingest(engine, [Count("a", NOON, 12), Count("a", NOON, 12)], lambda: NOON)

    assert ingested == Ingested(records_fetched=2, records_count=1)
    assert ingested.deduplication_ratio == 0.5


def test_batches_before_an_error_stay_stored(engine: sa.Engine) -> None:
    hours = [Count("a", NOON + HOUR * number, number) for number in range(ingestion.BATCH_ROWS + 10)]

    def breaking_off() -> Iterator[Count]:
        yield from hours[: ingestion.BATCH_ROWS + 1]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        ingestion.ingest(engine, breaking_off(), lambda: NOON)
    ingested = ingestion.ingest(engine, hours, lambda: NOON)

    assert ingested.records_count == 10
    assert len(stored(engine)) == len(hours)


def test_empty_warehouse_is_filled_from_first_fetch_days(engine: sa.Engine) -> None:
    with engine.begin() as conn:
        newest = ingestion.newest_hour(conn, NOON)

    since = ingestion.fetch_since(newest, NOON, lookback=3 * DAY, first_fetch=90 * DAY)

    assert since == NOON - 90 * DAY


def test_later_fetches_look_back_from_the_newest_hour(
    engine: sa.Engine,
) -> None:
    ingestion.ingest(engine, [Count("a", NOON - 10 * DAY, 1), Count("a", NOON - DAY, 1)], lambda: NOON)
    with engine.begin() as conn:
        newest = ingestion.newest_hour(conn, NOON)

    since = ingestion.fetch_since(newest, NOON, lookback=3 * DAY, first_fetch=90 * DAY)

    assert since == NOON - 4 * DAY


def test_future_hour_does_not_move_the_fetch_start(engine: sa.Engine) -> None:
    counts = [Count("a", NOON - 10 * DAY, 1), Count("fast", NOON + 30 * DAY, 1)]
    ingestion.ingest(engine, counts, lambda: NOON)
    with engine.begin() as conn:
        newest = ingestion.newest_hour(conn, NOON)

    since = ingestion.fetch_since(newest, NOON, lookback=3 * DAY, first_fetch=90 * DAY)

    assert since == NOON - 13 * DAY


def test_xcom_of_a_fetch_without_new_data() -> None:
    xcom = ingestion.to_xcom(Ingested(), newest=None, day=NOON, duration_s=0.25)

    assert xcom == {
        "status": "no_new_data",
        "records_fetched": 0,
        "records_count": 0,
        "records_without_count": 0,
        "ingestion_duration_seconds": 0.25,
        "ingestion_date": "2020-11-18",
    }


def test_xcom_of_a_fetch_with_new_data() -> None:
    ingested = Ingested(records_fetched=100, records_count=70, without_count=5)

    xcom = ingestion.to_xcom(ingested, newest=NOON, day=NOON, duration_s=1)

    assert (xcom["status"], xcom["deduplication_ratio"]) == ("new_data", 0.25)
    assert xcom["newest_hour"] == "2020-11-18T12:00:00+00:00"
