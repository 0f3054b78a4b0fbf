"""Installations that some laws need beside the usual one."""

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
    """An installation that keeps no run in memory: each task is begun as by a worker just started."""
    async with running_world(own_database, temporal, "uncached", cached_drafts=0) as world:
        yield world
        check_invariants(world)


@pytest.fixture
def shop(stack: Stack) -> Iterator[NativeClient]:
    """A client of the stack a module has started."""
    made = NativeClient(stack.api)
    yield made
    made.close()


@pytest.fixture
def book(stack: Stack) -> Iterator[Store]:
    """The stack's books, which must be right at the end."""
    made = Store(stack.database)
    yield made
    with made.read() as tx:
        assert list(invariants.violations(tx)) == []
    made.close()
