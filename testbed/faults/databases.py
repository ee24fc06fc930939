"""The router's database and its faults: SQLite on a small disk, or a PostgreSQL server."""

import contextlib
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from testbed.faults.plan import DatabaseName
from testbed.postgres import SURE, Cluster
from testbed.processes import Process

DISK_BYTES = 192 * 1024 * 1024
CHUNK = bytes(64 * 1024)


class Database(Protocol):
    @property
    def url(self) -> str: ...

    @property
    def describes(self) -> str:
        """Named in the figures."""

    def locked(self) -> AbstractContextManager[None]:
        """Locked against all other writers."""

    def full(self, router: Process) -> AbstractContextManager[None]:
        """Its disk is full."""

    def cut_off(self) -> None:
        """End every connection of the router."""

    def crash(self) -> None:
        """Kill the server, and start it again."""


@dataclass(slots=True)
class Sqlite:
    file: Path
    mounted: bool
    """On a disk of its own; otherwise a limit on the size of files simulates the full disk."""

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    @property
    def describes(self) -> str:
        disk = "a small disk (tmpfs)" if self.mounted else "the shared disk; RLIMIT_FSIZE for a full one"
        return f"SQLite on {disk}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        other = sqlite3.connect(self.file, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        finally:
            other.close()

    def full(self, router: Process) -> AbstractContextManager[None]:
        return self._filled() if self.mounted else _limited(router.pid)

    @contextmanager
    def _filled(self) -> Iterator[None]:
        filler = self.file.parent / "filler"
        try:
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(CHUNK):
                    pass
            yield
        finally:
            filler.unlink()

    def cut_off(self) -> None:
        raise AssertionError("a file has no connections to cut off")

    def crash(self) -> None:
        raise AssertionError("a file has no server")


@contextmanager
def _limited(pid: int) -> Iterator[None]:
    """No file of the process may grow: writing fails, with EFBIG where a full disk says ENOSPC."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        if Path(f"/proc/{pid}").exists():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@dataclass(slots=True)
class Postgres:
    url: str
    cluster: Cluster

    @property
    def describes(self) -> str:
        return "PostgreSQL"

    @contextmanager
    def locked(self) -> Iterator[None]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        outage = contextlib.suppress(
            sa.exc.OperationalError
        )  # another fault may end this connection or the server
        with contextlib.ExitStack() as held:
            held.enter_context(outage)
            with outage:
                other = held.enter_context(engine.connect())
                other.exec_driver_sql("LOCK TABLE alerts, cards IN ACCESS EXCLUSIVE MODE")
            yield

    def full(self, router: Process) -> AbstractContextManager[None]:
        raise AssertionError("the server shares its disk with the machine")

    def cut_off(self) -> None:
        self.cluster.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname NOT IN ('postgres') AND pid <> pg_backend_pid()"
        )

    def crash(self) -> None:
        self.cluster.crash()


@contextmanager
def opened(name: DatabaseName, folder: Path) -> Iterator[Database]:
    if name == "postgres":
        with Cluster.started(SURE) as cluster, cluster.database() as url:
            yield Postgres(url, cluster)
        return
    disk = folder / "disk"
    disk.mkdir()
    with _small_disk(disk) as mounted:
        yield Sqlite(disk / "alert_router.db", mounted)


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """Whether it could be mounted: that takes root, and some containers refuse it."""
    size = f"size={DISK_BYTES}"
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=False, capture_output=True
    )
    mounted = mount.returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
