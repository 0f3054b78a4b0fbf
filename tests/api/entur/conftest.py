import pytest

from tests.support.entur_client import Sales
from tests.support.world import World


@pytest.fixture
def sales(world: World) -> Sales:
    """A client of Entur's routes."""
    return Sales(world)
