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


def test_new_hours_are_stored_as_they_came(engine: sa.Engine) -> None:
    done = ingestion.ingest(engine, [Count("a", NOON, 12), Count("b", NOON, 0)], lambda: NOON)

    assert done == Ingested(records_fetched=2, records_count=2)
    assert stored(engine) == {("a", NOON): 12, ("b", NOON): 0}


def test_the_same_hours_again_tell_nothing_new(engine: sa.Engine) -> None:
    counts = [Count("a", NOON, 12), Count("b", NOON, 3)]
    ingestion.ingest(engine, counts, lambda: NOON)

    done = ingestion.ingest(engine, counts, lambda: NOON + DAY)

    assert done == Ingested(records_fetched=2)
    assert done.deduplication_ratio == 1


def test_a_counter_that_reports_late_enters_beside_the_others(engine: sa.Engine) -> None:
    ingestion.ingest(engine, [Count("a", NOON, 12)], lambda: NOON)

    done = ingestion.ingest(engine, [Count("a", NOON, 12), Count("b", NOON, 5)], lambda: NOON + DAY)

    assert done.records_count == 1
    assert stored(engine) == {("a", NOON): 12, ("b", NOON): 5}


def test_a_corrected_count_replaces_the_old_one(engine: sa.Engine) -> None:
    ingestion.ingest(engine, [Count("a", NOON, 12)], lambda: NOON)

    done = ingestion.ingest(engine, [Count("a", NOON, 13)], lambda: NOON + DAY)

    assert done.records_count == 1
    assert stored(engine) == {("a", NOON): 13}


def test_a_null_count_is_counted_and_does_not_wipe_out_a_number(engine: sa.Engine) -> None:
    ingestion.ingest(engine, [Count("a", NOON, 12)], lambda: NOON)

    done = ingestion.ingest(engine, [Count("a", NOON, None), Count("b", NOON, None)], lambda: NOON)

    assert done == Ingested(records_fetched=2, without_count=2)
    assert stored(engine) == {("a", NOON): 12}


def test_a_row_that_is_sent_twice_at_once_is_stored_once(engine: sa.Engine) -> None:
    done = ingestion.ingest(engine, [Count("a", NOON, 12), Count("a", NOON, 12)], lambda: NOON)

    assert done == Ingested(records_fetched=2, records_count=1)
    assert done.deduplication_ratio == 0.5


def test_what_was_written_before_an_error_is_found_known_by_the_next_try(engine: sa.Engine) -> None:
    hours = [Count("a", NOON + HOUR * number, number) for number in range(ingestion.BATCH_ROWS + 10)]

    def breaking_off() -> Iterator[Count]:
        yield from hours[: ingestion.BATCH_ROWS + 1]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        ingestion.ingest(engine, breaking_off(), lambda: NOON)
    done = ingestion.ingest(engine, hours, lambda: NOON)

    assert done.records_count == 10
    assert len(stored(engine)) == len(hours)


def test_an_empty_warehouse_is_filled_from_further_back(engine: sa.Engine) -> None:
    with engine.begin() as conn:
        newest = ingestion.newest_hour(conn, NOON)

    since = ingestion.fetch_since(newest, NOON, lookback=3 * DAY, first_fetch=90 * DAY)

    assert since == NOON - 90 * DAY


def test_later_fetches_begin_some_days_before_the_newest_hour_for_what_arrives_late(
    engine: sa.Engine,
) -> None:
    ingestion.ingest(engine, [Count("a", NOON - 10 * DAY, 1), Count("a", NOON - DAY, 1)], lambda: NOON)
    with engine.begin() as conn:
        newest = ingestion.newest_hour(conn, NOON)

    since = ingestion.fetch_since(newest, NOON, lookback=3 * DAY, first_fetch=90 * DAY)

    assert since == NOON - 4 * DAY


def test_an_hour_dated_ahead_does_not_hide_what_the_others_have_yet_to_send(engine: sa.Engine) -> None:
    counts = [Count("a", NOON - 10 * DAY, 1), Count("fast", NOON + 30 * DAY, 1)]
    ingestion.ingest(engine, counts, lambda: NOON)
    with engine.begin() as conn:
        newest = ingestion.newest_hour(conn, NOON)

    since = ingestion.fetch_since(newest, NOON, lookback=3 * DAY, first_fetch=90 * DAY)

    assert since == NOON - 13 * DAY


def test_no_new_data_is_a_state_that_is_told_without_numbers_nobody_measured() -> None:
    told = ingestion.told(Ingested(), newest=None, day=NOON, duration_s=0.25)

    assert told == {
        "status": "no_new_data",
        "records_fetched": 0,
        "records_count": 0,
        "records_without_count": 0,
        "ingestion_duration_seconds": 0.25,
        "ingestion_date": "2020-11-18",
    }


def test_new_data_are_told_with_their_share_of_known_rows_and_their_newest_hour() -> None:
    done = Ingested(records_fetched=100, records_count=70, without_count=5)

    told = ingestion.told(done, newest=NOON, day=NOON, duration_s=1)

    assert (told["status"], told["deduplication_ratio"]) == ("new_data", 0.25)
    assert told["newest_hour"] == "2020-11-18T12:00:00+00:00"
