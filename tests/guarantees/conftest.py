"""Installations that some guarantees need beside the usual one."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from cli.http_clients.native import NativeClient
from cli.stack import Stack
from store import invariants
from store.database.store import Store
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.lying_railway import ByRail, running_by_rail
from tests.support.postgres import new_database
from tests.support.watched_bank import WatchedBank, provider_for
from tests.support.world import World


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated SQLite database with the demo catalogue."""
    return prepare_database(f"sqlite:///{tmp_path_factory.mktemp('own') / 'own.db'}")


@pytest.fixture(scope="module")
async def uncached(temporal: str, own_database: str) -> AsyncIterator[World]:
    """An installation that keeps no run in memory: every task starts as in a worker that was just started."""
    async with running_world(own_database, temporal, "uncached", cached_drafts=0) as world:
        yield world
        check_invariants(world)


@pytest.fixture(scope="module")
def database_named(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Return the URL of a new database of this kind, migrated and with the demo catalogue, for a name."""

    def prepare(name: str) -> str:
        if database_kind == "sqlite":
            return prepare_database(f"sqlite:///{tmp_path_factory.mktemp(name) / f'{name}.db'}")
        return prepare_database(new_database(request.getfixturevalue("postgres_url"), name.replace("-", "_")))

    return prepare


def _of_file(request: pytest.FixtureRequest, database_kind: str) -> str:
    """Return the namespace of a file's own installation: its name and the database's kind."""
    return f"{request.module.__name__.rpartition('.test_')[2].replace('_', '-')}-{database_kind}"


@pytest.fixture(scope="module")
async def railway_installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, database_named: Callable[[str], str]
) -> AsyncIterator[ByRail]:
    """An installation of a file's own whose seats are at a railway."""
    name = _of_file(request, database_kind)
    async with running_by_rail(database_named(name), temporal, name) as running:
        yield running


@pytest.fixture
def by_rail(railway_installation: ByRail) -> Iterator[ByRail]:
    """The installation with the railway, which does what it promises until a test says otherwise."""
    yield railway_installation
    railway_installation.railway.clear()


@pytest.fixture(scope="module")
def bank() -> WatchedBank:
    """The bank of `bank_installation`, which records its calls."""
    return WatchedBank()


@pytest.fixture(scope="module")
async def bank_installation(
    database_kind: str,
    temporal: str,
    bank: WatchedBank,
    request: pytest.FixtureRequest,
    database_named: Callable[[str], str],
) -> AsyncIterator[World]:
    """An installation of a file's own whose payments are at a bank."""
    name = _of_file(request, database_kind)
    with provider_for(bank) as provider:
        async with running_world(database_named(name), temporal, name, provider) as world:
            yield world
            check_invariants(world)


@pytest.fixture
def client(stack: Stack) -> Iterator[NativeClient]:
    """A client of the native API of the stack that a module has started."""
    native = NativeClient(stack.api)
    yield native
    native.close()


@pytest.fixture
def store(stack: Stack) -> Iterator[Store]:
    """The store of the stack; all its invariants must hold at the end."""
    opened = Store(stack.database)
    yield opened
    with opened.read() as tx:
        assert list(invariants.violations(tx)) == []
    opened.close()
