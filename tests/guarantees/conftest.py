"""Installations that some guarantees need beside the usual one."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cli.http_clients.native import NativeClient
from cli.stack import Stack
from store import invariants
from store.database.store import Store
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
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
