"""An API with a door, on a world's store."""

from collections.abc import AsyncIterator

import pytest

from tests.support.auth import AuthenticatedWorld, guarded
from tests.support.world import World


@pytest.fixture
async def door(world: World) -> AsyncIterator[AuthenticatedWorld]:
    async with guarded(world) as made:
        yield made
