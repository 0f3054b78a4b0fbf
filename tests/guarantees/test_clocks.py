"""A clock that steps back changes no order of things: what is undone is ordered by a sequence."""

import re
from datetime import timedelta

import pytest

from tests.support.canary import ADULT
from tests.support.world import World
from tests.test_layout import ROOT

STEPS_BACK = [timedelta(seconds=2), timedelta(seconds=15)]


@pytest.mark.parametrize("back", STEPS_BACK, ids=str)
async def test_a_draft_is_undone_last_first_though_the_clock_stepped_back_between_its_changes(
    world: World, back: timedelta
) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    await world.upgrade(order)
    with world.clock_at(world.components.store.now() - back):
        await world.upgrade(order)
    assert (await world.discard(order)).status == 200
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    assert (await world.show(order))["status"] == "confirmed"
    assert world.at_most_once(order)


@pytest.mark.parametrize("back", STEPS_BACK, ids=str)
async def test_a_lost_draft_is_undone_last_first_though_the_clock_stepped_back(world: World, back: timedelta) -> None:
    order = await world.sold(ADULT)
    before, seats = world.snapshot(order), world.seats_of(order)
    await world.upgrade(order)
    with world.clock_at(world.components.store.now() - back):
        await world.upgrade(order)
    await world.workflow(order).terminate()
    assert (await world.discard(order)).status == 200
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)


def test_no_query_orders_steps_by_the_time_at_which_they_or_their_changes_ended() -> None:
    ordered = re.compile(r"order_by\([^\n]*(?:finished_at|started_at|done_at|withdrawn_at)")
    found = [path for path in (ROOT / "store").rglob("*.py") if ordered.search(path.read_text())]
    assert found == []
