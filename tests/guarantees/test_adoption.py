"""A run adopts what an earlier run left: here a run that an operator terminated, against all advice."""

from tests.support.canary import ADULT
from tests.support.world import CARD, World, replace


async def start_terminated_draft(world: World) -> tuple[str, str]:
    """Return an order with a draft of two changes and a payment, and its snapshot before them."""
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    for _ in range(2):
        assert (await world.upgrade(order)).status == 200
    assert (await world.pay(order, "30.00")).status == 200
    await world.workflow(order).terminate("terminated by mistake")
    return order, before


async def test_a_discard_undoes_what_a_terminated_run_did(world: World) -> None:
    order, before = await start_terminated_draft(world)
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert len(world.seats_of(order)) == 1
    assert world.at_most_once(order)


async def test_a_confirmation_confirms_what_a_terminated_run_did(world: World) -> None:
    order, _ = await start_terminated_draft(world)
    assert (await world.confirm(order, CARD)).status == 200
    shown = await world.show(order)
    assert (shown["status"], shown["version"], shown["balance"], shown["paid"]) == ("confirmed", 2, "0.00", "399.00")
    assert len(world.seats_of(order)) == 1


async def test_a_further_change_builds_on_what_a_terminated_run_did(world: World) -> None:
    order, before = await start_terminated_draft(world)
    bundle = await world.offer("standard", ADULT, service=world.train())
    assert (await world.change(order, replace([f"{order}-1"], bundle))).status == 200
    assert (await world.show(order))["version"] == 2
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
