"""The fixtures of every test: a movable clock, databases made by the real migrations, the fake Discord."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis
from starlette.testclient import TestClient

from alert_router.store import migrate
from alert_router.store.engine import Store, open_store
from testbed.factories import SECRET, Clock
from testbed.fakes.discord import DiscordState, RateLimits
from testbed.postgres import Cluster
from testbed.router_harness import DATABASES, MadeClient, NewDatabase, RouterHarness, open_client

hypothesis.register_profile("dev", max_examples=50, deadline=None)
hypothesis.register_profile("ci", max_examples=300, deadline=None)
hypothesis.load_profile("ci" if os.environ.get("CI") else "dev")

HERE = Path(__file__).parent
SQLITE, POSTGRESQL = DATABASES
BOTH_DATABASES = (
    "component/test_alertmanager_sync.py",
    "component/test_delivery.py",
    "component/test_history_queries.py",
    "component/test_ledger.py",
    "component/test_migrations.py",
    "component/test_notifier.py",
    "component/test_people.py",
    "component/test_shared_rate_limits.py",
    "component/test_store.py",
    "e2e/test_kill.py",
)
"""Files whose tests always run on both databases: what they test is the database's doing as well as ours.
The others run on SQLite, and with --all-databases on both."""
LOOPBACK = ("browser", "e2e", "exporter")
"""Folders whose tests start servers and speak to them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-databases", action="store_true", help="every test on SQLite and on PostgreSQL")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Block all sockets but Unix ones, which asyncio and PostgreSQL need; pytest-socket reads the options."""
    config.option.disable_socket = True
    config.option.allow_unix_socket = True
    if missing := [name for name in BOTH_DATABASES if not (HERE / name).exists()]:
        raise pytest.UsageError(f"tests/conftest.py: BOTH_DATABASES names {missing}, which are not there")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that takes database_url, itself or through a fixture, runs once on each of its databases."""
    if "database_url" not in metafunc.fixturenames or "database_url" in vars(metafunc.module):
        return
    both = _inside(metafunc.definition.path) in BOTH_DATABASES or metafunc.config.option.all_databases
    metafunc.parametrize("database_url", DATABASES if both else [SQLITE], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _inside(item.path).startswith(LOOPBACK) or item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1"]))


def _inside(path: Path) -> str:
    return path.relative_to(HERE).as_posix()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def discord(clock: Clock) -> DiscordState:
    """With a webhook in channel 100, and all of Discord's limits."""
    state = DiscordState(clock=clock)
    state.webhook("1", SECRET, "100")
    return state


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database at the newest version, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    store = open_store(f"sqlite:///{path}")
    migrate.upgrade(store)
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with Cluster.started() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> NewDatabase:
    """Opens an empty database of a kind at the newest version, and takes it back."""

    @contextmanager
    def make(kind: str) -> Iterator[str]:
        if kind == "sqlite":
            yield f"sqlite:///{shutil.copy(migrated_file, tmp_path_factory.mktemp('db') / 'router.db')}"
            return
        cluster: Cluster = request.getfixturevalue("postgres")
        with cluster.database() as url:
            yield url

    return make


@pytest.fixture
def database_url(request: pytest.FixtureRequest, new_database: NewDatabase) -> Iterator[str]:
    """The test's own empty database; its kind is set by pytest_generate_tests."""
    with new_database(request.param) as url:
        yield url


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'router.db')}"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = open_store(database_url)
    yield store
    store.close()


@pytest.fixture
def harness(database_url: str, clock: Clock, discord: DiscordState) -> Iterator[RouterHarness]:
    """The router's parts on one database, driven by hand: nothing happens by itself."""
    with RouterHarness.opened(database_url, clock, discord) as harness:
        yield harness


@pytest.fixture
def make_client(database_url: str, clock: Clock, discord: DiscordState) -> Iterator[MadeClient]:
    """Starts the real application with settings of one's choice; on loopback, as a sender of this machine."""
    with ExitStack() as running:
        yield partial(open_client, running, database_url, clock, discord)


@pytest.fixture
def make_sqlite_client(sqlite_url: str, clock: Clock, discord: DiscordState) -> Iterator[MadeClient]:
    with ExitStack() as running:
        yield partial(open_client, running, sqlite_url, clock, discord)


@pytest.fixture
def client(make_client: MadeClient) -> TestClient:
    """The application as it is with no settings at all."""
    return make_client()


@pytest.fixture
def unlimited(discord: DiscordState) -> DiscordState:
    """The fake Discord without rate limits: for the running application, whose clock stands still."""
    discord.rates.limits = RateLimits(enabled=False)
    return discord
