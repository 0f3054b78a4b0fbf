"""Installations that some laws need beside the usual one."""

from collections.abc import AsyncIterator

import pytest

from cli import catalogue
from settings import Settings
from store.migrate import migrate
from tests.support.endings import check_books
from tests.support.installation import running_world
from tests.support.world import World


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated SQLite database with the demo catalogue."""
    url = f"sqlite:///{tmp_path_factory.mktemp('own') / 'own.db'}"
    migrate(url)
    catalogue.load(Settings(database=url))
    return url


@pytest.fixture(scope="module")
async def uncached(temporal: str, own_database: str) -> AsyncIterator[World]:
    """An installation that keeps no run in memory: each task is begun as by a worker just started."""
    async with running_world(own_database, temporal, "uncached", cached_drafts=0) as world:
        yield world
        check_books(world)
