"""A PostgreSQL server of the tests' own, on a Unix socket, without fsync, thrown away."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from alert_router.store import migrate
from alert_router.store.engine import open_store
from alert_router.store.tables import metadata
from testbed import real_parts

DEBIAN = Path("/usr/lib/postgresql")
OPTIONS = (
    "-c listen_addresses= -c max_connections=60 -c shared_buffers=64MB "
    "-c fsync=off -c full_page_writes=off -c autovacuum=off"
)
FAST = f"{OPTIONS} -c synchronous_commit=off"
"""A crash of the server loses the last commits."""
SURE = f"{OPTIONS} -c synchronous_commit=on"
"""What was committed survives the server's crash (not the machine's: without fsync)."""
STARTING_S = 30


@dataclass(slots=True)
class Cluster:
    folder: Path
    options: str
    admin: sa.Engine
    numbers: Iterator[int] = field(default_factory=count)
    free: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def started(cls, options: str = FAST) -> "Iterator[Cluster]":
        programs = _programs()
        folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path is at most 107 bytes long
        user = _user()
        if user is not None:
            shutil.chown(folder, user)
        data = str(folder / "data")
        try:
            _run(user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
            _control(folder, "-o", f"{options} -k {folder}", "start")
            try:
                yield from cls._used(folder, options)
            finally:
                _control(folder, "-m", "immediate", "stop")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @classmethod
    def _used(cls, folder: Path, options: str) -> "Iterator[Cluster]":
        admin = sa.create_engine(_url(folder, "postgres"), isolation_level="AUTOCOMMIT")
        cluster = cls(folder, options, admin)
        cluster.sql("CREATE DATABASE migrated")
        store = open_store(_url(folder, "migrated"))
        migrate.upgrade(store)
        store.close()
        yield cluster
        admin.dispose()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database at the newest version.

        Emptied, one serves again: making and removing hundreds, each of 300 files, takes minutes.
        """
        name = self.free.pop() if self.free else self._new()
        url = _url(self.folder, name)
        yield url
        if _emptied(url):
            self.free.append(name)

    def _new(self) -> str:
        name = f"test{next(self.numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE migrated")
        return name

    def crash(self) -> None:
        """End all its processes without a word, then start it again."""
        _control(self.folder, "-m", "immediate", "-o", f"{self.options} -k {self.folder}", "restart")
        self.admin.dispose()

    def sql(self, statement: str) -> None:
        with self.admin.connect() as conn:
            conn.exec_driver_sql(statement)


def _emptied(url: str) -> bool:
    """False when a test has spoilt it: then nobody uses it again."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    try:
        with engine.begin() as conn:
            conn.exec_driver_sql("SET lock_timeout = '5s'")
            conn.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    except sa.exc.DBAPIError:
        return False
    return True


def _url(folder: Path, name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"


def _programs() -> Path:
    installed = sorted(DEBIAN.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("pg_ctl")
    if installed:
        return installed[-1].parent
    if on_path is None:
        real_parts.missing("PostgreSQL is not installed (Debian: postgresql)")
    return Path(on_path).resolve().parent


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _control(folder: Path, *arguments: str) -> None:
    common = ("-D", str(folder / "data"), "-w", "-t", str(STARTING_S), "-l", str(folder / "log"))
    _run(_user(), _programs() / "pg_ctl", *common, *arguments)


def _run(user: str | None, program: Path, *arguments: str) -> None:
    done = subprocess.run(  # noqa: PLW1510 - the output says more than CalledProcessError
        [str(program), *arguments],
        user=user,
        extra_groups=[] if user else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # not a pipe: the server would keep it open
        stderr=subprocess.DEVNULL,
        timeout=2 * STARTING_S,
    )
    assert done.returncode == 0, f"{program.name} {' '.join(arguments)} ended with {done.returncode}"
