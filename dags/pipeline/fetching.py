"""The work of daily_fetch_bike_data."""

import time
from datetime import datetime, timedelta

import httpx
import sqlalchemy as sa
from tenacity.nap import sleep as real_sleep

from dags.pipeline import ingestion, paris_api, warehouse
from dags.pipeline.clock import Clock, utc_now
from dags.pipeline.paris_api import ParisApi
from dags.pipeline.retry import Sleep
from dags.pipeline.settings import Settings
from dags.pipeline.xcom import XCom

ENDPOINT = "Paris open data"


def fetch(settings: Settings, now: datetime, *, sleep: Sleep = real_sleep, clock: Clock = utc_now) -> XCom:
    """A day without new data is a state and not a failure."""
    started = time.monotonic()
    with (
        warehouse.opened(settings.warehouse_url.get_secret_value()) as engine,
        httpx.Client(base_url=settings.paris_url, timeout=paris_api.TIMEOUT) as client,
    ):
        since = _since(engine, settings, now)
        ingested = ingestion.ingest(engine, ParisApi(client, sleep).counts_since(since), clock)
        with engine.begin() as conn:
            newest = ingestion.newest_hour(conn, now)
    return ingestion.to_xcom(ingested, newest=newest, day=now, duration_s=time.monotonic() - started)


def _since(engine: sa.Engine, settings: Settings, now: datetime) -> datetime:
    with engine.begin() as conn:
        return ingestion.fetch_since(
            ingestion.newest_hour(conn, now),
            now,
            lookback=timedelta(days=settings.lookback_days),
            first_fetch=timedelta(days=settings.first_fetch_days),
        )
