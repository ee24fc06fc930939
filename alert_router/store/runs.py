"""The runs of jobs, as they were reported."""

import sqlalchemy as sa

from alert_router.domain.runs import MAX_PAST, Run, RunState
from alert_router.store import rows
from alert_router.store.tables import runs

COLUMNS = rows.columns(Run, runs)


def save(conn: sa.Connection, run: Run) -> bool:
    """False when the run is known in this state already, or a late "started" says less than is known."""
    known = _known(conn, run)
    if known is None:
        conn.execute(sa.insert(runs).values(rows.to_row(run)))
        return True
    if known.state is run.state or run.state is RunState.STARTED:
        return False
    values = rows.to_row(run) | {"metrics": {**known.metrics, **run.metrics}}
    conn.execute(sa.update(runs).where(runs.c.job == run.job, runs.c.run_id == run.run_id).values(values))
    return True


def before(conn: sa.Connection, run: Run) -> list[Run]:
    """The runs of its job before it, newest first, at most MAX_PAST."""
    query = sa.select(*COLUMNS).where(runs.c.job == run.job, runs.c.at <= run.at, runs.c.run_id != run.run_id)
    newest = conn.execute(query.order_by(runs.c.at.desc()).limit(MAX_PAST))
    return [_run(row) for row in newest]


def last(conn: sa.Connection, job: str, limit: int) -> list[Run]:
    """The newest of a job, oldest first: for a chart of its metrics."""
    query = sa.select(*COLUMNS).where(runs.c.job == job).order_by(runs.c.at.desc()).limit(limit)
    return [_run(row) for row in conn.execute(query)][::-1]


def _known(conn: sa.Connection, run: Run) -> Run | None:
    query = sa.select(*COLUMNS).where(runs.c.job == run.job, runs.c.run_id == run.run_id)
    row = conn.execute(query).one_or_none()
    return _run(row) if row is not None else None


def _run(row: sa.Row[tuple[object, ...]]) -> Run:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Run(**(fields | {"state": RunState(str(fields["state"]))}))
