"""A database of a million alerts, made in SQL in seconds: python -m testbed.bench.big_database URL [ALERTS].

Two months of a large site: 100 alertnames, 5,000 hosts, an incident for every two alerts with its card, three
transitions for each alert, 2,000 alerts that fire.
"""

# ruff: noqa: E501, S608 - columns side by side with their values; no value is a stranger's

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alert_router.store import migrate
from alert_router.store.engine import Store, open_store

ALERTS = 1_000_000
DAYS = 60
FIRING = 2_000
BATCH = 100_000
NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
)


@dataclass(frozen=True, slots=True)
class Sql:
    """How a database writes times and JSON."""

    dialect: str
    began: int
    """Seconds of the epoch at which the first alert starts."""
    step: float
    """Seconds from one alert to the next."""
    total: int

    def time(self, number: str, after: str = "0") -> str:
        seconds = f"{self.began} + ({number}) * {self.step} + ({after})"
        if self.dialect == "sqlite":
            return f"strftime('%Y-%m-%d %H:%M:%S.000000', CAST({seconds} AS INTEGER), 'unixepoch')"
        return f"to_timestamp(floor({seconds}))"

    def json(self, text: str) -> str:
        return text if self.dialect == "sqlite" else f"CAST({text} AS jsonb)"

    def text(self, number: str) -> str:
        return f"CAST({number} AS TEXT)"

    @property
    def fires(self) -> str:
        return f"(n > {self.total - FIRING} OR n % 99991 = 0)"

    @property
    def lasts(self) -> str:
        return "30 + (n * 7919) % 3600"


def fill(store: Store, number: int = ALERTS, *, now: datetime | None = None) -> None:
    span = timedelta(days=DAYS)
    began = (now or datetime.now(UTC)) - span
    sql = Sql(store.dialect, int(began.timestamp()), span.total_seconds() / number, number)
    for first in range(1, number + 1, BATCH):
        last = min(first + BATCH - 1, number)
        with store.write() as conn:
            for statement in (
                _incidents(sql),
                _alerts(sql),
                _transitions(sql),
                _cards(sql),
                _deliveries(sql),
            ):
                numbers = NUMBERS.format(first=first, last=last)
                table, columns, select = statement
                conn.exec_driver_sql(f"INSERT INTO {table} ({columns}) {numbers} {select}")


def _severity() -> str:
    return (
        "CASE (n * 31) % 10 WHEN 0 THEN 'critical' WHEN 1 THEN 'error' WHEN 2 THEN 'error' WHEN 3 THEN 'info' "
        "ELSE 'warning' END"
    )


def _rank() -> str:
    return "CASE (n * 31) % 10 WHEN 0 THEN 3 WHEN 1 THEN 2 WHEN 2 THEN 2 WHEN 3 THEN 0 ELSE 1 END"


def _labels(sql: Sql) -> str:
    t = sql.text
    return sql.json(
        f"""'{{"alertname":"Alert' || {t("(n * 7) % 100")} || '","env":"' || CASE n % 3 WHEN 0 THEN 'prod' WHEN 1
        THEN 'stage' ELSE 'dev' END || '","instance":"host-' || {t("n % 5000")} || ':9100","job":"job' ||
        {t("n % 20")} || '","pod":"pod-' || {t("n % 200000")} || '","severity":"' || {_severity()} ||
        '","team":"team' || {t("n % 12")} || '"}}'"""
    )


def _annotations(sql: Sql) -> str:
    t = sql.text
    return sql.json(
        f"""'{{"description":"The filesystem of host-' || {t("n % 5000")} || ' has had less than ' ||
        {t("n % 97")} || ' percent of its space left for ten minutes, and fills up within a day at this rate.",'
        || '"runbook_url":"https://runbooks.example.org/disk","summary":"Disk of host-' || {t("n % 5000")} ||
        ' is ' || {t("n % 100")} || ' percent full, request ' || {t("n * 104729 % 999983")} || '"}}'"""
    )


Statement = tuple[str, str, str]


def _incidents(sql: Sql) -> Statement:
    """Of every two alerts, the second closes it."""
    columns = (
        "id, key, group_labels, status, severity, firing, flaps, opened_at, resolved_at, generation, pinged_at, "
        "revision, left_out, channels"
    )
    group = f"""'{{"n":"' || {sql.text("n / 2 % 50000")} || '"}}'"""
    select = f"""SELECT n / 2, {group}, {sql.json(group)}, CASE WHEN {sql.fires} THEN 'firing' ELSE 'resolved' END,
        {_severity()}, CASE WHEN {sql.fires} THEN 2 ELSE 0 END, 0, {sql.time("n")},
        CASE WHEN {sql.fires} THEN NULL ELSE {sql.time("n", sql.lasts)} END, 1, {sql.time("n")}, 1, 0, '|discord|'
        FROM numbers WHERE n % 2 = 0"""
    return "incidents", columns, select


def _alerts(sql: Sql) -> Statement:
    columns = (
        "id, source, fingerprint, alertname, severity, status, labels, annotations, starts_at, ends_at, "
        "received_at, last_seen_at, repeats, flaps, incident_id, generator_url, source_url, reporter, suppressed, "
        "severity_rank, channels, sent_to, revision, beginning, identity, also_firing, origin"
    )
    ends = f"CASE WHEN {sql.fires} THEN NULL ELSE {sql.time('n', sql.lasts)} END"
    select = f"""SELECT n, CASE WHEN n % 50 = 0 THEN 'grafana' ELSE 'alertmanager' END,
        'f' || {sql.text("n % 50000")}, 'Alert' || {sql.text("(n * 7) % 100")}, {_severity()},
        CASE WHEN {sql.fires} THEN 'firing' ELSE 'resolved' END, {_labels(sql)}, {_annotations(sql)},
        {sql.time("n")}, {ends}, {sql.time("n", "5")}, {sql.time("n", sql.lasts)}, n % 7, CASE WHEN n % 11 = 0
        THEN 1 ELSE 0 END, (n + n % 2) / 2, 'http://prometheus.example.org:9090/graph', 'http://am.example.org:9093',
        'Prometheus', CASE WHEN n % 40 = 0 THEN 'silenced' ELSE NULL END, {_rank()}, '|discord|', '',
        CASE WHEN n % 5000 = 0 THEN 2 ELSE 1 END, 'opened', '', {sql.json("'[]'")}, 'webhook' FROM numbers"""
    return "alerts", columns, select


def _transitions(sql: Sql) -> Statement:
    select = f"""SELECT n, {sql.time("n", "kind.number * 10")}, kind.name, 'alertmanager', 'Prometheus' FROM numbers,
        (SELECT 0 AS number, 'opened' AS name UNION ALL SELECT 1, 'updated' UNION ALL SELECT 2, 'resolved') kind
        WHERE kind.name <> 'resolved' OR NOT {sql.fires}"""
    return "transitions", "alert_id, at, kind, source, detail", select


def _cards(sql: Sql) -> Statement:
    columns = (
        "id, incident_id, channel, generation, state, priority, wanted_rev, attempts, degraded, message_id, "
        "message_url, sent_hash, sent_at, edited, created_at, reason, posted_at, revision, announced_rank"
    )
    true = "1" if sql.dialect == "sqlite" else "true"
    select = f"""SELECT n / 2, n / 2, 'discord', 1, CASE WHEN n % 20000 = 0 THEN 'dead' ELSE 'delivered' END, 1, 2, 0,
        0, CASE WHEN n % 20000 = 0 THEN NULL ELSE {sql.text("n")} END, 'https://discord.com/channels/1/2/3', 'h',
        {sql.time("n", "6")}, {true}, {sql.time("n", "5")}, 'first', {sql.time("n", "6")}, 1, 1
        FROM numbers WHERE n % 2 = 0"""
    return "cards", columns, select


def _deliveries(sql: Sql) -> Statement:
    select = f"""SELECT n / 2, {sql.time("n", "6 + kind.number * 60")}, 'discord', kind.name, 'sent', 200,
        {sql.text("n")}, 120, '' FROM numbers, (SELECT 0 AS number, 'create' AS name UNION ALL SELECT 1, 'edit') kind
        WHERE n % 2 = 0"""
    return "deliveries", "card_id, at, channel, action, outcome, status, message_id, took_ms, detail", select


def main() -> None:
    url, *rest = sys.argv[1:]
    store = open_store(url)
    migrate.upgrade(store)
    began = time.monotonic()
    fill(store, int(rest[0]) if rest else ALERTS)
    print(f"filled in {time.monotonic() - began:.1f} s")
    store.close()


if __name__ == "__main__":
    main()
