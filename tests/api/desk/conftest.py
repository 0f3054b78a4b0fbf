"""Fixtures of the desk's tests."""

from datetime import timedelta

import pytest

from tests.api.desk.visitor import Visitor
from tests.support.world import World
from workflows.saga import step_runner


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call an operator after three seconds instead of thirty: enough for a first failure to be recorded."""
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=3))


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world.http)
