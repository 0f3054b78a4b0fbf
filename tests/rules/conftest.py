"""A shop for each test."""

import uuid

import pytest

from tests.rules.shop import Shop
from tests.support.world import World


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world, f"rail-{uuid.uuid4().hex[:8]}")
