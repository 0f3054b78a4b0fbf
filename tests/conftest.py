"""Fixtures of all tests: one Temporal server and one PostgreSQL per process, one installation per database."""

import gc
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from playwright.async_api import Browser
from sqlalchemy import make_url

from store.database.store import Store
from tests.stripe.control_client import Emulator, running_emulator
from tests.support.browser import chromium
from tests.support.final_checks import check_histories, check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.leak_detection import OUTPUTS, search_logs, search_metrics
from tests.support.outside_session import running_outside
from tests.support.postgres import new_database, postgres
from tests.support.temporal_server import temporal_server
from tests.support.world import World
from tests.support.xdist_scopes import SharedServerScheduling

DATABASES = ("sqlite", "postgres")
ON_ONE_DATABASE = (
    *("tests/api/discover/", "tests/api/entur/", "tests/api/desk/"),
    *("tests/guarantees/test_reseat.py", "tests/guarantees/test_reversal.py"),
    *("tests/guarantees/test_catalogue_down.py", "tests/cli/test_payment_book.py"),
    *("tests/rules/", "tests/api/bad_inputs/", "tests/api/test_bad_input.py", "tests/api/test_bad_members.py"),
)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedServerScheduling:
    """Run tests that share their own servers in one process."""
    return SharedServerScheduling(config, log)


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out tests on databases that `only_on` excludes, and mark tests with a browser as journeys."""
    items[:] = [item for item in items if _runs_on_its_database(item)]
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("journeys")


def pytest_collection_finish() -> None:
    """Let the garbage collector look less often, and at nothing that exists now: it cost an eighth of all CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _runs_on_its_database(item: pytest.Item) -> bool:
    """Whether a test's database is among those of its mark `only_on`.

    A test without the mark runs on all databases. Some run on one of them, which the name of each case chooses: those
    of the façades and of the desk, which translate native requests, those of rules and of bad input, which no database
    decides, and those that run with four sets of outside providers, so that each law is seen on both databases, but not
    with every set.
    """
    only, call = item.get_closest_marker("only_on"), getattr(item, "callspec", None)
    kind = call.params.get("database_kind") if call is not None else None
    if only is not None:
        return bool(kind in only.args)
    if kind is None or not item.nodeid.startswith(ON_ONE_DATABASE):
        return True
    outside = call.params.get("outside", kind) if call else kind
    name = item.nodeid.replace(str(kind), "", 1).replace(f"-{outside}", "", 1)
    return bool(kind == DATABASES[(crc32(name.encode()) + (outside in ("seats", "bank"))) % len(DATABASES)])


@pytest.fixture(scope="session", autouse=True)
def no_personal_data_leaks() -> Iterator[None]:
    """Search everything this process emits for canaries; Temporal is searched when its server ends."""
    with search_logs():
        yield
    search_metrics()
    leaks = OUTPUTS.leaks
    assert not leaks, f"{len(leaks)} of {dict(OUTPUTS.searched)} contain personal data; the first: {leaks[0]}"


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[str]:
    async with temporal_server() as server:
        yield server.address


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres() as server:
        yield server.url


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[Emulator]:
    with running_emulator() as started:
        yield started


@pytest.fixture
def emulator(emulator_process: Emulator) -> Emulator:
    """The emulator of Stripe, begun anew for each test."""
    emulator_process.reset()
    return emulator_process


@pytest.fixture(scope="session", params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def database(database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database with the demo catalogue."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('db') / 'world.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres_url"), "world")
    return prepare_database(url)


@pytest.fixture(scope="session")
async def installation(database: str, database_kind: str, temporal: str) -> AsyncIterator[World]:
    async with running_world(database, temporal, database_kind) as world:
        yield world
        await check_histories(world)
        check_invariants(world)


@pytest.fixture
def world(installation: World) -> Iterator[World]:
    """The installation, with no fault armed. No group may fail of itself: its steps would do it one by one."""
    installation.faults.unexpected_withdrawals.clear()
    yield installation
    installation.faults.clear()
    assert not installation.faults.unexpected_withdrawals


@pytest.fixture(scope="session")
async def outside_installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('outside') / 'outside.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "outside")
    async with running_outside(url, temporal, f"outside-{database_kind}") as world:
        yield world
        check_invariants(world)


@pytest.fixture
def outside(outside_installation: World) -> Iterator[World]:
    """An installation whose seats and payments are outside of our database, with no fault armed."""
    yield outside_installation
    outside_installation.faults.clear()


@pytest.fixture
def fresh_database(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'fresh.db'}"
    return new_database(request.getfixturevalue("postgres_url"), "fresh")


@pytest.fixture(scope="session")
def template_database(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A migrated database with the demo catalogue, to copy: as a file on SQLite, as a name on PostgreSQL."""
    if database_kind == "sqlite":
        file = str(tmp_path_factory.mktemp("template") / "template.db")
        prepare_database(f"sqlite:///{file}")
        return file
    url = prepare_database(new_database(request.getfixturevalue("postgres_url"), "template"))
    return make_url(url).database or ""


@pytest.fixture
def prepared_database(
    database_kind: str, template_database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> str:
    """A database of the test's own, migrated and with the demo catalogue."""
    if database_kind == "sqlite":
        with closing(sqlite3.connect(template_database)) as template:
            template.execute("VACUUM INTO ?", [str(tmp_path / "prepared.db")])
        return f"sqlite:///{tmp_path / 'prepared.db'}"
    return new_database(request.getfixturevalue("postgres_url"), "prepared", template_database)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = Store(database)
    yield opened
    opened.close()
