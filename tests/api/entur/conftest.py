import pytest

from tests.support.entur_client import EnturClient
from tests.support.world import World


@pytest.fixture
def sales(world: World) -> EnturClient:
    """A client of Entur's API."""
    return EnturClient(world)
