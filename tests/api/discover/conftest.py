import pytest

from tests.support.discover_client import Market
from tests.support.world import World


@pytest.fixture
def market(world: World) -> Market:
    """A client of discover.swiss's routes."""
    return Market(world)
