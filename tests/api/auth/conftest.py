"""An API with a door, on a world's store."""

from collections.abc import AsyncIterator

import pytest

from tests.support.auth import AuthenticatedWorld, with_authentication
from tests.support.world import World


@pytest.fixture
async def door(world: World) -> AsyncIterator[AuthenticatedWorld]:
    async with with_authentication(world) as made:
        yield made
