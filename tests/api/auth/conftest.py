"""An API that authenticates its callers, on a world's store."""

from collections.abc import AsyncIterator

import pytest

from tests.support.auth import AuthenticatedWorld, with_authentication
from tests.support.world import World


@pytest.fixture
async def authenticated(world: World) -> AsyncIterator[AuthenticatedWorld]:
    async with with_authentication(world) as api:
        yield api
