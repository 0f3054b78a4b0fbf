import pytest

from tests.support.discover_client import DiscoverClient
from tests.support.world import World


@pytest.fixture
def market(world: World) -> DiscoverClient:
    """A client of discover.swiss's API."""
    return DiscoverClient(world)
